"""`tocsin send ...`: signs and posts through the public API, as any client does; it never goes round it."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import json
import re
import secrets
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from tocsin import accounts, content
from tocsin.bootstrap.facts import DEMO, read_facts
from tocsin.cli.base import FAILED, Choice, Refusal, load_settings, show, table, verbs
from tocsin.cli.change import open_change
from tocsin.kit import clock
from tocsin.kit.seal import open_seal
from tocsin.kit.settings import Settings
from tocsin.kit.suggest import join, suggest

_SMS_PATH, _MMS_PATH = "/api/v1/sms/sendbatchsms", "/api/v1/sms/mssSend"
_EMAIL_PATH = "/api/v1/email/sendEmail"
_FILES = "attachment"
_NOTICE_PATH, _CODE_PATH = "/api/v1/vos/notice", "/api/v1/vos/otp"
_WAIT_S = 30.0
_SHOWN = 20

File = tuple[str, str, bytes]
"""(field, file name, bytes)."""


class Sender(NamedTuple):
    """Who sends, through which door."""

    base_url: str
    account: str
    api_key: str


@verbs()
def send() -> None:
    """Send a message through the API, as a client would."""


def _with(*options: Callable[..., Any]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    def decorate(verb: Callable[..., int]) -> Callable[..., int]:
        for option in options:
            verb = option(verb)
        return verb

    return decorate


_SHARED = (
    click.option("--zone", help="The zone of --at: a label such as UTC+7, or an IANA name; default: UTC+8."),
    click.option("--at", help="Send then, in place of now: `2026-12-01 09:00:00`, or epoch seconds."),
    click.option("--base-url", help="Where the API is; default: this machine's."),
    click.option("--key", help="Its API key; default: the one in the database or of the demo."),
    click.option("--account", help="Who sends; default: the demo account."),
)
_of_email = _with(*_SHARED)
_of_every_send = _with(
    *_SHARED, click.option("--country", help="codeId or ISO code; else told by the first number's calling code.")
)


@send.command()
@click.argument("numbers")
@click.argument("text", required=False)
@click.option("--template", type=int, help="An approved template, by its id; in place of TEXT.")
@click.option("--param", "params", multiple=True, help="What fills {1}, {2} ... of the template; more by more options.")
@click.option(
    "--action",
    type=Choice(["VERIFY", "NOTIFICATION", "MARKETING"], case_sensitive=False),
    default="NOTIFICATION",
    show_default=True,
    help="VERIFY goes first in every queue, MARKETING last.",
)
@_of_every_send
def sms(
    numbers: str, text: str | None, template: int | None, params: tuple[str, ...], action: str, **options: str | None
) -> int:
    """Send an SMS to NUMBERS (by commas): TEXT, or a template.

    \b
    Examples: tocsin send sms 6281234567801 "Hello"
              tocsin send sms 81234567801,81234567802 "Your code is 1234" --country ID --action VERIFY
              tocsin send sms 6281234567801 "Good morning" --at "2026-12-01 09:00:00" --zone UTC+7
              tocsin send sms 6281234567801 --template 3 --param 1234 --param "5 minutes"
    """
    place = _find_place(options["country"], numbers)
    body = {"numbers": numbers, **_say(text, template, params), "codeId": place.code_id, "action": action.upper()}
    return _post_and_show(_SMS_PATH, body, options, place=place)


def _say(text: str | None, template: int | None, params: tuple[str, ...]) -> dict[str, Any]:
    """The fields of what is said. Raises click.UsageError."""
    if (text is None) == (template is None):
        raise click.UsageError("say it by TEXT or by --template, one of the two")
    if template is None:
        if params:
            raise click.UsageError("--param fills a template: name it by --template")
        return {"content": text}
    return {"templateId": template, "templateParams": list(params)}


@send.command()
@click.argument("numbers")
@click.argument("text")
@click.option("--title", required=True, help="The subject.")
@click.option(
    "--attach", "files", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file (png, jpg, gif, mp3, txt, vcf ...); more than one by more options.",
)  # fmt: skip
@_of_every_send
def mms(
    numbers: str, text: str, country: str | None, title: str, files: tuple[Path, ...], **options: str | None
) -> int:
    """Send an MMS to NUMBERS (by commas).

    \b
    Example: tocsin send mms 6281234567801 "See you there" --title Invitation --attach map.png
    """
    place = _find_place(country, numbers)
    body: dict[str, Any] = {"numbers": numbers, "content": text, "codeId": place.code_id, "title": title}
    if files:
        body["attachment"] = [base64.b64encode(file.read_bytes()).decode() for file in files]
    return _post_and_show(_MMS_PATH, body, options, place=place)


_SHOW_PHONE = click.option("--show-phone", help="Number that the call comes from; the account must be granted it.")


@send.command()
@click.argument("numbers")
@click.argument("text")
@_SHOW_PHONE
@_of_every_send
def voice(numbers: str, text: str, country: str | None, show_phone: str | None, **options: str | None) -> int:
    """Call NUMBERS (by commas) and read TEXT aloud.

    \b
    Example: tocsin send voice 6281234567801 "Your table is ready"
    """
    return _call(_NOTICE_PATH, (numbers, text, country, show_phone), options)


@send.command()
@click.argument("number")
@click.argument("text")
@_SHOW_PHONE
@_of_every_send
def otp(number: str, text: str, country: str | None, show_phone: str | None, **options: str | None) -> int:
    """Call NUMBER and read a code aloud.

    TEXT of 3 to 10 digits is read digit by digit, twice, inside a sentence in the language of the country or account.
    Any other TEXT is read as it is.

    \b
    Examples: tocsin send otp 6281234567801 482193
              tocsin send otp 6281234567801 "Your code is 4 8 2 1 9 3"
    """
    return _call(_CODE_PATH, (number, text, country, show_phone), options)


def _call(path: str, what: tuple[str, str, str | None, str | None], options: Mapping[str, str | None]) -> int:
    numbers, text, country, show_phone = what
    place = _find_place(country, numbers)
    body: dict[str, Any] = {"numbers": numbers, "content": text, "codeId": place.code_id}
    if show_phone:
        body["showPhone"] = show_phone
    return _post_and_show(path, body, options, place=place)


@send.command()
@click.argument("addresses")
@click.argument("text", required=False)
@click.option(
    "--from", "name", required=True, help="The sender's name; its address is the account's or the platform's."
)
@click.option("--subject", required=True, help="The subject.")
@click.option(
    "--html-file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of HTML, in UTF-8, in place of TEXT.",
)  # fmt: skip
@click.option(
    "--attach", "files", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of any type; more than one by more options.",
)  # fmt: skip
@_of_email
def email(addresses: str, text: str | None, name: str, subject: str, **options: Any) -> int:
    """Send an email to ADDRESSES (by commas).

    \b
    Examples: tocsin send email tom@example.com "Hello" --from Acme --subject "Good morning"
              tocsin send email tom@example.com --html-file news.html --from Acme --subject News --attach plan.pdf
    """
    page: Path | None = options.pop("html_file")
    if (text is None) == (page is None):
        raise click.UsageError("give either TEXT or --html-file")
    files = [(_FILES, file.name, file.read_bytes()) for file in options.pop("files")]
    content = text if page is None else page.read_text(encoding="utf-8")
    body = {"emails": addresses, "from": name, "theme": subject, "content": content}
    return _post_and_show(_EMAIL_PATH, body, options, files)


def _post_and_show(
    path: str,
    body: dict[str, Any],
    options: Mapping[str, str | None],
    files: Sequence[File] = (),
    place: Place | None = None,
) -> int:
    """Post it, and show what was answered; a country that nobody named is told."""
    if options["at"]:
        body |= {"sendTime": options["at"], "timeZone": options["zone"]}
    reply = post(find_sender(options["account"], options["key"], options["base_url"]), path, body, files)
    text = _tell(reply)
    if place is not None and place.told:
        reply["country"] = {"codeId": place.code_id, "iso": place.iso, "name": place.name}
        text = f"to {place.name} ({place.iso}, codeId {place.code_id}), by the first number; another: --country\n{text}"
    show(reply, text)
    return 0 if reply.get("status") == 0 else FAILED


def find_sender(account: str | None, api_key: str | None, base_url: str | None) -> Sender:
    """What was given, else the demo's facts, else what the database knows. Raises Refusal."""
    settings = load_settings()
    facts = read_facts(settings.home, DEMO) or {}
    name = account or facts.get("account")
    if not name:
        raise Refusal("who sends? There is no demo account here: name one by --account", 2)
    url = base_url or facts.get("base_url") or f"http://{settings.host}:{settings.port}"
    key = api_key or (facts.get("api_key") if name == facts.get("account") else None) or _read_key(settings, name)
    return Sender(str(url).rstrip("/"), str(name), str(key))


def _read_key(settings: Settings, name: str) -> str:
    with open_change(settings) as conn:
        keys = accounts.list_keys(conn, accounts.find_account(conn, name).id)
    if not keys:
        raise Refusal(f"account {name} has no API key: tocsin key rotate {name}")
    return open_seal(settings).open(keys[-1].sealed)


class Place(NamedTuple):
    """The country of a send. `told`: nobody named it; it is that of the first number."""

    code_id: int
    iso: str = ""
    name: str = ""
    told: bool = False


def _find_place(word: str | None, numbers: str) -> Place:
    """Raises click.UsageError."""
    countries = content.load_countries()
    if word:
        for country in countries:
            if word.upper() in (country.iso, str(country.code_id)):
                return Place(country.code_id)
        if word.isdigit():
            return Place(int(word))  # the API says what is wrong with it
        hint = suggest(word, {written: each.iso for each in countries for written in (each.iso, each.name)})
        raise click.UsageError(join(f"unknown country {word}", hint or "a codeId like 10007 or an ISO code like ID"))
    pieces = content.split_numbers(numbers)
    digits = "".join(letter for letter in (pieces[0] if pieces else "") if letter.isdigit())
    fitting = [country for country in countries if digits.startswith(str(country.calling_code))]
    if not fitting:
        raise click.UsageError("no country begins like the first number: name one by --country")
    longest = max(fitting, key=lambda country: len(str(country.calling_code)))
    by_iso = {country.iso: country for country in countries}
    main = content.numbering(longest.iso).main_iso
    # Countries share calling codes: the number tells which of them it is.
    region = content.numbering(main or longest.iso, voice=True).normalise(f"+{digits}").region_iso
    best = by_iso.get(region) or by_iso.get(main) or longest
    return Place(best.code_id, best.iso, best.name, told=True)


def post(sender: Sender, path: str, body: dict[str, Any], files: Sequence[File] = ()) -> dict[str, Any]:
    """The API's reply; with files the body is multipart, as only there they have names. Raises Refusal where there is none."""
    at = str(int(clock.now_s()))
    # MD5 is what the API page prescribes.
    sign = hashlib.md5(f"{sender.account}{sender.api_key}{at}".encode(), usedforsecurity=False).hexdigest()
    query = urllib.parse.urlencode({"account": sender.account, "sign": sign, "datetime": at})
    kind, data = _pack_parts(body, files) if files else ("application/json", json.dumps(body).encode())
    request = urllib.request.Request(  # noqa: S310  the operator's own URL
        f"{sender.base_url}{path}?{query}", data, {"Content-Type": kind}
    )
    if request.type not in ("http", "https"):
        raise click.UsageError(f"{sender.base_url} is no http or https address")
    try:
        with urllib.request.urlopen(request, timeout=_WAIT_S, context=_trust(request)) as answer:  # noqa: S310
            reply = json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise Refusal(f"{sender.base_url} answers HTTP {error.code}") from error
    except (OSError, ValueError) as error:
        raise Refusal(f"{sender.base_url} does not answer ({error}): does `tocsin up` run?", 2) from error
    if not isinstance(reply, dict):
        raise Refusal(f"{sender.base_url} is not our API")
    return reply


def _pack_parts(body: Mapping[str, Any], files: Sequence[File]) -> tuple[str, bytes]:
    """Content-Type and body of multipart/form-data (RFC 7578)."""
    boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Disposition: form-data; name="
    pieces = [f'{head}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in body.items() if value is not None]
    for field, name, data in files:
        plain = re.sub(r'["\r\n]', "_", name)
        pieces.append(f'{head}"{field}"; filename="{plain}"\r\n\r\n'.encode() + data + b"\r\n")
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces) + f"--{boundary}--\r\n".encode()


def _trust(request: urllib.request.Request) -> ssl.SSLContext | None:
    if request.type != "https":
        return None
    context = ssl.create_default_context()
    if _is_local(urllib.parse.urlsplit(request.full_url).hostname or ""):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # our own process, on this machine
    return context


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tell(reply: dict[str, Any]) -> str:
    data = reply.get("data") or {}
    if reply.get("status") != 0:
        lines = [f"refused, status {reply.get('status')}: {reply.get('message')}"]
    else:
        lines = [f"accepted: {data.get('success')} sent, {data.get('fail')} refused, batch {data.get('batchNo')}"]
    good = [[row["phone"], row["messageId"], ""] for row in data.get("successData") or []]
    good += [[phone, message_id, ""] for phone, message_id in data.get("array") or []]
    bad = [
        [row.get("phone") or row["email"], row["messageId"], f"{row['status']} {row['message']}"]
        for row in data.get("failData") or []
    ]
    rows = good + bad
    if rows:
        lines.append(table(["to", "messageId", ""], rows[:_SHOWN]))
    if len(rows) > _SHOWN:
        lines.append(f"and {len(rows) - _SHOWN} more (--json shows all)")
    return "\n".join(lines)
