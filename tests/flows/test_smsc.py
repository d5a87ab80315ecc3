"""The simulator `tocsin smsc` as its customers see it: binds, fates of numbers, receipts that are not lost, faults."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest

from tests.flows.smsc_bed import USUAL, Customer, numbered, running, text_to
from tests.poll import until
from tocsin.kit import clock
from tocsin.smpp import (
    INTERMEDIATE,
    RECEIPT,
    UDHI,
    Bind,
    Command,
    Message,
    MessageState,
    Query,
    Status,
    Tag,
    Terms,
)
from tocsin.smsc import Faults, IdForm, Options, ReceiptBy, ReceiptForm, Step

TEXT = re.compile(
    rb"id:(\w[\w-]*) sub:001 dlvrd:00[01] submit date:\d{10} done date:\d{10} stat:([A-Z]{7,8}) err:(\d{3}) text:(.*)"
)


def read(receipt: Message) -> tuple[bytes, bytes, bytes]:
    found = TEXT.fullmatch(receipt.text)
    assert found is not None, receipt.text
    return found[1], found[2], found[3]


@pytest.mark.parametrize(
    ("bind", "status"),
    [
        (Bind(b"other", b"secret"), Status.INVALID_SYSTEM_ID),
        (Bind(b"acme", b"wrong"), Status.INVALID_PASSWORD),
        (Bind(b"acme", b"secret"), None),
    ],
)
async def test_who_may_bind(bind: Bind, status: Status | None) -> None:
    async with running(Options(system_id="acme", password="secret")) as bed:
        customer = await bed.customer(bind=bind)
        assert (customer.ended and customer.ended.status) == status
        assert bed.smsc.counts.binds == (status is None)


async def test_one_bind_too_many_is_refused_until_another_has_gone() -> None:
    async with running(Options(binds=2)) as bed:
        first = await bed.customer()
        await bed.customer(Command.BIND_RECEIVER)
        third = await bed.customer(Command.BIND_TRANSMITTER)
        assert third.ended is not None
        assert third.ended.status == Status.BIND_FAILED
        assert (await bed.customer(bind=Bind(b"other"))).ended is None
        first.stream.session.unbind(clock.monotonic_s())
        first.stream.flush()
        await until(lambda: first.ended)
        assert (await bed.customer()).ended is None


async def test_a_message_is_answered_and_its_receipt_tells_its_id() -> None:
    async with running() as bed:
        customer = await bed.customer()
        answer = await customer.ask(text_to(USUAL, b"hello, this is longer than twenty"))
        (receipt,) = await customer.receive(1)
        assert answer.status == 0
        assert read(receipt) == (answer.message_id, b"DELIVRD", b"000")
        assert receipt.text.endswith(b"text:hello, this is longe")
        assert (receipt.source, receipt.destination, receipt.esm_class) == (USUAL, b"ACME", RECEIPT)
        assert receipt.tlvs == {
            Tag.RECEIPTED_MESSAGE_ID: answer.message_id + b"\0",
            Tag.MESSAGE_STATE: bytes((MessageState.DELIVERED,)),
        }
        assert customer.heard == ["answer", "receipt"]
        await until(lambda: bed.smsc.counts.acknowledged == 1)
        assert bed.smsc.counts.waiting == 0


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (text_to(b""), Status.INVALID_DESTINATION),
        (text_to(b"ACME"), Status.INVALID_DESTINATION),
        (text_to(USUAL, priority=4), Status.INVALID_PRIORITY),
        (text_to(USUAL, schedule=b"tomorrow"), Status.INVALID_SCHEDULE),
        (text_to(USUAL, validity=b"1"), Status.INVALID_EXPIRY),
        (text_to(USUAL, b"\x30\0\3", esm_class=UDHI), Status.INVALID_ESM_CLASS),
        (text_to(USUAL, b"x" * 161), Status.INVALID_MESSAGE_LENGTH),
        (text_to(USUAL, b"x" * 141, data_coding=8), Status.INVALID_MESSAGE_LENGTH),
        (text_to(USUAL, b"x", data_coding=0x0F), Status.INVALID_DATA_CODING),
    ],
)
async def test_what_a_strict_one_refuses(message: Message, status: Status) -> None:
    async with running(Options(known_codings_only=True)) as bed:
        customer = await bed.customer()
        assert (await customer.ask(message)).status == status
        assert (await customer.ask(text_to(USUAL, b"x" * 160))).status == 0
        assert bed.smsc.counts.statuses == {status: 1}


@pytest.mark.parametrize(
    ("form", "wanted", "base"),
    [(IdForm.DECIMAL, rb"\d+", 10), (IdForm.HEX, rb"[0-9a-f]+", 16), (IdForm.UUID, rb"[0-9a-f-]{36}", 0)],
)
async def test_ids_have_the_form_that_was_asked_for(form: IdForm, wanted: bytes, base: int) -> None:
    async with running(Options(id_form=form)) as bed:
        customer = await bed.customer()
        answer = await customer.ask(text_to(USUAL))
        await customer.receive(1)
        assert re.fullmatch(wanted, answer.message_id)
        assert customer.ids() == [answer.message_id]


async def test_an_id_may_be_hex_in_the_answer_and_decimal_in_the_receipt() -> None:
    async with running(Options(id_form=IdForm.HEX_DECIMAL)) as bed:
        customer = await bed.customer()
        answer = await customer.ask(text_to(USUAL))
        (receipt,) = await customer.receive(1)
        assert read(receipt)[0] == b"%d" % int(answer.message_id, 16)


@pytest.mark.parametrize("by", ReceiptBy)
@pytest.mark.parametrize("form", ReceiptForm)
async def test_receipts_speak_by_text_or_tlvs(form: ReceiptForm, by: ReceiptBy) -> None:
    async with running(Options(receipt_form=form, receipt_by=by)) as bed:
        customer = await bed.customer()
        await customer.ask(text_to(numbered("07")))
        (receipt,) = await customer.receive(1)
        text = receipt.text or receipt.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")
        assert bool(text) == (form is not ReceiptForm.TLV)
        assert (Tag.MESSAGE_STATE in receipt.tlvs) == (form is not ReceiptForm.TEXT)
        assert receipt.tlvs.get(Tag.NETWORK_ERROR_CODE, b"\3\0\x1b") == b"\3\0\x1b"


@pytest.mark.parametrize(
    ("registered", "fate", "states"),
    [
        (0, "00", []),
        (1, "07", [5]),
        (2, "07", [5]),
        (2, "00", []),
        (3, "07", []),
        (3, "00", [2]),
        (0x11, "17", [1, 2]),
        (0x01, "17", [2]),
        (0x10, "17", [1]),
    ],
)
async def test_receipts_come_as_registered_delivery_asks(registered: int, fate: str, states: list[int]) -> None:
    async with running() as bed:
        customer = await bed.customer()
        await customer.ask(text_to(numbered(fate), registered=registered))
        await customer.ask(text_to(numbered("17"), registered=0x11))  # its last receipt is the last to come
        await until(lambda: len(customer.received) == len(states) + 2)
        of_both = [message.tlvs[Tag.MESSAGE_STATE][0] for message in customer.received]
        assert sorted(of_both) == sorted([*states, 1, 2])


async def test_the_state_is_told_by_query_sm() -> None:
    async with running(Options(receipt_after=0.3)) as bed:
        customer = await bed.customer()
        taken = await customer.ask(text_to(USUAL))
        for message_id in (taken.message_id, b"nobody's"):
            customer.stream.session.query(Query(message_id, b"ACME"), message_id, clock.monotonic_s())
        customer.stream.flush()
        await until(lambda: len(customer.answers) == 3)
        assert [answer.status for answer in customer.answers] == [0, 0, Status.INVALID_MESSAGE_ID]
        assert customer.answers[1].message_id == taken.message_id


async def test_data_sm_is_taken_like_submit_sm() -> None:
    async with running() as bed:
        customer = await bed.customer()
        message = Message(USUAL, b"ACME", registered=1, tlvs={Tag.MESSAGE_PAYLOAD: b"x" * 1_000})
        answer = await customer.ask(message, Command.DATA_SM)
        (receipt,) = await customer.receive(1)
        assert read(receipt)[0] == answer.message_id


# Fates of numbers.


@pytest.mark.parametrize(("fate", "status"), [("01", Status.SUBMIT_FAILED), ("15", 0x401)])
async def test_numbers_that_are_refused(fate: str, status: int) -> None:
    async with running() as bed:
        customer = await bed.customer()
        for _ in range(3):
            assert (await customer.ask(text_to(numbered(fate)))).status == status
        assert customer.received == []


@pytest.mark.parametrize(("fate", "status"), [("05", Status.THROTTLED), ("06", Status.SYSTEM_ERROR)])
async def test_numbers_that_are_refused_twice(fate: str, status: int) -> None:
    async with running() as bed:
        customer = await bed.customer()
        answers = [(await customer.ask(text_to(numbered(fate)))).status for _ in range(4)]
        assert answers == [status, status, 0, status]
        assert len(await customer.receive(1)) == 1


@pytest.mark.parametrize(
    ("fate", "said"),
    [
        ("02", (b"UNDELIV", b"001")),
        ("03", (b"EXPIRED", b"099")),
        ("07", (b"UNDELIV", b"027")),
        ("99", (b"DELIVRD", b"000")),
    ],
)
async def test_numbers_whose_receipt_says_what_became_of_them(fate: str, said: tuple[bytes, bytes]) -> None:
    async with running() as bed:
        customer = await bed.customer()
        answer = await customer.ask(text_to(numbered(fate)))
        (receipt,) = await customer.receive(1)
        assert read(receipt) == (answer.message_id, *said)


@pytest.mark.parametrize(("fate", "receipts"), [("08", 1), ("19", 0)])
async def test_numbers_whose_submit_is_never_answered(fate: str, receipts: int) -> None:
    async with running() as bed:
        customer = await bed.customer()
        answer = await customer.ask(text_to(numbered(fate)))
        assert answer.status == -1
        assert (await customer.ask(text_to(USUAL))).status == 0
        assert len(await customer.receive(receipts + 1)) == receipts + 1
        assert bed.smsc.counts.unanswered == 1


async def test_any_number_of_submits_may_stay_unanswered() -> None:
    async with running() as bed:
        customer = await bed.customer(terms=Terms(window=3_000, response_s=60))
        customer.submit(*[text_to(numbered("19"), b"%d" % n) for n in range(2_500)])
        assert (await customer.ask(text_to(USUAL))).status == 0


async def test_a_receipt_may_come_before_the_answer() -> None:
    async with running() as bed:
        customer = await bed.customer()
        answer = await customer.ask(text_to(numbered("10")))
        assert customer.heard == ["receipt", "answer"]
        assert customer.ids() == [answer.message_id]


async def test_receipts_that_come_late_twice_or_never() -> None:
    async with running(Options(late_after=0.3, timeout_after=0.6)) as bed:
        customer = await bed.customer()
        ids = [(await customer.ask(text_to(numbered(fate)))).message_id for fate in ("12", "09", "04", "11")]
        await customer.receive(4)
        assert customer.ids() == [ids[3], ids[3], ids[1], ids[0]]


@pytest.mark.parametrize(("fate", "text"), [("13", b"I want it"), ("14", b"STOP")])
async def test_numbers_that_reply(fate: str, text: bytes) -> None:
    async with running() as bed:
        customer = await bed.customer()
        number = numbered(fate)
        parts = [text_to(number, bytes((5, 0, 3, 9, 2, part)) + b"x", esm_class=UDHI) for part in (1, 2)]
        customer.submit(*parts)
        _, _, reply = await customer.receive(3)
        assert (reply.source, reply.destination, reply.text, reply.esm_class) == (number, b"ACME", text, 0)


def by_header(part: int, total: int) -> dict[str, object]:
    return {"esm_class": UDHI, "text": bytes((5, 0, 3, 1, total, part)) + b"x"}


def by_wide_header(part: int, total: int) -> dict[str, object]:
    return {"esm_class": UDHI, "text": bytes((6, 8, 4, 1, 1, total, part)) + b"x"}


def by_sar(part: int, total: int) -> dict[str, object]:
    sar = {
        Tag.SAR_MSG_REF_NUM: b"\0\1",
        Tag.SAR_TOTAL_SEGMENTS: bytes((total,)),
        Tag.SAR_SEGMENT_SEQNUM: bytes((part,)),
    }
    return {"text": b"x", "tlvs": sar}


@pytest.mark.parametrize("way", [by_header, by_wide_header, by_sar])
async def test_the_last_part_may_fail_alone(way: object) -> None:
    assert callable(way)
    async with running() as bed:
        customer = await bed.customer()
        ids = [(await customer.ask(text_to(numbered("16"), **way(part, 3)))).message_id for part in (1, 2, 3)]
        await customer.receive(3)
        assert [(read(receipt)[:2]) for receipt in customer.received] == [
            (ids[0], b"DELIVRD"),
            (ids[1], b"DELIVRD"),
            (ids[2], b"UNDELIV"),
        ]


async def test_an_intermediate_state_comes_first() -> None:
    async with running() as bed:
        customer = await bed.customer()
        await customer.ask(text_to(numbered("17"), registered=0x11))
        first, second = await customer.receive(2)
        assert (first.esm_class, read(first)[1]) == (INTERMEDIATE, b"ENROUTE")
        assert (second.esm_class, read(second)[1]) == (RECEIPT, b"DELIVRD")


async def test_the_connection_may_be_cut_instead_of_the_answer() -> None:
    async with running() as bed:
        customer = await bed.customer()
        assert (await customer.ask(text_to(numbered("18")))).status == -1
        await until(lambda: customer.ended)
        again = await bed.customer()
        (receipt,) = await again.receive(1)
        assert read(receipt)[1] == b"DELIVRD"


# Nothing is lost that was not acknowledged.


async def test_receipts_are_kept_while_nobody_receives_and_come_at_the_next_bind() -> None:
    async with running() as bed:
        sender = await bed.customer(Command.BIND_TRANSMITTER)
        ids = [(await sender.ask(text_to(USUAL))).message_id for _ in range(5)]
        stranger = await bed.customer(bind=Bind(b"other"))
        assert bed.smsc.counts.waiting == 5
        receiver = await bed.customer(Command.BIND_RECEIVER)
        await receiver.receive(5)
        assert receiver.ids() == ids
        assert sender.received == stranger.received == []


async def test_over_what_is_kept_the_oldest_go() -> None:
    async with running(Options(keep=3)) as bed:
        sender = await bed.customer(Command.BIND_TRANSMITTER)
        ids = [(await sender.ask(text_to(USUAL))).message_id for _ in range(5)]
        receiver = await bed.customer(Command.BIND_RECEIVER)
        await receiver.receive(3)
        assert receiver.ids() == ids[2:]
        assert bed.smsc.counts.dropped == 2


async def test_receipts_go_round_the_receiving_sessions() -> None:
    async with running() as bed:
        customers = [await bed.customer(), await bed.customer(Command.BIND_RECEIVER)]
        customers[0].submit(*[text_to(USUAL, b"%d" % n) for n in range(100)])
        await until(lambda: sum(len(each.received) for each in customers) == 100)
        assert [len(each.received) for each in customers] == [50, 50]


async def test_what_is_refused_comes_again() -> None:
    async with running(Options(retry_after=0.1)) as bed:
        customer = await bed.customer()
        customer.refuse_with = [Status.QUEUE_FULL, Status.SYSTEM_ERROR]
        answer = await customer.ask(text_to(USUAL))
        await customer.receive(3)
        assert customer.ids() == [answer.message_id] * 3
        await until(lambda: bed.smsc.counts.acknowledged == 1)
        assert (bed.smsc.counts.refused, bed.smsc.counts.waiting) == (2, 0)


async def test_what_is_not_answered_comes_again_and_the_window_holds() -> None:
    async with running(Options(window=2, answer_within=0.3, retry_after=0.1)) as bed:
        customer = await bed.customer(mute=True)
        for _ in range(3):
            await customer.ask(text_to(USUAL))
        assert len(await customer.receive(2)) == 2
        await until(lambda: bed.smsc.counts.expired >= 2)
        customer.mute = False
        await until(lambda: bed.smsc.counts.acknowledged == 3)


async def test_a_session_that_is_killed_loses_no_receipt() -> None:
    async with running(Options(window=10)) as bed:
        mute = await bed.customer(mute=True)
        mute.submit(*[text_to(USUAL, b"%d" % n) for n in range(50)])
        await until(lambda: len(mute.received) == 10 and len(mute.answers) == 50)
        mute.stream.abort()
        again = await bed.customer()
        await again.receive(50)
        assert again.ids() == [answer.message_id for answer in mute.answers]
        await until(lambda: bed.smsc.counts.waiting == 0)


# Faults.


async def answer_all(customer: Customer, count: int) -> list[int]:
    customer.submit(*[text_to(USUAL, b"%d" % n) for n in range(count)])
    await until(lambda: len(customer.answers) >= count)
    return [answer.status for answer in customer.answers]


async def test_every_nth_is_throttled() -> None:
    async with running(faults=Faults(throttle_every=4)) as bed:
        assert await answer_all(await bed.customer(), 12) == [0, 0, 0, Status.THROTTLED] * 3


async def test_a_share_is_refused() -> None:
    async with running(faults=Faults(refuse_share=0.25, refuse_status=0x65)) as bed:
        statuses = await answer_all(await bed.customer(), 400)
        assert set(statuses) == {0, 0x65}
        assert 60 < statuses.count(0x65) < 140


async def test_over_the_rate_it_throttles() -> None:
    async with running(faults=Faults(rate=50)) as bed:
        statuses = await answer_all(await bed.customer(), 200)
        assert 50 <= statuses.count(0) < 100
        assert statuses[:50] == [0] * 50
        assert statuses.count(Status.THROTTLED) == 200 - statuses.count(0)


async def test_answers_are_late_or_never() -> None:
    async with running(faults=Faults(answer_after=0.3)) as bed:
        customer = await bed.customer()
        before_s = clock.monotonic_s()
        assert (await customer.ask(text_to(USUAL))).status == 0
        assert clock.monotonic_s() - before_s >= 0.3
        bed.smsc.script.set(Faults(silent_share=1))
        assert (await customer.ask(text_to(USUAL))).status == -1


async def test_it_hangs_and_goes_on() -> None:
    async with running(faults=Faults(hang_every=0.3, hang_for=0.2)) as bed:
        customer = await bed.customer(terms=Terms(response_s=5))
        await until(lambda: bed.smsc.is_hanging)
        assert (await customer.ask(text_to(USUAL))).status == 0
        assert not bed.smsc.is_hanging


@pytest.mark.parametrize("mid_pdu", [False, True])
async def test_it_goes_away_and_comes_back(mid_pdu: bool) -> None:
    async with running(faults=Faults(drop_every=0.3, drop_for=0.2, drop_mid_pdu=mid_pdu)) as bed:
        customer = await bed.customer()
        await until(lambda: customer.ended)
        with pytest.raises(ConnectionRefusedError):
            await bed.customer()
        bed.smsc.script.set(Faults())
        await until(lambda: bed.smsc.is_listening)
        assert (await answer_all(await bed.customer(), 1)) == [0]


async def submit_until_dropped(customer: Customer) -> None:
    sent = 0
    while customer.ended is None:
        customer.submit(*[text_to(USUAL, b"%d" % n) for n in range(50)])
        sent += 50
        await until(lambda wanted=sent: customer.ended or len(customer.received) >= wanted)  # type: ignore[misc]


async def test_no_receipt_is_lost_while_it_goes_away_again_and_again() -> None:
    faults = Faults(drop_every=0.3, drop_for=0.02, drop_most=0.08, drop_mid_pdu=True)
    async with running(Options(window=20), faults=faults) as bed:
        counts = bed.smsc.counts
        while counts.drops < 6:
            with contextlib.suppress(OSError):  # it goes just as we come
                await submit_until_dropped(await bed.customer(terms=Terms(window=10_000)))
        bed.smsc.script.set(Faults())
        await until(lambda: bed.smsc.is_listening)
        await bed.customer()
        await until(lambda: counts.waiting == 0)
        got = {each for customer in bed.customers for each in customer.ids()}
        assert len(got) == counts.taken > 1_000
        assert counts.acknowledged == counts.taken


async def test_half_a_pdu_goes_out_before_a_drop() -> None:
    async with running(faults=Faults(drop_mid_pdu=True)) as bed:
        reader, writer = await asyncio.open_connection(*bed.address)
        await until(lambda: bed.smsc.counts.connections)
        assert bed.smsc.drop(0) == 1
        octets = await reader.read()
        writer.close()
        assert 0 < len(octets) < int.from_bytes(octets[:4], "big")


async def test_receipts_are_doubled_strange_late_and_mixed_up() -> None:
    faults = Faults(
        receipt_double_share=1, receipt_unknown_share=1, receipt_shuffle=30, receipt_late_share=0.5, receipt_late_by=0.1
    )
    async with running(faults=faults) as bed:
        customer = await bed.customer()
        await answer_all(customer, 20)
        await customer.receive(60)
        ids = [answer.message_id for answer in customer.answers]
        got = customer.ids()
        assert sorted(each for each in got if each in ids) == sorted(ids * 2)
        assert len({each for each in got if each not in ids}) == 20
        assert got != sorted(got)


async def test_a_script_goes_on_by_itself() -> None:
    steps = (Step(seconds=0.3, throttle_every=1), Step(seconds=0.3))
    async with running(None, *steps) as bed:
        customer = await bed.customer()
        seen = []
        for _ in range(3):
            seen.append((await customer.ask(text_to(USUAL))).status)
            await until(lambda now=bed.smsc.mischief.faults: bed.smsc.mischief.faults is not now)  # type: ignore[misc]
        assert seen == [Status.THROTTLED, 0, Status.THROTTLED]


async def test_who_does_not_read_is_cut() -> None:
    async with running(Options(window=10_000)) as bed:
        customer = await bed.customer(terms=Terms(window=1_000_000, response_s=60))
        customer.stream.pause(reading=False)
        counts = bed.smsc.counts

        def goes_on_submitting() -> bool:
            if counts.sessions and customer.stream.session.in_flight - counts.submits < 1_000:
                customer.submit(*[text_to(USUAL) for _ in range(1_000)])
            return counts.sessions == 0

        await until(goes_on_submitting, 30)
        assert counts.submits < 200_000
