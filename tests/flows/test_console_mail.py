"""A code that goes out by a real SMTP server: smtp-sink of Postfix, a process of its own, takes what the console sends."""

from __future__ import annotations

import email
import email.policy
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlencode

import psycopg
import pytest
from cryptography.fernet import Fernet

from tests.flows.plant import find_port
from tests.poll import PATIENCE_S, until_sync
from tocsin.bootstrap.seed import ensure_defaults


class Visitor:
    """A browser without a screen: keeps cookies, brings the token along."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._cookies = {"tocsin_language": "zh-hans"}

    def ask(self, path: str, **form: str) -> tuple[int, str, str]:
        """Status, where it leads, page."""
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        head = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        try:
            if form:
                form["csrfmiddlewaretoken"] = self._cookies["tocsin_csrf"]
                head["Content-Type"] = "application/x-www-form-urlencoded"
                line.request("POST", path, urlencode(form), head)
            else:
                line.request("GET", path, headers=head)
            answer = line.getresponse()
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                name, _, rest = cookie.partition("=")
                self._cookies[name] = rest.partition(";")[0]
            return answer.status, answer.headers.get("Location", ""), answer.read().decode()
        except OSError:
            return 0, "", ""
        finally:
            line.close()


@contextmanager
def run_sink(port: int, folder: Path) -> Iterator[None]:
    """It writes each mail as a file into the folder."""
    program = shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "the tests need smtp-sink: tests/browser/install.sh"
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    words = [program, *as_nobody, "-d", str(folder / "mail"), f"127.0.0.1:{port}", "10"]
    process = subprocess.Popen(words)
    try:
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Into which anybody may write."""
    made = Path(tempfile.mkdtemp(prefix="tocsin-mail-"))
    made.chmod(0o777)
    yield made
    shutil.rmtree(made)


@contextmanager
def run_console(port: int, home: Path, **environ: str) -> Iterator[Visitor]:
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tocsin", "console"],
            env={
                **os.environ,
                "TOCSIN_HOME": str(home),
                "TOCSIN_CONSOLE_PORT": str(port),
                "TOCSIN_SEALING_KEYS": Fernet.generate_key().decode(),
                **environ,
            },
            stdout=log,
            stderr=log,
        )
    try:
        visitor = Visitor(port)
        until_sync(lambda: visitor.ask("/healthz")[0] == 200, 30)
        yield visitor
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def read_mail(folder: Path) -> EmailMessage:
    files = until_sync(lambda: [file for file in folder.iterdir() if b"\n\n" in file.read_bytes()], 10)
    assert len(files) == 1
    return email.message_from_bytes(files[0].read_bytes(), policy=email.policy.default)


def test_a_code_that_an_smtp_server_took_lets_the_visitor_in(tmp_path: Path, folder: Path, database: str) -> None:
    with psycopg.connect(database) as conn:
        ensure_defaults(conn)
    port, smtp_port = find_port(), find_port()
    environ = {
        "DATABASE_URL": database,
        "TOCSIN_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
        "TOCSIN_MAIL_FROM": "Tocsin <console@tocsin.test>",
    }
    with run_sink(smtp_port, folder), run_console(port, tmp_path, **environ) as visitor:
        assert visitor.ask("/outbox/")[0] == 404, "nobody reads the codes of others"
        visitor.ask("/user/signup/")
        form = {"email": "ada@customer.test", "password1": "correct horse battery"}
        assert visitor.ask("/user/signup/", **form)[:2] == (302, "/user/confirm-email/")
        mail = read_mail(folder)
        assert (mail["From"], mail["To"]) == ("Tocsin <console@tocsin.test>", "ada@customer.test")
        assert mail["Subject"] == "确认您的 Tocsin 邮箱地址"
        assert mail["Auto-Submitted"] == "auto-generated"
        text = mail.get_content()
        assert "您用于确认此邮箱地址的 Tocsin 验证码" in text
        code = re.search(r"^ +(\S+)$", text, re.MULTILINE)
        assert code
        assert visitor.ask("/user/confirm-email/", code=code[1])[0] == 302
        assert visitor.ask("/quick-start/")[0] == 200
