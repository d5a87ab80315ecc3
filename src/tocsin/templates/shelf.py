"""The approved templates of one account and kind, and which contents fit one of them.

Matching stands on a TemplateSet, which takes 0.05 ms a template to build, up to 0.4 ms for the longest: thousands would
hold up the event loop. So there is a large set, built in a thread, and a small one of what came since, built where it is
asked for. One more template never makes thousands be read again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import Final

from tocsin.content import Template, TemplateSet
from tocsin.templates.model import Found

_LOG = logging.getLogger("tocsin.templates")
AT_ONCE: Final = 64  # so many are built on the event loop


class Shelf:
    """`templates`: by id."""

    def __init__(self, templates: Mapping[int, Found]) -> None:
        self._all = dict(templates)
        self._fresh = dict(templates)  # not in the large set yet
        self._gone: set[int] = set()  # in the large set, and no longer approved
        self._large_ids: frozenset[int] = frozenset()
        self._large = TemplateSet(())
        self._small: TemplateSet | None = None
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._all)

    def holds(self, templates: Mapping[int, Found]) -> bool:
        """Whether these, with the same texts, are all that it has."""
        return self._all == templates

    def find(self, template_id: int) -> Found | None:
        """The template of that id."""
        return self._all.get(template_id)

    def put(self, found: Found) -> None:
        """One was approved: its text is the same if it was before."""
        self._all[found.id] = found
        if found.id in self._large_ids:
            self._gone.discard(found.id)
        else:
            self._fresh[found.id] = found
            self._small = None

    def drop(self, template_id: int) -> None:
        """One is no longer approved, if it ever was."""
        self._all.pop(template_id, None)
        if self._fresh.pop(template_id, None) is not None:
            self._small = None
        if template_id in self._large_ids:
            self._gone.add(template_id)
            self._small = None

    def fits(self, content: str) -> bool | None:
        """Whether the content fits one of them. None: `prepare` must say first."""
        if self._small is None:
            if len(self._fresh) > AT_ONCE or len(self._gone) > len(self._all):
                return None
            self._small = TemplateSet(_cut(self._fresh.values()))
        if self._small.find(content) is not None:
            return True
        found = self._large.find(content)
        if found is None:
            return False
        return None if found in self._gone else True  # behind one that is gone there may be another

    async def prepare(self) -> None:
        """Build the large set anew in a thread, unless somebody else just did."""
        async with self._turn:
            if len(self._fresh) <= AT_ONCE and not self._gone:
                return
            taken = dict(self._all)
            self._large = await asyncio.to_thread(_build, taken)
            self._large_ids = frozenset(taken)
            # What changed meanwhile.
            self._fresh = {each.id: each for each in self._all.values() if each.id not in taken}
            self._gone = set(taken.keys() - self._all.keys())
            self._small = None


def _build(templates: Mapping[int, Found]) -> TemplateSet:
    return TemplateSet(_cut(templates.values()))


def _cut(templates: Iterable[Found]) -> list[tuple[int, Template]]:
    """Those that can be read; of the others the log says so."""
    return [(each.id, cut) for each in templates if (cut := cut_template(each)) is not None]


def cut_template(found: Found) -> Template | None:
    """The text cut at its variables. None: nobody can read it, as the rules of texts were others when it was made."""
    try:
        return found.template
    except ValueError as error:
        _LOG.error("template %d cannot be read: %s", found.id, error)
        return None
