"""Who opened an email: the device by its User-Agent, and whether it was a person at all.

Mail is opened by machines more often than by people: proxies that fetch pictures before anybody looks, filters that
follow links, previews. Nothing tells them apart for sure; what is known here is what they say of themselves, how they
ask and how soon. The rules for devices are ua-parser's (uap-core); the lists below name what those rules do not.
"""

from __future__ import annotations

import ipaddress
import re
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple

_MOST_CHARS: Final = 512  # of a User-Agent; longer ones are rare, and of machines
_CACHED: Final = 4_096
# A click sooner than this after hand-over to the carrier is a filter's: no mail is delivered, shown and read so fast.
SOONEST_CLICK_S: Final = 2.0


class Machine(Enum):
    """What kind of machine asked. IMAGE_PROXY alone asks when a person looks (Gmail, Yahoo), but hides who."""

    PRIVACY_PROXY = "privacy proxy"
    IMAGE_PROXY = "image proxy"
    SCANNER = "scanner"
    BOT = "bot"
    PREFETCH = "prefetch"
    HEAD = "head"
    TOO_SOON = "too soon"


class Opener(NamedTuple):
    """device_type: "Phone", "Tablet", "Desktop" or ""; device_name: "Apple", "Samsung", "Windows" ... or "".

    machine: None where it seems to be a person; whose device is only known then.
    """

    device_type: str
    device_name: str
    machine: Machine | None

    @property
    def is_machine(self) -> bool:
        """Whether machine-open filtering drops it."""
        return self.machine is not None


class Asked(NamedTuple):
    """How a tracking link was asked for.

    method: of HTTP, in upper case; purpose: the header Sec-Purpose, Purpose or X-Moz, "" without; ip: the client's address;
    host: the reverse name of that address, "" if not looked up; clicked_after_s: of a click, seconds since hand-over.
    """

    method: str = "GET"
    purpose: str = ""
    ip: str = ""
    host: str = ""
    clicked_after_s: float | None = None


_ORDINARY: Final = Asked()

_is_image_proxy: Final = re.compile(r"GoogleImageProxy|YahooMailProxy|YahooCacheSystem", re.IGNORECASE).search
_is_scanner: Final = re.compile(
    r"barracuda|proofpoint|urldefense|mimecast|safelinks|microsoft office existence discovery"
    r"|forcepoint|ironport|ciscosecureemail|symantec|messagelabs|fireeye|trellix|sophos|trendmicro|\btmes\b|mcafee"
    r"|fortimail|fortiguard|zscaler|checkpoint|cloudmark|vade ?secure|hornetsecurity|spamtitan|bitdefender|virustotal"
    r"|urlscan|safebrowsing",
    re.IGNORECASE,
).search
_is_bot: Final = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|preview|headless|phantomjs|puppeteer|playwright|selenium|scrapy|facebookexternalhit"
    r"|whatsapp/|\b(?:curl|wget|python|aiohttp|httpx|java|okhttp|go-http-client|libwww-perl|axios|node-fetch|undici|ruby"
    r"|guzzlehttp|php|httpclient|http_request2|postmanruntime|insomnia|apachebench|monitor(?:ing)?|checker)\b",
    re.IGNORECASE,
).search
# Domains of the reverse names of mail filters.
_is_scanner_host: Final = re.compile(
    r"(?:^|\.)(?:barracuda(?:networks)?\.com|barracudacentral\.org|cudaops\.com|pphosted\.com|ppe-hosted\.com"
    r"|proofpoint\.com|mimecast(?:-offshore)?\.com|protection\.outlook\.com|iphmx\.com|messagelabs\.com|mailcontrol\.com"
    r"|sophos\.com|trendmicro\.(?:com|eu)|fireeyecloud\.com|hornetsecurity\.com)\.?$",
    re.IGNORECASE,
).search
_is_prefetch: Final = re.compile(r"prefetch|prerender|preview", re.IGNORECASE).search
# Apple's proxy says no more than this, on purpose; from its relays, and from Apple's own network.
_PRIVACY_PROXY: Final = "Mozilla/5.0"
_APPLE_NETWORK: Final = ipaddress.ip_network("17.0.0.0/8")


def read_opener(user_agent: str, asked: Asked = _ORDINARY) -> Opener:
    """Who asked for a tracking link, by its User-Agent ("" without) and what else is known."""
    agent = user_agent[:_MOST_CHARS].strip()
    device_type, device_name, machine = _read_agent(agent)
    machine = machine or _judge_request(asked)
    return Opener(device_type, device_name, None) if machine is None else Opener("", "", machine)


def _judge_request(asked: Asked) -> Machine | None:
    if asked.method == "HEAD":
        return Machine.HEAD
    if asked.purpose and _is_prefetch(asked.purpose):
        return Machine.PREFETCH
    if asked.host and _is_scanner_host(asked.host):
        return Machine.SCANNER
    if asked.clicked_after_s is not None and asked.clicked_after_s < SOONEST_CLICK_S:
        return Machine.TOO_SOON
    # People at Apple are few, and so are clicks from there: only pictures are fetched by the proxy.
    if asked.clicked_after_s is None and _is_of_apple(asked.ip):
        return Machine.PRIVACY_PROXY
    return None


def _is_of_apple(ip: str) -> bool:
    if not ip.startswith(("17.", "::ffff:17.")):
        return False
    try:
        return ipaddress.IPv4Address(ip.removeprefix("::ffff:")) in _APPLE_NETWORK
    except ValueError:
        return False


@lru_cache(_CACHED)
def _read_agent(agent: str) -> tuple[str, str, Machine | None]:
    """(device_type, device_name, machine) of a User-Agent: 25 microseconds, kept for the most recent ones.

    The rules take 27 MB and 0.2 s, in the process that is the first time asked.
    """
    if agent == _PRIVACY_PROXY:
        return "", "", Machine.PRIVACY_PROXY
    if _is_image_proxy(agent):
        return "", "", Machine.IMAGE_PROXY
    if _is_scanner(agent):
        return "", "", Machine.SCANNER
    if not agent or _is_bot(agent):
        return "", "", Machine.BOT
    import ua_parser

    found = ua_parser.parse(agent)
    family = found.os.family if found.os else ""
    if found.device is not None and found.device.family == "Spider":
        return "", "", Machine.BOT
    brand = (found.device.brand or "") if found.device else ""
    return *_name_device(agent, family, brand), None


# Names as they are written by their makers, where uap-core writes them otherwise.
_BRANDS: Final = {"XiaoMi": "Xiaomi", "Oppo": "OPPO", "Asus": "ASUS", "Hisense": "Hisense", "Lg": "LG"}
_DESKTOPS: Final = {"Windows": "Windows", "Mac OS X": "Apple", "Chrome OS": "Chrome OS"}
_LINUXES: Final = frozenset(
    {"Linux", "Ubuntu", "Debian", "Fedora", "FreeBSD", "OpenBSD", "Red Hat", "SUSE", "Linux Mint"}
)
# Models that say who made them where uap-core has no name: Samsung's numbers, Amazon's tablets.
_MODELS: Final = (
    (re.compile(r"\bSM-[A-Z]\d{3}").search, "Samsung"),
    (re.compile(r"\bKF[A-Z]{2,6}\b").search, "Amazon"),
    (re.compile(r"HarmonyOS|OpenHarmony|\bHUAWEI\b").search, "Huawei"),
    (re.compile(r"\bPixel \w").search, "Google"),
)


def _name_device(agent: str, family: str, brand: str) -> tuple[str, str]:
    """(device_type, device_name) from a User-Agent, its system and the maker that ua-parser sees."""
    if family == "iOS":
        return ("Tablet" if "iPad" in agent else "Phone"), "Apple"
    if family in _DESKTOPS:
        return "Desktop", _DESKTOPS[family]
    if "OpenHarmony" in agent or "HarmonyOS" in agent:
        return ("Tablet" if "Tablet" in agent else "Phone"), "Huawei"
    if family == "Android":
        is_phone = "Mobile" in agent or not agent.startswith("Mozilla/")  # apps of their own name no form
        return ("Phone" if is_phone else "Tablet"), _name_brand(agent, brand)
    if family == "Windows Phone":
        return "Phone", _name_brand(agent, brand) if brand else "Microsoft"
    if family in _LINUXES:
        return "Desktop", "Linux"
    return "", ""


def _name_brand(agent: str, brand: str) -> str:
    for search, name in _MODELS:
        if search(agent):
            return name
    return "Android" if not brand or brand.startswith("Generic") else _BRANDS.get(brand, brand)
