"""The API's door as seen from outside: whether its port is free, whether it is ready, what its address is."""

from __future__ import annotations

import errno
import http.client
import ipaddress
import socket
import ssl

from tocsin.kit.settings import Settings


class PortError(Exception):
    """Why the API cannot listen, as one sentence."""


def check_port(settings: Settings) -> None:
    """Raise PortError unless the API can listen where the settings say."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except PermissionError:
        raise PortError(f"port {settings.port} needs more rights: set TOCSIN_PORT to one above 1023") from None
    except socket.gaierror:
        raise PortError(f"TOCSIN_HOST {settings.host} is no address of this machine") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(f"port {settings.port} on {settings.host} is taken: set TOCSIN_PORT to another") from None
        raise PortError(f"cannot listen on {settings.host} port {settings.port}: {error.strerror}") from None


def find_base_url(settings: Settings) -> str:
    """The URL by which this machine reaches the API."""
    scheme = "https" if settings.tls_certificate else "http"
    host = _find_local_host(settings.host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def is_ready(settings: Settings) -> bool:
    """Whether GET /readyz answers 200 at once."""
    host = _find_local_host(settings.host)
    connection: http.client.HTTPConnection
    if settings.tls_certificate:
        trusting = ssl._create_unverified_context()  # noqa: S323  our own process, on this machine
        connection = http.client.HTTPSConnection(host, settings.port, timeout=2, context=trusting)
    else:
        connection = http.client.HTTPConnection(host, settings.port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _find_local_host(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return host
