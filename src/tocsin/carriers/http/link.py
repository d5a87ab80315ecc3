"""The link to a carrier with an HTTP API: a request for each submission, so many at once.

A connection that cannot be made is TEMPORARY, an answer that does not come after the request was written UNKNOWN; the
rest the answer says. A throttled request makes the whole link rest. It must not send anything twice by itself: a used
connection that breaks is no reason to ask again.
"""

from __future__ import annotations

from collections.abc import Sequence

from tocsin.carriers.crew import Crew, Job, answer_all, open_egress, pick_sms
from tocsin.carriers.http import mapping
from tocsin.carriers.http.config import HttpConfig
from tocsin.carriers.http.words import LOUD
from tocsin.carriers.meter import Meter, Metered
from tocsin.carriers.model import ChannelFacts
from tocsin.carriers.waits import read_wait_s
from tocsin.kit import clock
from tocsin.kit.answer import Answer
from tocsin.kit.egress import AddressRefusedError, NoAnswerError, Talk
from tocsin.traffic import LinkState, Outcome, OutcomeKind, Reason, Sink, Submission

_KEPT_BODY = 65_536


class HttpLink:
    """Of one channel, in one worker."""

    def __init__(self, channel: ChannelFacts, config: HttpConfig, _dsn: str) -> None:
        self.whole, self.wide = config.long_text == "whole", False
        self._meter = Meter()
        self._config = config
        self._method = config.method.encode()
        talk = Talk(config.keep_alive_s, config.connections, _KEPT_BODY, _KEPT_BODY, asks_anew=False)
        self._egress = open_egress(config.connect_timeout_s, config.timeout_s, talk)
        self._crew = Crew(channel.name, config.connections, config.longest_pause_s, self._carry)

    async def open(self, sink: Sink) -> None:
        """Begin; nothing is asked before the first submission."""
        self._crew.open(Metered(sink, self._meter))

    def state(self) -> LinkState:
        """There is nothing to be bound: a request makes its own connection."""
        return self._meter.read(0, 0, self._config.connections)

    async def submit(self, submissions: Sequence[Submission]) -> Sequence[Submission]:
        """Take these; waits while as many are waiting as may be under way."""
        self._meter.hand(len(submissions))
        await self._crew.submit([Job([submission]) for submission in pick_sms(self._crew, submissions)])
        return ()

    async def close(self) -> None:
        """What has not begun is TEMPORARY; what is under way has about two seconds."""
        await self._crew.close()
        self._egress.close()

    async def _carry(self, job: Job) -> list[Outcome]:
        submission, now = job.submissions[0], clock.now_s()
        try:
            request = mapping.write_request(self._config, submission, now)
        except ValueError as error:
            self._crew.complain(f"a message does not fit into a request: {error}")
            return answer_all(job.submissions, OutcomeKind.PERMANENT, now, Reason.REJECTED)
        job.sent = True
        try:
            answer = await self._egress.ask(request.target, request.headers, request.body, self._method)
        except NoAnswerError as error:
            job.sent = error.sent
            self._crew.complain(f"no answer: {error}")
            kind = OutcomeKind.UNKNOWN if error.sent else OutcomeKind.TEMPORARY
            return answer_all(job.submissions, kind, clock.now_s())
        except (AddressRefusedError, OSError) as error:
            self._crew.complain(f"no connection: {error}")
            return answer_all(job.submissions, OutcomeKind.TEMPORARY, clock.now_s())
        return [self._read(submission, answer)]

    def _read(self, submission: Submission, answer: Answer) -> Outcome:
        fate, carrier_id = mapping.read_answer(self._config, answer, mapping.name_submission(submission))
        now = clock.now_s()
        if fate.kind is OutcomeKind.THROTTLED:
            asked_s = read_wait_s(answer.header("retry-after"), now)
            self._crew.pause(self._config.pause_s if asked_s is None else asked_s)
        elif fate.kind is OutcomeKind.UNKNOWN or answer.status in LOUD or answer.status // 100 == 3:
            self._crew.complain(f"the carrier answered {answer.status}: the settings do not fit it")
        elif fate.kind is OutcomeKind.ACCEPTED and carrier_id is None:
            self._crew.complain(
                "the carrier took a message and gave no id where id_at looks: its receipt cannot be matched"
            )
        return Outcome(
            submission.message_id, submission.attempt, submission.part, fate.kind, now, carrier_id, fate.reason
        )
