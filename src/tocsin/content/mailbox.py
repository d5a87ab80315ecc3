"""Reads the recipients of an email: from what a client wrote to addresses with placeholders, or a fault (contract, section 4).

The rules for an address are email-validator's, without its look-ups. Nearly all addresses are plain ASCII and fit one
expression that is as strict; the rest goes to the library. tests/pure/test_mailbox.py proves that both say the same.

It must not know accounts, blocked addresses or duplicates: `AddressVerdict.key` is what duplicates are found by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tocsin.content.phone import show_mention
from tocsin.content.placeholders import read_placeholders

if TYPE_CHECKING:
    from email_validator import ValidatedEmail


class RecipientsReason(Enum):
    """Why recipients are refused. EMPTY: -9, there is none. TOO_MANY: -7. UNREADABLE: -12."""

    EMPTY = "empty"
    TOO_MANY = "too many"
    UNREADABLE = "unreadable"


class RecipientsError(ValueError):
    """Recipients that cannot be read; its text is a sentence for the client."""

    def __init__(self, reason: RecipientsReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Recipient(NamedTuple):
    """A mention. to: as it was written, trimmed; placeholders: the recipient's own, by name."""

    to: str
    placeholders: dict[str, str]


class AddressVerdict(NamedTuple):
    """What a written address means.

    address: the local part as it was written, the domain in lower case and ASCII; of what is no address: what was sent
    (trimmed, at most 64 characters). fault: None, or why it is none (-9).
    """

    address: str
    fault: str | None

    @property
    def key(self) -> str:
        """What a duplicate has the same of."""
        return self.address.lower()


_SEPARATORS: Final = ",;\t\r\n\uff0c\uff1b"  # as between numbers: full-width comma and semicolon too
_pieces: Final = re.compile(f"[^{_SEPARATORS}]+").finditer
_without_separators: Final = {ord(char): None for char in _SEPARATORS}


def read_recipients(value: object, most: int) -> list[Recipient]:
    """The mentions of `emails`: a comma list, a list of {to, placeholders} or of strings, or such a list as JSON text.

    Empty pieces do not count. Raises RecipientsError: none, over `most`, unreadable; in the order in which it is seen.
    """
    if isinstance(value, str) and value.lstrip("\ufeff \t\r\n")[:1] in {"[", "{"}:
        value = _decode(value, "emails")
    recipients = list[Recipient]()
    for recipient in _list_recipients(value):
        if len(recipients) == most:
            raise RecipientsError(RecipientsReason.TOO_MANY, f"more than {most} recipients")
        recipients.append(recipient)
    if not recipients:
        raise RecipientsError(RecipientsReason.EMPTY, "emails has no recipient")
    return recipients


def _decode(text: str, where: str) -> object:
    try:
        return msgspec.json.decode(text.lstrip("\ufeff \t\r\n"))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        # UnicodeError: a lone surrogate, which is no JSON text either.
        raise RecipientsError(RecipientsReason.UNREADABLE, f"{where} is no JSON") from None


def _list_recipients(value: object) -> Iterator[Recipient]:
    if value is None:
        return
    if isinstance(value, str):
        yield from _split_list(value)
    elif isinstance(value, dict):
        yield from _read_object(value, "emails")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            if isinstance(item, str):
                yield from _split_list(item)
            elif isinstance(item, dict):
                yield from _read_object(item, f"emails[{number}]")
            elif item is not None:
                raise RecipientsError(RecipientsReason.UNREADABLE, f"emails[{number}] is no address")
    else:
        raise RecipientsError(RecipientsReason.UNREADABLE, "emails is no list of addresses")


def _read_object(item: dict[object, object], where: str) -> Iterator[Recipient]:
    to = item.get("to")
    if not isinstance(to, str):
        raise RecipientsError(RecipientsReason.UNREADABLE, f"{where} has no to")
    if bare := to.strip():
        try:
            placeholders = read_placeholders(item.get("placeholders"), f"{where}.placeholders")
        except ValueError as error:
            raise RecipientsError(RecipientsReason.UNREADABLE, str(error)) from None
        yield Recipient(bare, placeholders)


def _split_list(text: str) -> Iterator[Recipient]:
    if '"' in text:
        text = _close_names(text)
    for match in _pieces(text):
        piece = match[0].strip()
        words = piece.split()
        if len(words) > 1 and "<" not in piece and all("@" in word for word in words):
            yield from (Recipient(word, {}) for word in words)
        elif piece:
            yield Recipient(piece, {})


def _close_names(text: str) -> str:
    """The text without separators inside of quoted names (`"Doe, Tom" <tom@x.com>`); names are not kept anyway."""
    segments = text.split('"')
    if len(segments) % 2:  # else a quote is left open, and quotes mean nothing
        segments[1::2] = [segment.translate(_without_separators) for segment in segments[1::2]]
    return '"'.join(segments)


# RFC 5322's dot-atom; labels of RFC 1123 without the two dashes that only Punycode has; the last one ends in a letter.
_plain_address: Final = re.compile(
    r"([a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]++(?:\.[a-zA-Z0-9_!#$%&'*+\-/=?^`{|}~]++)*+)@"
    r"((?:(?!..--)[a-zA-Z0-9](?:[a-zA-Z0-9\-]{0,61}[a-zA-Z0-9])?\.)+"
    r"(?!..--)(?:[a-zA-Z0-9][a-zA-Z0-9\-]{0,61})?[a-zA-Z])"
).fullmatch
_MOST_CHARS: Final = 254  # RFC 5321, 4.5.3.1.3, without the angle brackets
_MOST_CHARS_UNREAD: Final = 1024  # the library says better than we do what is wrong with a little too much
# Names that RFC 6761, 6762 and 7686 keep out of the public DNS. `local` and `test` are real inside of a company or of a
# test, where this product runs too; what ends in one of the others never arrives.
_PRIVATE: Final = ("local", "test")
_RESERVED: Final = frozenset({"arpa", "invalid", "localhost", "onion"})


def check_address(text: str) -> AddressVerdict:
    """The verdict on one address as the client wrote it, also with a name: `Tom <tom@x.com>`."""
    bare = text.strip()
    if bare[-1:] == ">":
        bare = bare[bare.rfind("<") + 1 : -1].strip()
    match = _plain_address(bare)
    if match is not None and len(bare) <= _MOST_CHARS:
        local, domain = match.groups()
        domain = domain.lower()
        if domain[domain.rindex(".") + 1 :] not in _RESERVED:
            return AddressVerdict(f"{local}@{domain}", None)
    return check_rare_address(bare)


def check_rare_address(bare: str) -> AddressVerdict:
    """The same for any trimmed address, by the library alone: ten times slower."""
    if not 0 < len(bare) <= _MOST_CHARS_UNREAD:
        return AddressVerdict(show_mention(bare), "The address is too long." if bare else "The address is empty.")
    try:
        found = _validator()(bare, allow_smtputf8=False, check_deliverability=False)
    except ValueError as fault:  # EmailNotValidError is one
        return AddressVerdict(show_mention(bare), str(fault))
    # The library writes postmaster and its like in lower case; the local part is the recipient's matter.
    local = found.original.rpartition("@")[0]
    return AddressVerdict(f"{local}@{found.ascii_domain}", None)


@cache
def _validator() -> Callable[..., ValidatedEmail]:
    """The library, loaded when the first rare address comes: 3 MB, 30 ms."""
    import email_validator

    # As its documentation says; the list is all that names them.
    email_validator.SPECIAL_USE_DOMAIN_NAMES[:] = [
        name for name in email_validator.SPECIAL_USE_DOMAIN_NAMES if name not in _PRIVATE
    ]
    return email_validator.validate_email
