"""Pure parts of the simulator: its table, receipts, ids, parts of a text, faults by chance, scripts."""

from __future__ import annotations

import pytest

from tocsin.carriers.sandbox.fates import FATES as SANDBOX
from tocsin.content import gsm7
from tocsin.smpp import INTERMEDIATE, RECEIPT, SHORT_MESSAGE_MOST, UDHI, Message, MessageState, Status, Tag
from tocsin.smsc.counts import Counts
from tocsin.smsc.fates import FATES, USUAL, find_fate
from tocsin.smsc.memory import Memory
from tocsin.smsc.mischief import Mischief
from tocsin.smsc.naming import make_namer
from tocsin.smsc.options import Faults, IdForm, ReceiptForm, Step, read_script
from tocsin.smsc.reading import Part, find_fault, read_part
from tocsin.smsc.receipts import STAT, Report, Taken, build_receipt, is_wanted, write_absolute
from tocsin.smsc.replies import build_reply
from tocsin.smsc.run import tell

AT_S = 1_795_516_165.0  # 2026-11-24 10:29:25 UTC
TAKEN = Taken(b"a1", b"161", AT_S, b"81200000001", b"ACME", (5, 0, 1, 1), 1, b"hello")


def test_the_table_is_that_of_the_sandbox() -> None:
    assert {mark.decode(): fate.says for mark, fate in FATES.items()} == {m: fate.says for m, fate in SANDBOX.items()}
    for mark, fate in FATES.items():
        other = SANDBOX[mark.decode()]
        assert bool(fate.refuse) == (other.refuse is not None), mark
        assert (fate.refuse_times or 1_000_000) == other.refuse_up_to, mark
        assert fate.answer.name.replace("CUT", "LOST") == other.answer.name, mark
        assert [sign.when.name for sign in fate.receipts] == [sign.when.name for sign in other.receipts], mark
        assert fate.reply == other.reply, mark


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (b"81200009907", "undelivered in the receipt"),
        (b"0009901", "rejected by the carrier at submit"),
        (b"81200009920", USUAL.says),
        (b"81200019907", USUAL.says),
        (b"09907", USUAL.says),
        (b"", USUAL.says),
    ],
)
def test_seven_digits_choose(number: bytes, says: str) -> None:
    assert find_fate(Message(number)).says == says


def test_a_receipt_by_text() -> None:
    receipt = build_receipt(TAKEN, Report(MessageState.DELIVERED, 0, AT_S + 60), ReceiptForm.TEXT)
    assert receipt.text == (
        b"id:161 sub:001 dlvrd:001 submit date:2611241029 done date:2611241030 stat:DELIVRD err:000 text:hello"
    )
    assert (receipt.esm_class, receipt.tlvs) == (RECEIPT, {})
    assert (receipt.source, receipt.source_ton, receipt.source_npi) == (b"81200000001", 1, 1)
    assert (receipt.destination, receipt.destination_ton, receipt.destination_npi) == (b"ACME", 5, 0)


def test_a_receipt_by_tlvs() -> None:
    receipt = build_receipt(TAKEN, Report(MessageState.UNDELIVERABLE, 27, AT_S), ReceiptForm.TLV)
    assert receipt.text == b""
    assert receipt.tlvs == {
        Tag.RECEIPTED_MESSAGE_ID: b"161\0",
        Tag.MESSAGE_STATE: b"\5",
        Tag.NETWORK_ERROR_CODE: b"\3\0\x1b",
    }


def test_every_state_has_its_word_and_fits() -> None:
    for state in STAT:
        receipt = build_receipt(TAKEN, Report(state, 999, AT_S), ReceiptForm.BOTH)
        assert b" dlvrd:001 " in receipt.text or state is not MessageState.DELIVERED
        assert len(receipt.text) <= SHORT_MESSAGE_MOST
        assert receipt.esm_class == (INTERMEDIATE if state is MessageState.ENROUTE else RECEIPT)
    assert write_absolute(AT_S) == b"261124102925000+"


@pytest.mark.parametrize(
    ("registered", "delivered", "failed", "on_its_way"),
    [
        (0x00, False, False, False),
        (0x01, True, True, False),
        (0x02, False, True, False),
        (0x03, True, False, False),
        (0x10, False, False, True),
        (0x11, True, True, True),
        (0x0C, False, False, False),
    ],
)
def test_which_receipts_are_wanted(registered: int, delivered: bool, failed: bool, on_its_way: bool) -> None:
    assert is_wanted(registered, MessageState.DELIVERED) == delivered
    assert is_wanted(registered, MessageState.EXPIRED) == failed
    assert is_wanted(registered, MessageState.ENROUTE) == on_its_way


def test_ids_in_each_form() -> None:
    assert make_namer(IdForm.DECIMAL, 1_000)() == (b"100001", b"100001")
    assert make_namer(IdForm.HEX, 1_000)() == (b"186a1", b"186a1")
    assert make_namer(IdForm.HEX_DECIMAL, 1_000)() == (b"186a1", b"100001")
    namer = make_namer(IdForm.UUID, 1_000)
    assert len({namer().answered for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (b"\5\0\3\x07\3\2", Part(2, 3)),
        (b"\6\x08\4\1\2\3\3", Part(3, 3)),
        (b"\x0a\x24\1\1\0\3\x07\2\1\x25\0", Part(1, 2)),  # behind another element
        (b"\5\0\3\x07\3\4", Part(1, 1)),  # a part that cannot be
        (b"\5\0\3\x07", Part(1, 1)),  # cut off
        (b"", Part(1, 1)),
    ],
)
def test_which_part_it_is(header: bytes, part: Part) -> None:
    assert read_part(Message(b"1", text=header + b"x" * 20 if len(header) > 4 else header, esm_class=UDHI)) == part


def test_a_text_of_septets_fits_with_its_header_counted() -> None:
    header = b"\5\0\3\1\2\1"
    assert find_fault(Message(b"1", text=header + b"x" * 153, esm_class=UDHI)) == 0
    assert find_fault(Message(b"1", text=header + b"x" * 154, esm_class=UDHI)) == Status.INVALID_MESSAGE_LENGTH
    assert find_fault(Message(b"1", text=header + b"x" * 134, esm_class=UDHI, data_coding=8)) == 0
    both = Message(b"1", text=b"x", tlvs={Tag.MESSAGE_PAYLOAD: b"y"})
    assert find_fault(both) == Status.TLV_NOT_ALLOWED
    assert find_fault(Message(b"1", tlvs={Tag.MESSAGE_PAYLOAD: b"y" * 60_000})) == 0


@pytest.mark.parametrize(
    "text",
    ["", "hello", "a" * 160, "a" * 161, "[" * 100, "好" * 70, "好" * 71, "😀" * 40, b"", b"x" * 141, b"\0" * 140],
)
def test_a_reply_joined_is_what_was_said_and_no_part_is_too_long(text: str | bytes) -> None:
    messages = build_reply("8120", "ACME", text, 300)
    assert all(find_fault(Message(b"1", b"", m.text, m.esm_class, m.data_coding)) == 0 for m in messages)
    assert [read_part(m) for m in messages] == [Part(n, len(messages)) for n in range(1, len(messages) + 1)]
    octets = b"".join(m.text[6 if m.esm_class & UDHI else 0 :] for m in messages)
    if isinstance(text, bytes):
        assert octets == text
    else:
        assert text == (gsm7.decode(octets) if messages[0].data_coding == 0 else octets.decode("utf-16-be"))


def test_a_reply_of_too_many_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="255 parts at most, not 256"):
        build_reply("8120", "ACME", "a" * (153 * 255 + 1), 1)


def test_a_memory_forgets_the_oldest() -> None:
    memory: Memory[int, int] = Memory(10)
    for number in range(100):
        memory.put(number, number)
    assert [memory.get(number) is not None for number in (79, 90, 99)] == [False, True, True]
    memory.drop(99)
    assert memory.get(99) is None


def test_the_same_seed_brings_the_same_faults() -> None:
    def play(seed: int) -> list[int]:
        mischief = Mischief(Faults(refuse_share=0.5, throttle_every=7, seed=seed))
        return [mischief.refuse(b"acme", 0.0) for _ in range(50)]

    assert play(1) == play(1) != play(2)
    assert play(1)[6::7] == [Status.THROTTLED] * 7


def test_the_rate_holds_for_each_system_id() -> None:
    mischief = Mischief(Faults(rate=10))
    assert [mischief.refuse(b"acme", 0.0) for _ in range(12)].count(0) == 10
    assert mischief.refuse(b"other", 0.0) == 0
    assert [mischief.refuse(b"acme", 0.5) for _ in range(12)].count(0) == 5


def test_time_away_is_within_its_bounds() -> None:
    mischief = Mischief(Faults(drop_for=1, drop_most=3))
    times = [mischief.choose_drop_s() for _ in range(100)]
    assert 1 <= min(times) < 1.5
    assert 2.5 < max(times) <= 3
    assert Mischief(Faults(drop_for=1)).choose_drop_s() == 1


def test_a_script_is_a_step_or_steps() -> None:
    assert read_script(b'{"throttle_every": 2}') == [Step(throttle_every=2)]
    assert read_script(b'[{"seconds": 1}, {"seconds": 2, "rate": 5}]') == [Step(seconds=1), Step(seconds=2, rate=5)]


@pytest.mark.parametrize("script", [b"", b"[]", b"{", b'{"throttel": 1}', b'[{"seconds": 0}]', b'{"refuse_share": 2}'])
def test_a_script_that_cannot_be_is_refused(script: bytes) -> None:
    with pytest.raises(ValueError, match=r"^the script "):
        read_script(script)


def test_what_happened_is_told_and_nothing_is_not() -> None:
    before = Counts()
    assert tell(before, before.copy()) == ""
    now = Counts(submits=1_500, taken=1_498, sessions=1, waiting=7)
    now.refuse(0x58)
    now.refuse(0x58)
    assert tell(before, now) == "submits 1,500  taken 1,498  refused 0x58 2  sessions now 1  waiting 7"
    assert now.show()["statuses"] == {"0x58": 2}
