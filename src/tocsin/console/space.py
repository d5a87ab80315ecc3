"""How many bytes the files of an account may take, in words."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from tocsin import files
from tocsin.console.installation import installation
from tocsin.console.tenancy import Conn

_MB = 1024 * 1024


def has_room(conn: Conn, account_id: int, more: int) -> bool:
    """Whether the account's files may take `more` bytes. It holds until the transaction ends."""
    return files.has_room(conn, account_id, more, installation().settings.files_bytes)


def tell_full() -> str:
    """Why a file is refused, and what helps."""
    most = installation().settings.files_mb
    text = _("The files of this account may take %(most)s MB. Remove exports or uploads that you no longer need.")
    return text % {"most": most}


def describe_space(conn: Conn, account_id: int) -> dict[str, Any]:
    """What is taken, and of how much."""
    kept = files.read_bytes_kept(conn, account_id)
    return {"taken_mb": -(-kept // _MB), "space_mb": installation().settings.files_mb}
