"""Pure: numbers, parts of a text, countries, the page's status table."""

from tocsin.content.countries import CountryRow, load_countries
from tocsin.content.mentions import split_numbers
from tocsin.content.parts import Parts, measure, split, text_fault, units16
from tocsin.content.phone import NumberFault, Numbering, Verdict, clean_number, numbering
from tocsin.content.status import Status, phrase

__all__ = [
    "CountryRow",
    "NumberFault",
    "Numbering",
    "Parts",
    "Status",
    "Verdict",
    "clean_number",
    "load_countries",
    "measure",
    "numbering",
    "phrase",
    "split",
    "split_numbers",
    "text_fault",
    "units16",
]
