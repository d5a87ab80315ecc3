"""Files that a request brings along: bounded while they are read, whoever sends them."""

from __future__ import annotations

from typing import Any, Final

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

MOST_BYTES: Final = 20 * 1024 * 1024
MOST_REQUEST: Final = 64 * 1024 * 1024
"""Of a whole request: console/gateway.py reads no more."""
_MARK: Final = "tocsin.too_large"


class Bounded(FileUploadHandler):
    """Stands before Django's own: what is too large is read to nowhere, and the view is told."""

    def new_file(self, *words: Any, **named: Any) -> None:
        self._size = 0
        super().new_file(*words, **named)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:  # noqa: ARG002  Django's call
        self._size += len(raw_data)
        if self._size > MOST_BYTES:
            if self.request is not None:
                self.request.META[_MARK] = "yes"
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:  # noqa: ARG002  the same
        return None


def was_too_large(request: HttpRequest) -> bool:
    """Whether a file of the request was left out."""
    return _MARK in request.META
