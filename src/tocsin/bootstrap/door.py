"""The doors of API and console as seen from outside: whether a port is free, whether it answers, what its address is."""

from __future__ import annotations

import errno
import http.client
import ipaddress
import socket
import ssl

from tocsin.kit.settings import Settings


class PortError(Exception):
    """Why a process cannot listen, as one sentence."""


def check_port(settings: Settings) -> None:
    """Raise PortError unless the API can listen where the settings say."""
    if settings.port == settings.console_port:
        raise PortError(f"TOCSIN_PORT and TOCSIN_CONSOLE_PORT are both {settings.port}: set one to another")
    _check(settings, settings.port, "TOCSIN_PORT")


def check_console_port(settings: Settings) -> None:
    """Raise PortError unless the console can."""
    _check(settings, settings.console_port, "TOCSIN_CONSOLE_PORT")


def _check(settings: Settings, port: int, name: str) -> None:
    try:
        family, kind, _, _, address = socket.getaddrinfo(settings.host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except PermissionError:
        raise PortError(f"port {port} needs more rights: set {name} to one above 1023") from None
    except socket.gaierror:
        raise PortError(f"TOCSIN_HOST {settings.host} is no address of this machine") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortError(f"port {port} on {settings.host} is taken: set {name} to another") from None
        raise PortError(f"cannot listen on {settings.host} port {port}: {error.strerror}") from None


def find_address(host: str) -> str:
    """The address that TOCSIN_HOST means: a name is looked up. A name that nobody knows comes back as it is."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except socket.gaierror:
        return host


def find_base_url(settings: Settings) -> str:
    """The URL by which this machine reaches the API."""
    scheme = "https" if settings.tls_certificate else "http"
    host = _find_local_host(settings.host)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{settings.port}"


def find_console_url(settings: Settings) -> str:
    """The URL by which people reach the console; "" where there is none."""
    if not settings.console_port:
        return ""
    return settings.console_url or find_base_url(settings.replace(port=settings.console_port))


def is_ready(settings: Settings) -> bool:
    """Whether the API answers GET /readyz with 200 at once."""
    return _ask(settings, settings.port, "/readyz") == http.HTTPStatus.OK


def answers_pages(settings: Settings) -> bool:
    """Whether the console answers at once."""
    return _ask(settings, settings.console_port, "/healthz") == http.HTTPStatus.OK


def _ask(settings: Settings, port: int, path: str) -> int:
    """The status of the answer; 0 where there is none."""
    host = _find_local_host(settings.host)
    connection: http.client.HTTPConnection
    if settings.tls_certificate:
        trusting = ssl._create_unverified_context()  # noqa: S323  our own process, on this machine
        connection = http.client.HTTPSConnection(host, port, timeout=2, context=trusting)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def is_public(settings: Settings) -> bool:
    """Whether others than this machine can reach API and console."""
    try:
        found = socket.getaddrinfo(settings.host, None, type=socket.SOCK_STREAM)
    except OSError:
        return True
    return not all(ipaddress.ip_address(entry[4][0]).is_loopback for entry in found)


def _find_local_host(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return "127.0.0.1" if address.version == 4 else "::1"
    return host
