"""Files of a send: parts of a multipart body, or base64 texts of JSON, one or a list of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tocsin.api.wire import Upload
from tocsin.content import read_base64
from tocsin.traffic import Attachment

FIELD = "attachment"


class Rule(NamedTuple):
    """What a product takes. `describe`: (name as it was sent or "", number from 1, bytes); raises ValueError."""

    most_files: int
    most_bytes: int  # together
    describe: Callable[[str, int, bytes], Attachment]


def read_files(value: object, rule: Rule) -> tuple[Attachment, ...]:
    """The files of a field. Raises ValueError with a sentence."""
    if value is None or value == "":
        return ()
    listed = value if isinstance(value, list) else [value]
    if len(listed) > rule.most_files:
        raise ValueError(f"{FIELD}: {len(listed)} files, {rule.most_files} at most")
    files: list[Attachment] = []
    left = rule.most_bytes
    for number, each in enumerate(listed, 1):
        name, data = _read_one(each, rule.most_bytes)
        left -= len(data)
        if left < 0:
            raise ValueError(f"{FIELD}: over {rule.most_bytes} bytes together")
        files.append(rule.describe(name, number, data))
    return tuple(files)


def _read_one(value: object, most_bytes: int) -> tuple[str, bytes]:
    if isinstance(value, Upload):
        return value.name, value.data
    if isinstance(value, str):
        try:
            return "", read_base64(value, most_bytes)
        except ValueError as error:
            raise ValueError(f"{FIELD}: {error}") from None
    raise ValueError(f"{FIELD} must be files or base64 texts")
