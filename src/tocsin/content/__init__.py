"""Pure: numbers, parts of a text, countries, zones, templates, placeholders, the page's status table."""

from tocsin.content.cells import safe_cell
from tocsin.content.codes import hide_codes
from tocsin.content.columns import ColumnText, find_unknown, name_columns
from tocsin.content.countries import CountryRow, load_countries
from tocsin.content.geo import Place, Places
from tocsin.content.hours import HoursError, read_hours, within_hours, write_hours
from tocsin.content.lots import choose_by_lot, draw_lot, seed_of
from tocsin.content.mailbox import (
    AddressVerdict,
    Recipient,
    RecipientsError,
    RecipientsReason,
    check_address,
    read_recipients,
)
from tocsin.content.matching import TemplateSet
from tocsin.content.media import MOST_ATTACHMENT_BYTES, Media, name_attachment, read_attachments, read_base64, sniff
from tocsin.content.mentions import split_numbers
from tocsin.content.opener import Asked, Machine, Opener, read_opener
from tocsin.content.parts import Parts, measure, split, text_fault, units16
from tocsin.content.phone import NumberFault, Numbering, Verdict, clean_number, numbering
from tocsin.content.placeholders import PlaceholderText, compile_text, fill_text, is_html, names_in, read_placeholders
from tocsin.content.schedule import read_send_time
from tocsin.content.speech import language_of_country, speak_otp
from tocsin.content.status import Status, phrase
from tocsin.content.templates import Template, parse_template, read_params
from tocsin.content.tracking import (
    TRACKING,
    UNSUBSCRIBE,
    LinkKind,
    Page,
    Token,
    make_token,
    read_page,
    read_token,
    rewrite_html,
)
from tocsin.content.zones import Zone, find_zone, list_zone_names, zones

__all__ = [
    "MOST_ATTACHMENT_BYTES",
    "TRACKING",
    "UNSUBSCRIBE",
    "AddressVerdict",
    "Asked",
    "ColumnText",
    "CountryRow",
    "HoursError",
    "LinkKind",
    "Machine",
    "Media",
    "NumberFault",
    "Numbering",
    "Opener",
    "Page",
    "Parts",
    "Place",
    "PlaceholderText",
    "Places",
    "Recipient",
    "RecipientsError",
    "RecipientsReason",
    "Status",
    "Template",
    "TemplateSet",
    "Token",
    "Verdict",
    "Zone",
    "check_address",
    "choose_by_lot",
    "clean_number",
    "compile_text",
    "draw_lot",
    "fill_text",
    "find_unknown",
    "find_zone",
    "hide_codes",
    "is_html",
    "language_of_country",
    "list_zone_names",
    "load_countries",
    "make_token",
    "measure",
    "name_attachment",
    "name_columns",
    "names_in",
    "numbering",
    "parse_template",
    "phrase",
    "read_attachments",
    "read_base64",
    "read_hours",
    "read_opener",
    "read_page",
    "read_params",
    "read_placeholders",
    "read_recipients",
    "read_send_time",
    "read_token",
    "rewrite_html",
    "safe_cell",
    "seed_of",
    "sniff",
    "speak_otp",
    "split",
    "split_numbers",
    "text_fault",
    "units16",
    "within_hours",
    "write_hours",
    "zones",
]
