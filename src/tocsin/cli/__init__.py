"""The command line. A verb's module is imported when the verb is used: `tocsin api` must not carry the others' weight.

To add a verb: a click command (or group) of the verb's name in a module of this folder, and a line in `_SECTIONS`.
"""

from __future__ import annotations

import importlib
import sys

import click

from tocsin.cli.base import Verbs, run_to_exit

_SECTIONS: dict[str, dict[str, str]] = {
    "Run": {
        "up": "run",
        "api": "run",
        "worker": "run",
        "push": "run",
        "console": "run",
        "clerk": "run",
        "migrate": "run",
    },
    "Try": {"send": "send", "listen": "listen", "smsc": "smsc", "demo": "demo"},
    "Look": {"doctor": "doctor", "config": "run", "ledger": "ledger"},
    "Accounts": {"account": "account", "key": "key", "grant": "country", "webhook": "webhook"},
    "Traffic and money": {
        "message": "message",
        "batch": "batch",
        "schedule": "schedule",
        "channel": "channel",
        "route": "route",
        "sender": "sender",
        "country": "country",
        "plan": "price",
        "price": "price",
        "cost": "cost",
        "template": "template",
        "mail-domain": "mail_domain",
    },
    "Guards": {
        "blacklist": "blacklist",
        "optout": "optout",
        "word": "word",
        "cap": "cap",
        "quiet": "quiet",
        "guard": "cap",
    },
    "Secrets": {"seal": "key"},
}
"""Section of the help -> verb -> module of this folder."""


class _Root(Verbs):
    """All verbs, in sections, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's call
        return [verb for verbs in _SECTIONS.values() for verb in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  the same
        for verbs in _SECTIONS.values():
            if cmd_name in verbs:
                found = getattr(importlib.import_module(f"tocsin.cli.{verbs[cmd_name]}"), cmd_name.replace("-", "_"))
                assert isinstance(found, click.Command)
                return found
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in _SECTIONS.items():
            commands = [(verb, self.get_command(ctx, verb)) for verb in verbs]
            with formatter.section(title):
                formatter.write_dl([(verb, command.get_short_help_str(100)) for verb, command in commands if command])


root = _Root(
    name="tocsin",
    no_args_is_help=True,
    help="Send SMS, MMS, voice and email over real carriers, charged and reported.\n\n"
    "`tocsin up` runs everything on this machine with a demo account and prints what to try first. "
    "Other verbs find the running database through TOCSIN_HOME or DATABASE_URL. "
    "Exit codes: 0 done, 1 a check failed, 2 wrong usage or no database.",
)


def main() -> None:
    """Entry point of `tocsin`."""
    sys.exit(run_to_exit(root, sys.argv[1:]))
