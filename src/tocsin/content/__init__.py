"""Pure: numbers, parts of a text, countries, zones, templates, placeholders, the page's status table."""

from tocsin.content.countries import CountryRow, load_countries
from tocsin.content.mentions import split_numbers
from tocsin.content.parts import Parts, measure, split, text_fault, units16
from tocsin.content.phone import NumberFault, Numbering, Verdict, numbering
from tocsin.content.schedule import read_send_time
from tocsin.content.status import Status, phrase
from tocsin.content.zones import Zone, find_zone, zones

__all__ = [
    "CountryRow",
    "NumberFault",
    "Numbering",
    "Parts",
    "Status",
    "Verdict",
    "Zone",
    "find_zone",
    "load_countries",
    "measure",
    "numbering",
    "phrase",
    "read_send_time",
    "split",
    "split_numbers",
    "text_fault",
    "units16",
    "zones",
]
