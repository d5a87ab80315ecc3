"""The peers among themselves, so that a test of ours that fails against one of them says something about us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import smpp34
from smpplib.exceptions import PDUError

from tests.flows.test_tls import make_certificate
from tests.peers.callbacks import run_callbacks
from tests.peers.kannel import Settings, run_kannel
from tests.peers.node_smpp import Smsc, measure_client, run_customer, run_smsc
from tests.peers.smpplib_customer import run_smpplib
from tests.poll import until_sync

NUMBER = "628123000000"


@pytest.fixture
def smsc(tmp_path: Path) -> Iterator[Smsc]:
    with run_smsc(tmp_path) as running:
        yield running


def test_kannel_sends_and_is_told_what_became_of_it(smsc: Smsc, tmp_path: Path) -> None:
    numbers = [f"62812300{n:04d}" for n in range(100)]
    with run_callbacks() as callbacks, run_kannel(tmp_path, Settings(smsc.port)) as kannel:
        text = "[Grüße] für 5 €"
        answer = kannel.send(
            numbers, text, coding="0", charset="UTF-8", dlr_mask="31", dlr_url=f"{callbacks.url}?type=%d&from=%p&to=%P"
        )
        assert answer.status == 202, answer
        until_sync(lambda: sum(each["type"] == "1" for each in callbacks.got) == 100)
        status = kannel.status()
        assert status.findtext("sms/sent/total") == "100"
        assert status.findtext("dlr/received/total") == "200"  # accepted by the SMSC, and delivered
    submits = smsc.submits()
    assert sorted(each["destination_addr"] for each in submits) == numbers
    assert {each["text"] for each in submits} == {text}
    delivered = [each["from"] for each in callbacks.got if each["type"] == "1"]
    assert sorted(delivered) == numbers
    assert smsc.counts()["acked"] == 100


def test_kannel_puts_replies_of_several_parts_together(smsc: Smsc, tmp_path: Path) -> None:
    with run_callbacks() as callbacks:
        settings = Settings(smsc.port, replies=f"{callbacks.url}?from=%p&to=%P&text=%b&charset=%C")
        with run_kannel(tmp_path, settings):
            smsc.deliver_parts(["你好,", "世界"], source_addr=NUMBER, destination_addr="1001", data_coding=8)
            until_sync(lambda: callbacks.got)
    assert [(each["from"], each["to"]) for each in callbacks.got] == [(NUMBER, "1001")]
    assert callbacks.got[0]["text"] == "你好,世界"


def test_node_customer_gets_ids_that_its_receipts_name(smsc: Smsc, tmp_path: Path) -> None:
    smsc.set(ids="hex-in-resp", receipts="both", receipt_by="data_sm", receipt_before_resp=True, receipt_times=2)
    with run_customer(tmp_path, smsc.port) as customer:
        customer.tell(
            "submit", asked="a", source_addr="Tocsin", destination_addr=NUMBER, registered_delivery=1, text="hi"
        )
        (answer,) = customer.wait("answer")
        first, second = customer.wait("delivered", 2)
    said = [each["event"] for each in customer.events]
    assert said.index("delivered") < said.index("answer")
    assert first["tlvs"] == second["tlvs"]
    assert int(first["tlvs"]["receipted_message_id"]) == int(answer["message_id"], 16)
    assert first["tlvs"]["message_state"] == 2
    assert first["text"].startswith(f"id:{first['tlvs']['receipted_message_id']} sub:001 dlvrd:001 ")


def test_node_smsc_makes_the_faults_it_is_told_to(smsc: Smsc, tmp_path: Path) -> None:
    smsc.set(
        errors={"99": 0x0B}, throttle_every=3, split_octets=5, hang_every=4, receipt_order="reversed", receipt_batch=2
    )
    with run_customer(tmp_path, smsc.port) as customer:
        for ending in ("00", "99", "01", "02", "03"):
            destination = f"6281230000{ending}"
            customer.tell("submit", asked=ending, destination_addr=destination, registered_delivery=1, text="hi")
        answers = {each["asked"]: each["status"] for each in customer.wait("answer", 4)}
        assert answers == {"00": 0, "99": 0x0B, "01": 0x58, "03": 0}
        receipts = customer.wait("delivered", 2)
        assert [each["source_addr"] for each in receipts] == ["628123000003", "628123000000"]
        smsc.set(drop_mid_pdu_every=1, throttle_every=0, hang_every=0)
        customer.tell("submit", asked="x", destination_addr=NUMBER, text="hi")
        customer.wait("closed")
    assert [each["status"] for each in smsc.submits()] == [0, 0x0B, 0x58, None, 0, 0]


def test_what_was_not_acknowledged_comes_again(smsc: Smsc, tmp_path: Path) -> None:
    smsc.set(redeliver_ms=10)
    smsc.deliver(source_addr=NUMBER, destination_addr="1001", text="hello")
    with run_customer(tmp_path, smsc.port, answer=0x14) as customer:
        customer.wait("delivered", 3)
        customer.tell("drop")
        customer.wait("closed")
    with run_customer(tmp_path, smsc.port) as customer:
        assert customer.wait("delivered")[0]["text"] == "hello"
        until_sync(lambda: smsc.counts()["acked"] == 1)


def test_node_smpp_speaks_tls(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    with (
        run_smsc(tmp_path, tls_key=str(key), tls_cert=str(certificate)) as smsc,
        run_customer(tmp_path, smsc.port, tls_ca=str(certificate)) as customer,
    ):
        customer.tell("submit", asked="a", destination_addr=NUMBER, registered_delivery=1, text="hi")
        assert customer.wait("answer")[0]["status"] == 0
        customer.wait("delivered")


def test_node_client_measures_itself(smsc: Smsc, tmp_path: Path) -> None:
    smsc.set(quiet=True, receipts="none")
    done = measure_client(tmp_path, smsc.port, 2000, 50, with_ids=True)
    assert done["statuses"] == {"0": 2000}
    assert len(set(done["ids"])) == 2000
    assert done["rate"] > 0
    assert smsc.counts()["taken"] == 2000


def test_smpplib_binds_sends_and_gets_receipts_and_replies(smsc: Smsc) -> None:
    smsc.set(receipts="both", states={"77": ["UNDELIV", 5, 1]})
    with pytest.raises(PDUError), run_smpplib(smsc.port, password="wrong"):
        pass
    with run_smpplib(smsc.port) as customer:
        for ending in ("00", "77"):
            customer.send(f"6281230000{ending}", b"hello")
        until_sync(lambda: len(customer.submitted) == len(customer.delivered) == 2)
        ids = {each.message_id for each in customer.submitted if each.status == 0}
        states = {each.source[-2:]: each.message_state for each in customer.delivered if each.is_receipt}
        assert {each.receipted_message_id for each in customer.delivered} == ids
        assert states == {"00": 2, "77": 5}
        smsc.deliver(source_addr=NUMBER, destination_addr="1001", data_coding=8, text="你好")
        until_sync(lambda: len(customer.delivered) == 3)
        assert customer.delivered[2].text.decode("utf-16-be") == "你好"
        assert customer.lost is None


def test_smpp34_reads_a_submit_sm() -> None:
    fields = bytes.fromhex("00 05 00") + b"Tocsin\0" + bytes.fromhex("01 01") + NUMBER.encode() + b"\0"
    body = fields + bytes.fromhex("40 00 00 00 00 01 00 08 00 08 050003070201 0041 0424 0002 0042")
    pdu = smpp34.decode((len(body) + 16).to_bytes(4, "big") + bytes.fromhex("00000004 00000000 00000007") + body)
    assert isinstance(pdu, smpp34.SubmitSm)
    assert (pdu.source_addr, pdu.destination_addr, pdu.esm_class, pdu.data_coding) == ("Tocsin", NUMBER, 0x40, 8)
    assert pdu.short_message == bytes.fromhex("0500030702010041")
    assert [(each.tag, each.value) for each in pdu.tlvs] == [(0x0424, bytes.fromhex("0042"))]
