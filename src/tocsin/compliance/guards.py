"""What sends are screened by, in the memory of each process: which numbers may be on a list, words, caps, quiet hours.

Renewed by kit.reference. Words, caps and quiet rules are read whole; of the lists, which may have a million rows, only what is
new, and only into sieves: who is a suspect there is asked of the database (see screen.py). Where nothing is configured
`idle` says so, and a send pays for one look at a flag.
"""

from __future__ import annotations

from collections.abc import Collection

from tocsin.compliance import store
from tocsin.compliance.caps import CapBook
from tocsin.compliance.model import EVERYBODY, OptIn, OptOut
from tocsin.compliance.quiet import QuietBook
from tocsin.compliance.sieve import Sieve
from tocsin.compliance.words import WordList
from tocsin.kit.db import Session
from tocsin.traffic import Priority

_PAGE = 5000  # a few milliseconds of the event loop


class Listed:
    """The sieves of one list, by account. Rows only come in the order of their ids (sql/0003_compliance.sql)."""

    def __init__(self, statements: store.ListStatements) -> None:
        self._statements = statements
        self._sieves: dict[int, Sieve] = {}
        self._since = 0

    def accounts(self) -> Collection[int]:
        """Those with rows."""
        return self._sieves.keys()

    def of(self, account_id: int) -> Sieve | None:
        """The sieve of an account's rows; None: it has none."""
        return self._sieves.get(account_id)

    def bars(self, account_id: int) -> bool:
        """Whether the account, or everybody, has rows."""
        return account_id in self._sieves or EVERYBODY in self._sieves

    async def load(self, session: Session) -> None:
        """Read all rows anew. Raises LOST."""
        counts = await store.count_list(session, self._statements)
        # Read aside: until it is done the old state stands.
        fresh = Listed(self._statements)
        fresh._sieves = {account_id: Sieve(count) for account_id, count in counts}
        await fresh.read_new(session)
        self._sieves, self._since = fresh._sieves, fresh._since

    async def read_new(self, session: Session) -> None:
        """Read the rows that came since. Raises LOST."""
        while pages := await store.read_list(session, self._statements, self._since, _PAGE):
            for account_id, _, values in pages:
                self._sieves.setdefault(account_id, Sieve()).add(values)
            self._since = max(last_id for _, last_id, _ in pages)
        for account_id in [each for each, sieve in self._sieves.items() if sieve.is_full]:
            await self._enlarge(session, account_id)

    async def _enlarge(self, session: Session, account_id: int) -> None:
        larger = Sieve(self._sieves[account_id].count)
        after_id = 0
        while page := await store.read_list_of(session, self._statements, (account_id, after_id, self._since, _PAGE)):
            after_id, values = page
            larger.add(values)
        self._sieves[account_id] = larger

    async def drop_empty(self, session: Session) -> None:
        """Forget accounts whose last row was removed; the other sieves go on suspecting what is gone. Raises LOST."""
        left = await store.find_listed(session, self._statements, list(self._sieves))
        for account_id in self._sieves.keys() - left:
            del self._sieves[account_id]


class Guards:
    """Source of everything that sends are screened by."""

    clocks: tuple[str, ...] = (
        "blacklist", "blacklist.deleted", "opt_out", "opt_out.deleted", "sensitive_word", "cap", "quiet_rule", "opt_answer",
    )  # fmt: skip

    def __init__(self) -> None:
        self.blacklist = Listed(store.BLACKLIST)
        self.opt_outs = Listed(store.OPT_OUTS)
        self.caps = CapBook()
        self.quiet = QuietBook()
        self._words = WordList()
        self._answers: dict[tuple[int, str, str], str] = {}
        self._is_empty = True  # nothing is configured for anybody, words apart

    async def load(self, session: Session) -> None:
        """Read all anew. Raises LOST."""
        await self.blacklist.load(session)
        await self.opt_outs.load(session)
        await self._read_small(session, frozenset(self.clocks))
        self._note_empty()

    async def refresh(self, session: Session, moved: frozenset[str]) -> None:
        """Read what changed. Raises LOST."""
        for name, listed in (("blacklist", self.blacklist), ("opt_out", self.opt_outs)):
            if name in moved:
                await listed.read_new(session)
            if f"{name}.deleted" in moved:
                await listed.drop_empty(session)
        await self._read_small(session, moved)
        self._note_empty()

    async def _read_small(self, session: Session, moved: frozenset[str]) -> None:
        if "sensitive_word" in moved:
            self._words = WordList(await store.read_words(session))
        if "cap" in moved:
            self.caps = CapBook(await store.read_caps(session))
        if "quiet_rule" in moved:
            self.quiet = QuietBook(await store.read_quiet_rules(session))
        if "opt_answer" in moved:
            answers = await store.read_answers(session)
            self._answers = {(each.account_id, each.kind, each.language): each.content for each in answers}

    def _note_empty(self) -> None:
        parts = (self.blacklist.accounts(), self.opt_outs.accounts(), self.caps.accounts, self.quiet.accounts)
        self._is_empty = not any(parts)

    def idle(self, account_id: int, action: int) -> bool:
        """Whether nothing is configured that an account's requests of this action could meet, words apart."""
        if self._is_empty:
            return True
        if self.blacklist.bars(account_id) or self.caps.find(account_id, action):
            return False
        return action != Priority.MARKETING or not (
            self.opt_outs.of(account_id) is not None or self.quiet.concerns(account_id)
        )

    def find_word(self, text: str) -> str | None:
        """The first sensitive word that the text holds; None: none. Replies of the API must not echo it."""
        return self._words.find(text) if self._words.count else None

    def find_answer(self, account_id: int, reply: OptOut | OptIn) -> str | None:
        """What a terminal user is answered, in the language of the word; None: nothing, the default."""
        kind = "out" if isinstance(reply, OptOut) else "in"
        own = self._answers.get((account_id, kind, reply.language))
        return own if own is not None else self._answers.get((EVERYBODY, kind, reply.language))
