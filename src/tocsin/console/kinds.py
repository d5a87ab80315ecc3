"""What the products differ in on the send page, as one table: which fields, which files, where it is sent to."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from tocsin.accounts import SENDER, SHOW_PHONE
from tocsin.console import public
from tocsin.console.installation import installation
from tocsin.console.lazy import StrPromise
from tocsin.content import MOST_ATTACHMENT_BYTES
from tocsin.traffic import Product

MAIL_FILES_BYTES: Final = 20 * 1024 * 1024


class Kind(NamedTuple):
    """A product as people send it."""

    slug: str  # in addresses
    product: Product
    path: str  # of the API
    icon: str
    lead: StrPromise
    template_kind: str
    content_most: int  # characters
    sender_grant: str = SENDER
    sender_field: str = "senderId"
    to_numbers: bool = True  # else to addresses
    one: bool = False  # to one number alone
    acts: bool = False  # people say what the message is for
    titled: bool = False
    files_most: int = 0
    files_bytes: int = 0  # together

    @property
    def most(self) -> int:
        """Recipients of one send."""
        settings = installation().settings
        if self.one:
            return 1
        return settings.max_numbers_post if self.product is Product.SMS else settings.max_numbers_other

    @property
    def is_email(self) -> bool:
        return self.product is Product.EMAIL

    @property
    def is_voice(self) -> bool:
        return self.product in {Product.VOICE_NOTICE, Product.VOICE_OTP}


_KINDS: Final = [
    Kind(
        "sms", Product.SMS, public.SMS, "message", _("A short text to mobile phones, billed by the part."), "sms", 1024,
        acts=True,
    ),
    Kind(
        "mms", Product.MMS, public.MMS, "photo", _("A title, a text and files to mobile phones, billed by the message."),
        "mms", 1024, titled=True, files_most=20, files_bytes=MOST_ATTACHMENT_BYTES,
    ),
    Kind(
        "voice", Product.VOICE_NOTICE, public.NOTICE, "volume", _("A call that reads a text aloud, billed by the minute."),
        "voice", 1024, sender_grant=SHOW_PHONE, sender_field="showPhone",
    ),
    Kind(
        "code", Product.VOICE_OTP, public.CODE, "password",
        _("A call that reads a code aloud, digit by digit and twice, in the language of the country."), "voice", 1024,
        sender_grant=SHOW_PHONE, sender_field="showPhone", one=True,
    ),
    Kind(
        "email", Product.EMAIL, public.EMAIL, "mail", _("A text or HTML with files to email addresses, billed by the message."),
        "email", 1_000_000, to_numbers=False, titled=True, files_most=20, files_bytes=MAIL_FILES_BYTES,
    ),
]  # fmt: skip
KINDS: Final = {kind.slug: kind for kind in _KINDS}
