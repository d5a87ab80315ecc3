"""An email's subject and content, cut once for all recipients of a request, and filled for each of them.

The accept measures what the worker fills: both stand on the same Letter. Values are escaped where the content is HTML,
and kept on one line in the subject; a recipient's own value wins over the request's.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple

import msgspec

from tocsin.content import compile_text, is_html

_NO_VALUES: Mapping[str, str] = {}
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Filled(NamedTuple):
    """What one recipient reads."""

    subject: str
    content: str


class Letter:
    """`given`: values for every recipient. `names`: all names that any recipient has a value for; None: not known."""

    def __init__(
        self, subject: str, content: str, given: Mapping[str, str], names: Container[str] | None = None
    ) -> None:
        self._given = given
        self._subject = compile_text(subject, names, one_line=True)
        self._content = compile_text(content, names, escape_html=is_html(content))
        self._common: Filled | None = None

    def measure(self, own: Mapping[str, str]) -> tuple[int, int]:
        """Characters that the subject and the content would have for a recipient with these values."""
        values = self._join(own)
        return self._subject.measure(values), self._content.measure(values)

    def fill(self, own: Mapping[str, str]) -> Filled:
        """Subject and content for a recipient with these values."""
        if own:
            return self._fill(self._join(own))
        if self._common is None:  # many recipients without values of their own share one text
            self._common = self._fill(self._given)
        return self._common

    def _fill(self, values: Mapping[str, str]) -> Filled:
        return Filled(self._subject.fill(values), self._content.fill(values))

    def _join(self, own: Mapping[str, str]) -> Mapping[str, str]:
        return {**self._given, **own} if own else self._given


def word_values(values: Mapping[str, str]) -> str:
    """Values by name as they are stored: JSON; "" of none."""
    return msgspec.json.encode(values).decode() if values else ""


def read_values(text: str) -> Mapping[str, str]:
    """The other way round."""
    return _decode(text) if text else _NO_VALUES
