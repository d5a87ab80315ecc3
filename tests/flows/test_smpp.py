"""SMS over SMPP through the whole product, against `tocsin smsc` as a process: what a customer sends, what an SMSC takes and
reports, what is pushed. API, worker and pusher run once for this module; each test has a simulator, a channel and a customer of
its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import clone_database
from tests.flows.plant import Customer, Plant, make_numbers
from tests.flows.smpp_bed import (
    PASSWORD,
    SENDER,
    Line,
    Simulator,
    add_channel,
    add_customer,
    check_delivered_once,
    join_texts,
    make_config,
    read_replies,
    run_verb,
    send,
    set_channel,
    wait_bound,
)
from tests.flows.test_tls import make_certificate
from tests.poll import until_sync
from tocsin.routing import Channel, find_channel

GSM = "Grüße @ £5 for €7 {ok} [1] ~ \\ ^ |"
GSM_OCTETS = (
    b"Gr\x7e\x1ee \x00 \x015 for \x1b\x657 \x1b\x28ok\x1b\x29 \x1b\x3c1\x1b\x3e \x1b\x3d \x1b\x2f \x1b\x14 \x1b\x40"
)
"""By hand, from the tables of 3GPP TS 23.038, 6.2.1."""
UCS2 = "验证码 1234 👍🏽 до встречи"
LONG_GSM = "The quick brown fox jumps over {the} lazy dog for €5. " * 7  # 3 parts, with or without a wide reference
LONG_UCS2 = "快速的棕色狐狸跳过懒狗👍" * 13  # 3 parts, and pairs at their edges


class Product(NamedTuple):
    """The processes, and where to send."""

    plant: Plant
    port: int


class Talk(NamedTuple):
    """A simulator and a customer whose SMS go there."""

    simulator: Simulator
    channel: Channel
    customer: Customer
    place: str


Begin = Callable[..., Talk]


@pytest.fixture(scope="module")
def product(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with clone_database(database_server) as dsn:
        plant = Plant(dsn, tmp_path_factory.mktemp("smpp"))
        try:
            api = plant.start_api()
            plant.start("worker")
            plant.start("push")
            yield Product(plant, api.port)
        finally:
            plant.close()


@pytest.fixture
def begin(product: Product, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Begin]:
    """Makes a simulator with these options, and a channel with these settings that is bound to it."""
    with ExitStack() as stack:

        def make(*options: str, **settings: Any) -> Talk:
            simulator = Simulator(tmp_path, *options)
            stack.callback(simulator.close)
            place = f"c{abs(hash(request.node.name)) % 10**9}"
            channel = add_channel(product.plant, place, make_config(simulator, **settings))
            # What a test that fails leaves in the lane goes nowhere, and disturbs no other.
            stack.callback(set_channel, product.plant, place, paused=True)
            customer = add_customer(product.plant, place, channel)
            wait_bound(product.plant, channel, settings.get("binds", 1))
            return Talk(simulator, channel, customer, place)

        yield make


def wait_delivered(product: Product, talk: Talk, ids: list[str]) -> None:
    product.plant.wait_finished(ids, talk.place)
    check_delivered_once(product.plant, talk.place, ids)


# Texts.


def check_udh8(parts: Sequence[Line]) -> None:
    assert all(each.header[:3] == b"\x05\x00\x03" and len(each.header) == 6 and not each.tlvs for each in parts)


def check_udh16(parts: Sequence[Line]) -> None:
    assert all(each.header[:3] == b"\x06\x08\x04" and len(each.header) == 7 and not each.tlvs for each in parts)


def check_sar(parts: Sequence[Line]) -> None:
    assert all(not each.header and set(each.tlvs) == {"020c", "020e", "020f"} for each in parts)


def check_payload(parts: Sequence[Line]) -> None:
    assert all(not each.header and set(each.tlvs) == {"0424"} for each in parts)


FORMS = {"udh8": check_udh8, "udh16": check_udh16, "sar": check_sar, "payload": check_payload}


@pytest.mark.parametrize("form", FORMS)
def test_a_text_arrives_as_it_was_sent(product: Product, begin: Begin, form: str) -> None:
    """Short and long ones, of each alphabet, to 40 numbers each; each message is one, and has one report."""
    talk = begin(long_text=form)
    told: dict[str, str] = {}
    ids = []
    for turn, text in enumerate((GSM, UCS2, LONG_GSM, LONG_UCS2)):
        numbers = make_numbers(40, 100 * turn)
        told |= {f"62{number}": text for number in numbers}
        ids += send(product.port, talk.customer, numbers, text)
    wait_delivered(product, talk, ids)
    taken = talk.simulator.lines()
    assert join_texts(taken) == told
    long = [each for each in taken if told[each.number] in {LONG_GSM, LONG_UCS2}]
    FORMS[form](long)
    parts = 1 if form == "payload" else 3
    assert len({(each.number, each.part) for each in long}) == len(long) == 80 * parts
    assert {each.total for each in long} == {parts}
    assert len({(each.number, each.reference) for each in long}) == 80
    short = [each for each in taken if told[each.number] in {GSM, UCS2}]
    as_octets = {
        (each.octets, each.coding, each.header, each.source, each.registered, len(each.tlvs)) for each in short
    }
    assert as_octets == {(GSM_OCTETS, 0, b"", SENDER, 1, 0), (UCS2.encode("utf-16-be"), 8, b"", SENDER, 1, 0)}


# Replies.

REPLIES = {"I want it": 1, GSM: 1, LONG_GSM: 3, UCS2: 1, LONG_UCS2: 3}
"""Texts and their parts."""


def test_replies_are_pushed_whole(product: Product, begin: Begin) -> None:
    talk = begin()
    numbers = make_numbers(len(REPLIES) + 1)
    ids = send(product.port, talk.customer, numbers)
    wait_delivered(product, talk, ids)
    for number, (text, parts) in zip(numbers, REPLIES.items(), strict=False):
        assert talk.simulator.order(reply={"from": f"62{number}", "to": SENDER, "text": text})["parts"] == parts
    talk.simulator.order(reply={"from": f"62{numbers[-1]}", "to": SENDER, "hex": "00ff1b80"})
    replies = until_sync(
        lambda: found if len(found := read_replies(product.plant, talk.place)) >= len(numbers) else None, 30
    )
    assert replies is not None
    texts = [*REPLIES, "00ff1b80"]
    expected = [(i, f"62{number}", SENDER, text) for i, number, text in zip(ids, numbers, texts, strict=True)]
    heard = [(each["messageId"], each["userNumber"], each["serviceNumber"], each["content"]) for each in replies]
    assert sorted(heard) == sorted(expected)
    until_sync(lambda: talk.simulator.stats()["waiting"] == 0, 30)


# Receipts.

RECEIPTS = {
    "before the answer": (["--answer-after", "0.3"], {}),
    "doubled": (["--receipt-double-share", "1"], {}),
    "shuffled": (["--receipt-shuffle", "200"], {}),
    "of unknown ids too": (["--receipt-unknown-share", "1"], {}),
    "all at once": (
        ["--receipt-double-share", "0.5", "--receipt-unknown-share", "0.5", "--receipt-shuffle", "100",
         "--receipt-late-share", "0.2", "--receipt-late-by", "1", "--answer-after", "0.1"], {},
    ),
    "answered in hex, receipted in decimal": (["--id-form", "hex-decimal"], {"id_format": "hex"}),
    "the same, with either": (["--id-form", "hex-decimal"], {"id_format": "either"}),
    "with ids that are UUIDs": (["--id-form", "uuid"], {}),
    "by data_sm": (["--receipt-by", "data_sm"], {}),
    "by TLVs alone": (["--receipt-form", "tlv"], {}),
    "by text alone": (["--receipt-form", "text"], {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", RECEIPTS)
def test_every_receipt_is_matched_and_pushed_once(product: Product, begin: Begin, kind: str) -> None:
    options, settings = RECEIPTS[kind]
    talk = begin(*options, window=500, **settings)
    numbers = make_numbers(600)
    ids = send(product.port, talk.customer, numbers)
    wait_delivered(product, talk, ids)
    assert talk.simulator.numbers() == {f"62{number}": 1 for number in numbers}
    # Nothing is left at the SMSC, and what names no message of ours is kept, no more.
    stats = until_sync(lambda: found if not (found := talk.simulator.stats())["waiting"] else None, 30)
    unknown = stats["receipts"] - (stats["taken"] if "--receipt-double-share" not in options else 0)
    kept = product.plant.one("SELECT count(*) FROM unmatched_receipt WHERE channel_id = %s", talk.channel.id)
    if kind == "of unknown ids too":
        assert kept == unknown == len(numbers)
    elif kind != "all at once":
        assert kept == 0
    check_delivered_once(product.plant, talk.place, ids)


# Binds.


def test_two_pairs_of_binds_share_the_work(product: Product, begin: Begin) -> None:
    talk = begin(bind="tx+rx", binds=2, window=20)
    numbers = make_numbers(1_000)
    ids = send(product.port, talk.customer, numbers)
    wait_delivered(product, talk, ids)
    assert talk.simulator.stats()["sessions"] == 4
    shares = Counter(each.session for each in talk.simulator.lines())
    assert len(shares) == 2
    assert min(shares.values()) >= 200


def test_it_binds_over_tls_and_checks_the_certificate(product: Product, begin: Begin, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    talk = begin("--cert", str(certificate), "--key", str(key), tls=True, tls_ca=str(certificate))
    ids = send(product.port, talk.customer, make_numbers(50))
    wait_delivered(product, talk, ids)
    # The same SMSC, to one who does not know who vouches for it.
    stranger = add_channel(product.plant, f"{talk.place}-x", make_config(talk.simulator, tls=True))
    state = wait_error(product, stranger.name, "certificate")
    assert state["binds"] == 0
    set_channel(product.plant, stranger.name, paused=True)


def wait_error(product: Product, name: str, words: str) -> dict[str, Any]:
    """The live state of a channel whose last error says so, as `channel list` shows it."""

    def look() -> dict[str, Any] | None:
        [live] = [each["live"] for each in run_verb(product.plant, "channel", "list") if each["name"] == name]
        return live if words in live["last_error"] else None

    return until_sync(look, 30)


def count_kept(live: dict[str, Any]) -> int:
    """Messages that the lane holds: those claimed before the first bind was refused wait for a later try."""
    return int(live["waiting"] + live["delayed"] + live["in_hand"])


def write_config(directory: Path, config: dict[str, Any]) -> str:
    """For --config."""
    path = directory / "config.json"
    path.write_text(json.dumps(config))
    return f"@{path}"


def test_a_wrong_password_loses_nothing_and_is_told(product: Product, tmp_path: Path) -> None:
    plant, name = product.plant, "locked-out"
    simulator = Simulator(tmp_path)
    try:
        config = make_config(simulator, password="wrong")
        run_verb(plant, "channel", "add", name, "smpp", "--config", write_config(tmp_path, config))
        with plant.conn.transaction():
            customer = add_customer(plant, name, find_channel(plant.conn, name))
        numbers = make_numbers(300)
        ids = send(product.port, customer, numbers)
        state = wait_error(product, name, "0x0E")
        assert (state["binds"], state["binds_wanted"]) == (0, 1)
        until_sync(lambda: count_kept(wait_error(product, name, "0x0E")) == 300)
        until_sync(lambda: simulator.stats()["binds_refused"] >= 5, 30)
        log = next(process.log for process in plant.processes if process.name == "worker")
        told = [line for line in log.read_text().splitlines() if name in line]
        assert any("0x0E, invalid password" in line for line in told)
        assert len(told) < 5
        assert "wrong" not in log.read_text()
        config["password"] = PASSWORD
        run_verb(plant, "channel", "set", name, "--config", write_config(tmp_path, config))
        plant.wait_finished(ids, name)
        check_delivered_once(plant, name, ids)
        assert simulator.numbers() == {f"62{number}": 1 for number in numbers}
    finally:
        set_channel(plant, name, paused=True)
        simulator.close()


def test_no_process_had_a_fault(product: Product) -> None:
    """Last: whatever went on before."""
    for process in product.plant.processes:
        assert "Traceback" not in process.log.read_text()
