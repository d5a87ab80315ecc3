"""Pure: numbers, parts of a text, countries, the page's status table."""

from tocsin.content.countries import CountryRow, load_countries
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
from tocsin.content.parts import Parts, measure, split, text_fault, units16
from tocsin.content.phone import NumberFault, Numbering, Verdict, numbering
from tocsin.content.status import Status, phrase
from tocsin.content.tracking import LinkKind, Page, Token, make_token, read_page, read_token, rewrite_html

__all__ = [
    "MOST_ATTACHMENT_BYTES",
    "AddressVerdict",
    "CountryRow",
    "LinkKind",
    "Media",
    "NumberFault",
    "Numbering",
    "Page",
    "Parts",
    "Recipient",
    "RecipientsError",
    "RecipientsReason",
    "Status",
    "Token",
    "Verdict",
    "check_address",
    "load_countries",
    "make_token",
    "measure",
    "name_attachment",
    "numbering",
    "phrase",
    "read_attachments",
    "read_base64",
    "read_page",
    "read_placeholders",
    "read_recipients",
    "read_token",
    "rewrite_html",
    "sniff",
    "split",
    "split_numbers",
    "text_fault",
    "units16",
]
