"""The link to an upstream platform: messages of one text in one request, each under an Idempotency-Key.

A long SMS goes up whole: the upstream cuts and charges it by itself. Where no answer came after the request was written,
the same request is asked again for a while: its key makes that safe, and the reply tells what became of the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tocsin.carriers.crew import Crew, Job, answer_all, open_egress, pick_sms
from tocsin.carriers.meter import Meter, Metered
from tocsin.carriers.model import ChannelFacts
from tocsin.carriers.tocsin import mapping
from tocsin.carriers.tocsin.config import TocsinConfig
from tocsin.carriers.tocsin.mapping import Said
from tocsin.carriers.waits import read_wait_s
from tocsin.kit import clock
from tocsin.kit.address import read_once
from tocsin.kit.egress import AddressRefusedError, NoAnswerError, Talk
from tocsin.traffic import LinkState, Outcome, OutcomeKind, Sink, Submission

_KEPT_BODY = 1024 * 1024
_IDLE_S = 3.0
_URL_MOST = 4096
_PAUSE_S = 1.0
_AGAIN_S = 0.2
_AGAIN_MOST_S = 5.0
_HEADERS = (
    b"Content-Type: application/json;charset=UTF-8\r\nAccept: application/json\r\nUser-Agent: Tocsin\r\n"
    b"Idempotency-Key: %b\r\n"
)


class TocsinLink:
    """Of one channel, in one worker."""

    whole, wide = True, False

    def __init__(self, channel: ChannelFacts, config: TocsinConfig, _dsn: str) -> None:
        self._config = config
        talk = Talk(_IDLE_S, config.connections, _KEPT_BODY, _KEPT_BODY, asks_anew=False)
        self._egress = open_egress(config.connect_timeout_s, config.timeout_s, talk)
        self._crew = Crew(channel.name, config.connections, config.longest_pause_s, self._carry)
        self._meter = Meter()

    async def open(self, sink: Sink) -> None:
        """Begin; nothing is asked before the first submission."""
        self._crew.open(Metered(sink, self._meter))

    def state(self) -> LinkState:
        """There is nothing to be bound: a request makes its own connection."""
        return self._meter.read(0, 0, self._config.connections * self._config.numbers_per_request)

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Submission]:
        """Take these; waits while as many requests are waiting as may be under way."""
        self._meter.hand(len(submissions))
        mine = pick_sms(self._crew, submissions)
        await self._crew.submit([Job(each) for each in mapping.group(mine, self._config.numbers_per_request)])
        return ()

    async def close(self) -> None:
        """What has not begun is TEMPORARY; what is under way has about two seconds."""
        await self._crew.close()
        self._egress.close()

    async def _carry(self, job: Job) -> list[Outcome]:
        body, key = mapping.write_body(self._config, job.submissions), mapping.name_request(job.submissions)
        headers = _HEADERS % key.encode()
        said = await self._ask(job, headers, body)
        if said.outcomes is None and self._config.idempotent:
            said = await self._find_out(job, headers, body)
        if said.outcomes is None:
            return answer_all(job.submissions, OutcomeKind.UNKNOWN, clock.now_s())
        return said.outcomes

    async def _find_out(self, job: Job, headers: bytes, body: bytes) -> Said:
        """Ask again until a reply tells what became of the first try, or it has taken too long."""
        until = clock.monotonic_s() + self._config.find_out_s
        wait_s = _AGAIN_S
        while clock.monotonic_s() + wait_s < until:
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _AGAIN_MOST_S)
            said = await self._ask(job, headers, body)
            if said.outcomes is not None and said.status not in mapping.BEFORE_THE_KEY:
                return said
        return Said(None, 0)

    async def _ask(self, job: Job, headers: bytes, body: bytes) -> Said:
        now = clock.now_s()
        target = read_once(mapping.write_url(self._config, now), _URL_MOST)
        before, job.sent = job.sent, True
        try:
            answer = await self._egress.ask(target, headers, body)
        except (NoAnswerError, AddressRefusedError, OSError) as error:
            self._crew.complain(f"no answer: {error}")
            job.sent = before or (isinstance(error, NoAnswerError) and error.sent)
            kind = OutcomeKind.TEMPORARY
            outcomes = None if job.sent else answer_all(job.submissions, kind, clock.now_s())
            return Said(outcomes, 0)
        now = clock.now_s()
        said = mapping.read_answer(job.submissions, answer, now)
        if said.complaint:
            self._crew.complain(said.complaint)
        if said.outcomes and any(each.kind is OutcomeKind.THROTTLED for each in said.outcomes):
            asked_s = read_wait_s(answer.header("retry-after"), now)
            self._crew.pause(_PAUSE_S if asked_s is None else asked_s)
        return said
