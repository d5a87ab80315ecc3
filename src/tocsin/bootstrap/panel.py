"""The panel of `tocsin up` and demo.json: what a newcomer, or a script, needs for a first message."""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from tocsin.bootstrap.door import find_console_url
from tocsin.bootstrap.facts import DEMO, write_facts
from tocsin.bootstrap.login import LOGIN, PASSWORD
from tocsin.bootstrap.preparation import Prepared
from tocsin.kit import clock
from tocsin.kit.settings import Settings

BODY = '{"numbers":"81234567801","codeId":10007,"content":"Hello from Tocsin","action":"NOTIFICATION"}'


def write_demo_facts(settings: Settings, prepared: Prepared, base_url: str, dsn: str) -> None:
    """demo.json, mode 600, where there is a demo; a stale one is taken away."""
    if not prepared.account:
        (settings.home / DEMO).unlink(missing_ok=True)
        return
    facts = {"base_url": base_url, "account": prepared.account, "api_key": prepared.api_key}
    write_facts(settings.home, DEMO, {**facts, "database_url": dsn, "home": str(settings.home)})


def print_panel(
    settings: Settings, prepared: Prepared, base_url: str, log: Path | None, complaints: Mapping[str, str]
) -> None:
    """Print it to stdout, flushed. `complaints`: what to say of the processes that do not run, by name."""
    program = _find_program()
    lines = ["", f"  Tocsin is ready at {base_url}", ""]
    console = "" if "console" in complaints else find_console_url(settings)
    if console:
        lines += [f"  console  {console}", ""]
    if complaints:
        lines += [*(f"  {complaint}" for complaint in complaints.values()), ""]
    if prepared.account:
        lines += [f"  account  {prepared.account}", f"  key      {prepared.api_key}"]
        lines += [f"  log in   {LOGIN}, password {PASSWORD}"] * bool(console)
        lines += [""]
        lines += [
            "  Send a message (this line is valid for 30 minutes):",
            "",
            _build_curl(settings, prepared, base_url),
            "",
        ]
        lines += ["  See its report arrive, in another terminal, before you send:", ""]
        lines += [f"{program} listen --account {prepared.account}", ""]
    else:
        lines += ["  Make an account:", "", f"{program} account create NAME --balance 100", ""]
    if log is not None:
        lines += [f"  Logs: {_shorten(log)}"]
    lines += ["  Ctrl-C stops it.", ""]
    print("\n".join(lines), flush=True)


def _build_curl(settings: Settings, prepared: Prepared, base_url: str) -> str:
    at = str(int(clock.now_s()))
    sign = hashlib.md5(f"{prepared.account}{prepared.api_key}{at}".encode(), usedforsecurity=False).hexdigest()
    url = f"{base_url}/api/v1/sms/sendbatchsms?account={prepared.account}&sign={sign}&datetime={at}"
    trusting = "-k " if settings.tls_certificate else ""
    return f"curl -s {trusting}{shlex.quote(url)} -H 'Content-Type: application/json' -d {shlex.quote(BODY)}"


def _find_program() -> str:
    return shlex.quote(_shorten(Path(sys.executable).parent / "tocsin"))


def _shorten(path: Path) -> str:
    """Relative to where we stand, if it is below."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
