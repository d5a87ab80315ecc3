"""The console's process by itself, for the tests that meet it over HTTP."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import psutil
from cryptography.fernet import Fernet

from tests.flows.plant import find_port
from tests.poll import until_sync

COOKIE = {"Cookie": "tocsin_session=abcdefghijklmnop"}


def with_limits(limits: str) -> str:
    """The code of the same process with other deadlines."""
    return f"""
import os
from tocsin.front import FrontLimits
from tocsin.console import serve
from tocsin.kit.log import set_up_logging
from tocsin.kit.settings import read_settings
set_up_logging("info", "console")
serve(read_settings(os.environ), "http://127.0.0.1:1", FrontLimits({limits}))
"""


class Console:
    """One run; `code` in place of `tocsin console`."""

    def __init__(
        self, directory: Path, dsn: str, code: str = "", tls: ssl.SSLContext | None = None, **own: str
    ) -> None:
        self.port = find_port()
        self.log = directory / "log"
        self._tls = tls
        environ = {"DATABASE_URL": dsn, "TOCSIN_HOME": str(directory), "TOCSIN_CONSOLE_PORT": str(self.port)}
        key = Fernet.generate_key().decode()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *(["-c", code] if code else ["-m", "tocsin", "console"])],
                env={**os.environ, **environ, "TOCSIN_SEALING_KEYS": key, **own},
                stdout=log,
                stderr=log,
            )
        until_sync(lambda: self.get("/healthz")[0] == 200, 30)

    def get(self, path: str) -> tuple[int, str]:
        """Status and text; status 0: no answer."""
        line: http.client.HTTPConnection
        if self._tls:
            line = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=self._tls)
        else:
            line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request("GET", path, headers={} if path == "/healthz" else COOKIE)
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            line.close()

    def connect(self, sent: bytes) -> socket.socket:
        """A raw connection on which that was sent."""
        line = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        line.sendall(sent)
        return line

    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()
