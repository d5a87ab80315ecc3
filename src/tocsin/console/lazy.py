"""`StrPromise`: text that is translated when it is shown. Its exact type is known to the type checker only.

`django_stubs_ext` is a development dependency, so nothing else in `src/` imports it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise
else:
    from django.utils.functional import Promise as StrPromise

__all__ = ["StrPromise"]
