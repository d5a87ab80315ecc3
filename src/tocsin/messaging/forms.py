"""What the products that go to numbers differ in, as one table: the check of a send reads it and asks for no product."""

from __future__ import annotations

from typing import NamedTuple

from tocsin.accounts import SENDER, SHOW_PHONE
from tocsin.traffic import Priority, Product


class Form(NamedTuple):
    """The rules of one product (contract, section 4)."""

    product: Product
    priority: Priority | None  # None: the request's `action` says
    voice: bool  # calls: fixed lines are reached too, and minutes are charged
    sender_field: str  # what the page calls the sender
    sender_grant: str
    titled: bool  # a title is demanded
    in_parts: bool  # parts of the content are the billing count; else a message is one
    template_rule: bool  # a country may demand a template


SMS = Form(Product.SMS, None, False, "senderId", SENDER, titled=False, in_parts=True, template_rule=True)
MMS = Form(
    Product.MMS, Priority.NOTIFICATION, False, "senderId", SENDER, titled=True, in_parts=False, template_rule=True
)
VOICE_NOTICE = Form(
    Product.VOICE_NOTICE, Priority.NOTIFICATION, True, "showPhone", SHOW_PHONE, titled=False, in_parts=False,
    template_rule=False,
)  # fmt: skip
VOICE_OTP = Form(
    Product.VOICE_OTP, Priority.VERIFY, True, "showPhone", SHOW_PHONE, titled=False, in_parts=False, template_rule=False
)
