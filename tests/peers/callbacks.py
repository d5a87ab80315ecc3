"""A web server that keeps the queries of the requests that it gets: where Kannel's dlr-url and get-url lead."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from tests.peers.program import HOST


class Callbacks:
    """What came, in order."""

    def __init__(self) -> None:
        self.got: list[dict[str, str]] = []
        got = self.got

        class Keep(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                got.append(dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True)))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class calls it so
                """Nothing on stderr."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 512
            daemon_threads = True

        self.server = Server((HOST, 0), Keep)
        self.url = f"http://{HOST}:{self.server.server_address[1]}/"


@contextlib.contextmanager
def run_callbacks() -> Iterator[Callbacks]:
    """For the time of the block."""
    callbacks = Callbacks()
    thread = threading.Thread(target=callbacks.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield callbacks
    finally:
        callbacks.server.shutdown()
        thread.join()
        callbacks.server.server_close()
