"""The SMPP carrier against node-smpp as the SMSC: what goes out is what it reads, what it delivers is what we read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.messages import submission
from tests.conformance.sink import RecordingSink, RefusedError
from tests.peers.node_smpp import PASSWORD, USER, Smsc, run_smsc
from tests.poll import until
from tocsin.carriers import ChannelFacts, open_link
from tocsin.content import measure, split
from tocsin.kit.ids import Ids
from tocsin.traffic import Inbound, Link, Outcome, OutcomeKind, Reason, Receipt, Submission

_IDS = Ids()
NUMBER = "628123000000"
LONG_GSM = "[Grüße] für 5 € an alle; " * 16
LONG_UCS2 = "你好,世界 😀 " * 20


@pytest.fixture
def smsc(tmp_path: Path) -> Iterator[Smsc]:
    with run_smsc(tmp_path) as running:
        yield running


class Bed:
    """A link that is bound, and what it told."""

    def __init__(self, smsc: Smsc) -> None:
        self._smsc = smsc
        self.sink = RecordingSink()
        self.link: Link

    async def open(self, **config: Any) -> None:
        facts = {
            "host": "127.0.0.1", "port": self._smsc.port, "system_id": USER, "password": PASSWORD, "reconnect_s": 0.05,
            "answer_s": 5, "throttled_s": 0.05,
        }  # fmt: skip
        self.link = open_link("smpp", ChannelFacts(1, "peer", facts | config), "")
        await self.link.open(self.sink)
        await until(lambda: not self.link.state().down)

    async def send(self, sent: list[Submission]) -> list[Outcome]:
        """Outcomes in the order of `sent`; what the link gives back is handed over again."""
        left = await self.link.submit(sent)
        while left:
            await until(lambda: not self.link.state().down)
            left = await self.link.submit(left)
        await until(lambda: len(self.sink.answers()) >= len(sent), 20)
        answers = self.sink.answers()
        return [answers[each.message_id, each.attempt, each.part] for each in sent]  # type: ignore[index]


@pytest.fixture
async def bed(smsc: Smsc) -> AsyncIterator[Bed]:
    made = Bed(smsc)
    yield made
    await made.link.close()


def parts_of(content: str, phone: str = NUMBER, *, wide: bool = False) -> list[Submission]:
    message_id, texts = _IDS.one(), split(content, wide=wide)
    plain = submission(phone, message_id=message_id, parts=len(texts))
    fields = {name: getattr(plain, name) for name in plain.__struct_fields__} | {
        "wide": wide,
        "ucs2": measure(content).ucs2,
    }
    return [Submission(**(fields | {"part": place, "text": text})) for place, text in enumerate(texts, 1)]


def many(count: int) -> list[Submission]:
    return [submission(f"62812300{place:05d}") for place in range(count)]


@pytest.mark.parametrize("content", ["plain text", "[Grüße] für 5 €", "你好 😀", LONG_GSM, LONG_UCS2])
@pytest.mark.parametrize("form", ["udh8", "udh16", "sar"])
async def test_it_reads_what_we_write(smsc: Smsc, bed: Bed, content: str, form: str) -> None:
    await bed.open(long_text=form)
    sent = parts_of(content, wide=form == "udh16")
    assert {each.kind for each in await bed.send(sent)} == {OutcomeKind.ACCEPTED}
    submits = smsc.submits()
    assert "".join(each["text"] for each in submits) == content
    assert {each["destination_addr"] for each in submits} == {NUMBER}
    assert len(submits) == len(sent)
    await until(lambda: len(bed.sink.receipt_rows) == len(sent))


@pytest.mark.parametrize(
    ("options", "config"),
    [
        ({"receipts": "text"}, {}),
        ({"receipts": "tlv"}, {}),
        ({"receipts": "both", "receipt_by": "data_sm"}, {}),
        ({"receipt_before_resp": True, "receipt_times": 2, "receipt_order": "reversed"}, {}),
        ({"ids": "hex-in-resp", "receipts": "text"}, {"id_format": "hex"}),
        ({"ids": "hex-in-resp", "receipts": "both"}, {"id_format": "either"}),
        ({"split_octets": 7}, {"window": 5}),
        ({"intermediate": True}, {"intermediate": True}),
    ],
)
async def test_its_receipts_name_our_messages(
    smsc: Smsc, bed: Bed, options: dict[str, Any], config: dict[str, Any]
) -> None:
    smsc.set(**options)
    await bed.open(**config)
    outcomes = await bed.send(many(60))
    ids = {each.carrier_id for each in outcomes}
    assert len(ids) == 60

    def named() -> set[str]:
        told = [each for _, each in bed.sink.receipt_rows if each.reason is Reason.SUCCESS]
        return {next(each for each in (receipt.carrier_id, *receipt.others) if each in ids) for receipt in told}

    await until(lambda: len(bed.sink.receipt_rows) >= 60 * options.get("receipt_times", 1) and named() == ids, 20)
    await until(lambda: smsc.counts()["waiting"] == 0)


async def test_what_the_platform_cannot_store_comes_again(smsc: Smsc, bed: Bed) -> None:
    await bed.open()
    bed.sink.refuse_calls = 2
    outcomes = await bed.send(many(20))
    await until(lambda: bed.sink.receipt_counts().keys() == {each.carrier_id for each in outcomes}, 20)
    assert bed.sink.refusals == 2
    await until(lambda: smsc.counts()["waiting"] == 0)


class Choosy(RecordingSink):
    """Has no place for one number."""

    async def receipts(self, receipts: Sequence[Receipt]) -> None:
        if any(receipt.phone == f"62812300{7:05d}" for receipt in receipts):
            raise RefusedError
        await super().receipts(receipts)


async def test_one_receipt_that_cannot_be_stored_holds_up_no_other(smsc: Smsc, bed: Bed) -> None:
    bed.sink = Choosy()
    await bed.open()
    await bed.send(many(50))
    await until(lambda: len(bed.sink.receipt_counts()) == 49, 20)
    assert set(bed.sink.receipt_counts().values()) == {1}
    await until(lambda: smsc.counts()["acked"] == 49)  # that one comes again and again


async def test_statuses_and_states(smsc: Smsc, bed: Bed) -> None:
    smsc.set(
        errors={"01": 0x0B, "02": 0x58, "03": 0x08, "04": 0x401, "05": 0x45},
        states={"11": ["UNDELIV", 5, 1], "12": ["EXPIRED", 3, 0], "13": ["REJECTD", 8, 7]},
    )
    await bed.open(
        errors={"0x401": "blacklisted"}, receipt_errors={"001": "number error", "007": "blacklisted"}, throttled_tries=2
    )
    endings = ("01", "02", "03", "04", "05", "11", "12", "13")
    outcomes = await bed.send([submission(f"6281230000{ending}") for ending in endings])
    assert [(each.kind, each.reason) for each in outcomes] == [
        (OutcomeKind.PERMANENT, Reason.NUMBER_ERROR),
        (OutcomeKind.THROTTLED, Reason.SENDING),
        (OutcomeKind.TEMPORARY, Reason.SENDING),
        (OutcomeKind.PERMANENT, Reason.BLACKLISTED),
        (OutcomeKind.PERMANENT, Reason.REJECTED),
        *[(OutcomeKind.ACCEPTED, Reason.SENDING)] * 3,
    ]
    await until(lambda: len(bed.sink.receipt_rows) == 3)
    told = {receipt.phone[-2:]: receipt.reason for _, receipt in bed.sink.receipt_rows}
    assert told == {"11": Reason.NUMBER_ERROR, "12": Reason.EXPIRED, "13": Reason.BLACKLISTED}


async def test_throttled_submits_go_again_and_all_arrive_once(smsc: Smsc, bed: Bed) -> None:
    smsc.set(throttle_every=40, queue_full_every=70)
    await bed.open(window=20)
    outcomes = await bed.send(many(400))
    assert {each.kind for each in outcomes} == {OutcomeKind.ACCEPTED}
    counts = smsc.counts()
    assert counts["taken"] == 400
    assert 0 < counts["submits"] - 400 < 40


@pytest.mark.parametrize("fault", ["drop_every", "drop_mid_pdu_every"])
async def test_a_connection_that_drops_leaves_answers_unknown_and_loses_none(smsc: Smsc, bed: Bed, fault: str) -> None:
    smsc.set(**{fault: 150})
    await bed.open(window=10)
    sent = many(400)
    outcomes = await bed.send(sent)
    unknown = [each for each in outcomes if each.kind is OutcomeKind.UNKNOWN]
    assert {each.kind for each in outcomes} == {OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN}
    assert len(unknown) <= 10 * 3
    numbers = [each["destination_addr"] for each in smsc.submits()]
    assert len(numbers) == len(set(numbers))  # nothing went twice by itself


async def test_replies_in_parts_and_alphabets(smsc: Smsc, bed: Bed) -> None:
    await bed.open()
    smsc.deliver(source_addr=NUMBER, destination_addr="1001", text="I want it @ 5 €", data_coding=0)
    smsc.deliver(source_addr=f"+{NUMBER}", destination_addr="1001", hex="00ff10", data_coding=4)
    smsc.deliver_parts(["你好,", "世界"], source_addr=NUMBER, destination_addr="1001", data_coding=8)
    await until(lambda: len(bed.sink.replies) == 4)
    whole = [each for each in bed.sink.replies if each.parts == 1]
    assert [(each.user_number, each.service_number, each.content) for each in whole] == [
        (NUMBER, "1001", "I want it @ 5 €"),
        (NUMBER, "1001", "00ff10"),
    ]
    parts = sorted((each for each in bed.sink.replies if each.parts == 2), key=lambda each: each.part)
    assert [(each.reference, each.part, each.content) for each in parts] == [(7, 1, "你好,"), (7, 2, "世界")]
    assert all(isinstance(each, Inbound) for each in bed.sink.replies)


async def test_a_wrong_password_is_said_and_tried_again(smsc: Smsc, bed: Bed) -> None:
    smsc.set(password="other")
    facts = {"host": "127.0.0.1", "port": smsc.port, "system_id": USER, "password": PASSWORD, "reconnect_s": 0.05}
    bed.link = open_link("smpp", ChannelFacts(1, "peer", facts), "")
    await bed.link.open(bed.sink)
    await until(lambda: "refused" in bed.link.state().last_error)
    assert bed.link.state().down
    assert await bed.link.submit(many(1)) != ()
    smsc.set(password=PASSWORD)
    await until(lambda: not bed.link.state().down)
