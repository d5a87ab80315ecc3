"""A process that a test starts and tells what to do: it prints its port as JSON and then serves."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any


class Script:
    """A script of this folder, running."""

    def __init__(self, name: str) -> None:
        script = Path(__file__).with_name(name)
        self._process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self.port = json.loads(self._process.stdout.readline())["port"]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def call(self, method: str, path: str, body: Any = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url(path), data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            got: bytes = answer.read()
        return got

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
