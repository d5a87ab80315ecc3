"""Pure: numbers, parts of a text, countries, zones, templates, placeholders, the page's status table."""

from tocsin.content.countries import CountryRow, load_countries
from tocsin.content.matching import TemplateSet
from tocsin.content.mentions import split_numbers
from tocsin.content.parts import Parts, measure, split, text_fault, units16
from tocsin.content.phone import NumberFault, Numbering, Verdict, clean_number, numbering
from tocsin.content.placeholders import PlaceholderText, compile_text, fill_text, is_html, names_in, read_placeholders
from tocsin.content.schedule import read_send_time
from tocsin.content.status import Status, phrase
from tocsin.content.templates import Template, parse_template, read_params
from tocsin.content.zones import Zone, find_zone, zones

__all__ = [
    "CountryRow",
    "NumberFault",
    "Numbering",
    "Parts",
    "PlaceholderText",
    "Status",
    "Template",
    "TemplateSet",
    "Verdict",
    "Zone",
    "clean_number",
    "compile_text",
    "fill_text",
    "find_zone",
    "is_html",
    "load_countries",
    "measure",
    "names_in",
    "numbering",
    "parse_template",
    "phrase",
    "read_params",
    "read_placeholders",
    "read_send_time",
    "split",
    "split_numbers",
    "text_fault",
    "units16",
    "zones",
]
