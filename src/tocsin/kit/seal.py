"""Secrets in the database are sealed: with keys from a setting, or from a file that is made on first start.

The first key seals, all of them open; to rotate, put a new key in front, reseal, then drop the old one. The keys must
be the same on every machine of an installation.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tocsin.kit import wording
from tocsin.kit.settings import Settings, SettingsError

FILE = "sealing.key"


class SealError(Exception):
    """A sealed text that none of our keys opens."""


class Seal:
    """Seals and opens short texts."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._box = MultiFernet([Fernet(key) for key in keys])

    def seal(self, text: str) -> str:
        """`text` as it may lie in the database."""
        return self._box.encrypt(text.encode()).decode("ascii")

    def open(self, sealed: str) -> str:
        """The text again. Raises SealError."""
        try:
            return self._box.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SealError("no sealing key of this installation opens it: TOCSIN_SEALING_KEYS is incomplete") from None

    def reseal(self, sealed: str) -> str:
        """The same text sealed by the first key. Raises SealError."""
        return self.seal(self.open(sealed))


def open_seal(settings: Settings, *, make: bool = False) -> Seal:
    """The seal of this installation. Raises SettingsError where there is no key and `make` is off, or a bad one."""
    return Seal(settings.sealing_keys or _read_keys(settings.home / FILE, make=make))


def derive_keys(settings: Settings, purpose: str) -> tuple[bytes, ...]:
    """32 bytes of each sealing key, for something else than sealing; the first signs. Raises SettingsError."""
    keys = settings.sealing_keys or _read_keys(settings.home / FILE, make=False)
    return tuple(hashlib.sha256(f"{purpose}\0{key}".encode()).digest() for key in keys)


def _read_keys(file: Path, *, make: bool) -> tuple[str, ...]:
    try:
        there = file.exists()
    except PermissionError:
        raise SettingsError([f"TOCSIN_HOME {file.parent} belongs to another user"]) from None
    if not there:
        if not make:
            raise SettingsError(
                [f"there is no sealing key: set TOCSIN_SEALING_KEYS, or TOCSIN_HOME to where {FILE} is"]
            )
        _make_file(file)
    try:
        keys = wording.keys(",".join(file.read_text(encoding="ascii").split()))
    except PermissionError:
        raise SettingsError([f"{file} belongs to another user"]) from None
    except ValueError as error:
        raise SettingsError([f"{file} {error}"]) from None
    if not keys:
        raise SettingsError([f"{file} holds no key"])
    return keys


def _make_file(file: Path) -> None:
    """Complete or not at all, and of two that make it at once the first wins."""
    file.parent.mkdir(parents=True, exist_ok=True)
    work = file.with_name(f"{FILE}.{os.getpid()}")
    work.unlink(missing_ok=True)
    with os.fdopen(os.open(work, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
        out.write(Fernet.generate_key() + b"\n")
        out.flush()
        os.fsync(out.fileno())
    if os.geteuid() == 0:  # a verb of root's in the home of the user that the product runs as
        os.chown(work, file.parent.stat().st_uid, file.parent.stat().st_gid)
    try:
        os.link(work, file)
    except FileExistsError:
        pass
    finally:
        work.unlink()
