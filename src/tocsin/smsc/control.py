"""Commands to a running simulator: a JSON object a line, and one as its answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from tocsin.smsc.options import Faults
from tocsin.smsc.server import Smsc

Address = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,20}\Z")]


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A terminal user writes `text`, or `hex` (binary), to a customer; without `system_id` to the one that bound last."""

    sender: Address = msgspec.field(name="from")
    to: Address
    text: str | None = None
    hex: str | None = None
    system_id: str | None = None


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of these. `drop`: seconds for which nobody is let in, or true."""

    reply: Reply | None = None
    drop: bool | Annotated[float, msgspec.Meta(ge=0, le=3_600)] | None = None
    hang: bool | None = None
    faults: Faults | None = None
    stats: bool | None = None


_DECODE = msgspec.json.Decoder(Order).decode


def obey(smsc: Smsc, line: bytes) -> Mapping[str, Any]:
    """Do it; the answer, `error` where it cannot be done."""
    try:
        return _obey(smsc, _DECODE(line))
    except (msgspec.DecodeError, ValueError) as error:
        return {"error": str(error)}


def _obey(smsc: Smsc, order: Order) -> Mapping[str, Any]:
    if order.reply is not None:
        return {"reply": _send(smsc, order.reply)}
    if order.drop is not None and order.drop is not False:
        return {"drop": smsc.drop(0.0 if order.drop is True else order.drop)}
    if order.hang is not None:
        smsc.hang(hanging=order.hang)
        return {"hang": order.hang}
    if order.faults is not None:
        smsc.script.set(order.faults)
        return {"faults": msgspec.to_builtins(order.faults)}
    if order.stats:
        smsc.journal.flush()
        return {"stats": smsc.counts.show()}
    raise ValueError("say reply, drop, hang, faults or stats")


def _send(smsc: Smsc, reply: Reply) -> Mapping[str, Any]:
    box = smsc.newest if reply.system_id is None else smsc.boxes.get(reply.system_id.encode())
    if box is None:
        raise ValueError("nobody has bound yet who could get the reply")
    if (reply.text is None) == (reply.hex is None):
        raise ValueError("a reply has either text or hex")
    text = reply.text if reply.text is not None else bytes.fromhex(reply.hex or "")
    parts = smsc.desk.reply(box, reply.sender, reply.to, text)
    return {"system_id": box.system_id.decode("latin-1"), "parts": parts}
