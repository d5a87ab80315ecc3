"""The simulator `tocsin smsc` as third-party customers see it: Kannel, node-smpp and smpplib."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from smpplib.exceptions import PDUError

from tests.flows.smsc_bed import started
from tests.peers.callbacks import run_callbacks
from tests.peers.kannel import Settings, run_kannel
from tests.peers.node_smpp import PASSWORD, USER, run_customer
from tests.peers.smpplib_customer import run_smpplib
from tests.poll import until_sync

KEEPERS = ("--system-id", USER, "--password", PASSWORD)
NUMBER = "628123000000"
FAILING = "6281230009907"


def test_kannel_sends_long_texts_and_gets_receipts_and_replies(tmp_path: Path) -> None:
    log = tmp_path / "smsc.log"
    numbers = [*(f"62812300{n:04d}" for n in range(50)), FAILING]
    with started(*KEEPERS, "--log", str(log)) as smsc, run_callbacks() as callbacks:
        url = callbacks.url
        settings = Settings(smsc.address[1], replies=f"{url}?from=%p&to=%P&text=%b")
        with run_kannel(tmp_path, settings) as kannel:
            dlr_url = f"{url}?type=%d&from=%p&to=%P"
            answer = kannel.send(
                numbers, "[Grüße] für 5 € " * 15, coding="0", charset="UTF-8", dlr_mask="3", dlr_url=dlr_url
            )
            assert answer.status == 202, answer
            until_sync(lambda: sum(each.get("type") in {"1", "2"} for each in callbacks.got) >= len(numbers))
            smsc.obey({"reply": {"from": NUMBER, "to": "1001", "text": "好" * 100}})
            until_sync(lambda: any("text" in each for each in callbacks.got))
            until_sync(lambda: smsc.obey({"stats": True})["stats"]["waiting"] == 0)
        stats = smsc.obey({"stats": True})["stats"]
    failed = {each["from"] for each in callbacks.got if each.get("type") == "2"}
    assert failed == {FAILING}
    assert [each["text"] for each in callbacks.got if "text" in each] == ["好" * 100]
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert stats["taken"] == len(lines) == 2 * len(numbers)
    assert stats["statuses"] == {}
    assert {line["udh"][:6] + line["udh"][8:] for line in lines} == {"0500030201", "0500030202"}


def test_smpplib_binds_sends_and_gets_receipts_and_replies() -> None:
    with started(*KEEPERS) as smsc:
        with pytest.raises(PDUError), run_smpplib(smsc.address[1], password="wrong"):
            pass
        with run_smpplib(smsc.address[1]) as customer:
            customer.send(NUMBER, b"hello")
            customer.send(FAILING, b"hello")
            until_sync(lambda: len(customer.submitted) == len(customer.delivered) == 2)
            assert {each.message_id for each in customer.submitted} == {
                each.receipted_message_id for each in customer.delivered
            }
            assert {each.source: each.message_state for each in customer.delivered} == {NUMBER: 2, FAILING: 5}
            smsc.obey({"reply": {"from": NUMBER, "to": "1001", "text": "你好"}})
            until_sync(lambda: len(customer.delivered) == 3)
            assert customer.delivered[2].text.decode("utf-16-be") == "你好"
            assert customer.lost is None


@pytest.mark.parametrize("by", ["deliver_sm", "data_sm"])
def test_node_smpp_reads_its_receipts(tmp_path: Path, by: str) -> None:
    with (
        started(*KEEPERS, "--receipt-by", by, "--id-form", "hex-decimal") as smsc,
        run_customer(tmp_path, smsc.address[1]) as customer,
    ):
        customer.tell(
            "submit", asked="a", source_addr="Tocsin", destination_addr=NUMBER, registered_delivery=1, text="hi"
        )
        (answer,) = customer.wait("answer")
        (receipt,) = customer.wait("delivered")
        assert int(receipt["tlvs"]["receipted_message_id"].rstrip("\0")) == int(answer["message_id"], 16)
        assert receipt["tlvs"]["message_state"] == 2


def test_node_smpp_is_given_again_what_it_refused(tmp_path: Path) -> None:
    with started(*KEEPERS, "--retry-after", "0.05") as smsc:
        with run_customer(tmp_path, smsc.address[1], answer=0x14) as customer:
            customer.tell("submit", asked="a", destination_addr=NUMBER, registered_delivery=1, text="hi")
            customer.wait("delivered", 3)
        assert smsc.obey({"stats": True})["stats"]["waiting"] == 1
        with run_customer(tmp_path, smsc.address[1]) as customer:
            customer.wait("delivered")
            until_sync(lambda: smsc.obey({"stats": True})["stats"]["acknowledged"] == 1)
