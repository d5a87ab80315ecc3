"""Pure: numbers and addresses, parts of a text, attachments, tracking, places, speech, countries, the page's status table."""

from tocsin.content.countries import CountryRow, load_countries
from tocsin.content.geo import Place, Places
from tocsin.content.mailbox import (
    AddressVerdict,
    Recipient,
    RecipientsError,
    RecipientsReason,
    check_address,
    read_placeholders,
    read_recipients,
)
from tocsin.content.media import MOST_ATTACHMENT_BYTES, Media, name_attachment, read_attachments, read_base64, sniff
from tocsin.content.mentions import split_numbers
from tocsin.content.opener import Asked, Machine, Opener, read_opener
from tocsin.content.parts import Parts, measure, split, text_fault, units16
from tocsin.content.phone import NumberFault, Numbering, Verdict, numbering
from tocsin.content.speech import language_of_country, speak_otp
from tocsin.content.status import Status, phrase
from tocsin.content.tracking import LinkKind, Page, Token, make_token, read_page, read_token, rewrite_html

__all__ = [
    "MOST_ATTACHMENT_BYTES",
    "AddressVerdict",
    "Asked",
    "CountryRow",
    "LinkKind",
    "Machine",
    "Media",
    "NumberFault",
    "Numbering",
    "Opener",
    "Page",
    "Parts",
    "Place",
    "Places",
    "Recipient",
    "RecipientsError",
    "RecipientsReason",
    "Status",
    "Token",
    "Verdict",
    "check_address",
    "language_of_country",
    "load_countries",
    "make_token",
    "measure",
    "name_attachment",
    "numbering",
    "phrase",
    "read_attachments",
    "read_base64",
    "read_opener",
    "read_page",
    "read_placeholders",
    "read_recipients",
    "read_token",
    "rewrite_html",
    "sniff",
    "speak_otp",
    "split",
    "split_numbers",
    "text_fault",
    "units16",
]
