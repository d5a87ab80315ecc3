"""All approved templates, in the memory of each process that takes sends. Renewed by kit.reference.

What changed is read by version, the rest stays. Whether a content fits one is answered without a statement; what must be
built for that is built when it is first asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from tocsin.kit.db import Session
from tocsin.templates import store
from tocsin.templates.model import EMAIL, EVERYBODY, Found, Unready
from tocsin.templates.shelf import Shelf, cut_template

_PAGE = 500  # a millisecond of the event loop; of the longest texts a few

_Key = tuple[int, str]  # account (0: of every account), kind


class TemplateBook:
    """Source of approved templates."""

    clocks: tuple[str, ...] = ("template", "template.deleted")

    def __init__(self) -> None:
        self._shelves: dict[_Key, Shelf] = {}
        self._since = 0

    def find(self, account_id: int, kind: str, template_id: int) -> Found | None:
        """An approved template of the account or of every account; None: there is none of that id and kind."""
        for owner in (account_id, EVERYBODY):
            shelf = self._shelves.get((owner, kind))
            found = shelf.find(template_id) if shelf is not None else None
            if found is not None:
                return found if kind == EMAIL or cut_template(found) is not None else None
        return None

    def fits(self, account_id: int, kind: str, content: str) -> bool:
        """Whether a content fits an approved template of the account or of every account. Raises Unready."""
        is_ready = True
        for owner in (account_id, EVERYBODY):
            shelf = self._shelves.get((owner, kind))
            answer = shelf.fits(content) if shelf is not None else False
            if answer:
                return True
            is_ready = is_ready and answer is not None
        if not is_ready:
            raise Unready(account_id, kind)
        return False

    async def prepare(self, account_id: int, kind: str) -> None:
        """Make what `fits` was Unready for, in a thread; for accounts of thousands of templates it takes a while."""
        for owner in (account_id, EVERYBODY):
            shelf = self._shelves.get((owner, kind))
            if shelf is not None:
                await shelf.prepare()

    async def load(self, session: Session) -> None:
        """Read all anew, page by page; what is as it was keeps its sets. Raises LOST."""
        since = await store.read_clock(session)
        found: dict[_Key, dict[int, Found]] = {}
        after_id = 0
        while rows := await store.read_page(session, after_id, _PAGE):
            for row in rows:
                found.setdefault((row.account_id, row.kind), {})[row.id] = Found(row.id, row.subject, row.text)
            after_id = rows[-1].id
        self._shelves = {key: self._keep(key, templates) for key, templates in found.items()}
        self._since = since

    def _keep(self, key: _Key, templates: dict[int, Found]) -> Shelf:
        shelf = self._shelves.get(key)
        return shelf if shelf is not None and shelf.holds(templates) else Shelf(templates)

    async def refresh(self, session: Session, moved: frozenset[str]) -> None:
        """Read the templates that changed. Raises LOST."""
        if "template.deleted" in moved:
            await self.load(session)
            return
        while rows := await store.read_changed(session, self._since, _PAGE):
            self._take(rows)
            self._since = rows[-1].version

    def _take(self, rows: Iterable[store.ChangedRow]) -> None:
        for row in rows:
            key = (row.account_id, row.kind)
            if row.is_approved:
                self._shelves.setdefault(key, Shelf({})).put(Found(row.id, row.subject, row.text))
            elif (shelf := self._shelves.get(key)) is not None:
                shelf.drop(row.id)
                if not len(shelf):
                    del self._shelves[key]
