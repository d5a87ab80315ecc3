"""Tracking: tokens that nobody else can make, links that are replaced where they stand and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import LinkKind, Token, make_token, read_page, read_token, rewrite_html
from tocsin.content.hrefs import decode_value, read_tags

KEY, OLD_KEY = b"k" * 32, b"o" * 32
ID = bytes(range(16))
URL = "https://shop.example/a?b=1&c=2#d"
PIXEL = "https://t.example/t/open"
IMG = '<img src="https://t.example/t/open" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">'


def track(url: str) -> str:
    return "https://t.example/t/" + base64.urlsafe_b64encode(url.encode()).decode()


def test_a_token_is_what_its_layout_says() -> None:
    body = b"\1\2" + ID + URL.encode()
    mac = hmac.new(KEY, b"tocsin tracking link\0" + body, hashlib.sha256).digest()[:16]
    token = make_token(KEY, LinkKind.CLICK, ID, URL.encode())
    assert token == base64.urlsafe_b64encode(body + mac).rstrip(b"=").decode()
    assert read_token(KEY, token) == Token(LinkKind.CLICK, ID, URL.encode())
    assert len(make_token(KEY, LinkKind.OPEN, ID)) == 46


@given(
    st.sampled_from([LinkKind.OPEN, LinkKind.UNSUBSCRIBE]), st.binary(min_size=16, max_size=16), st.binary(max_size=99)
)
def test_what_was_signed_is_read(kind: LinkKind, message_id: bytes, extra: bytes) -> None:
    token = make_token(OLD_KEY, kind, message_id, extra)
    assert read_token([KEY, OLD_KEY], token) == read_token(OLD_KEY, token) == Token(kind, message_id, extra)
    assert read_token(KEY, token) is None
    assert read_token([], token) is None


@given(st.data())
def test_a_token_that_was_touched_is_none(data: st.DataObject) -> None:
    token = make_token(KEY, LinkKind.CLICK, ID, URL.encode())
    at = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.sampled_from("ABCDEFXYZabcxyz0189-_=+/ .é"))
    touched = data.draw(
        st.sampled_from([token[:at] + char + token[at + 1 :], token[:at] + char + token[at:], token[:at]])
    )
    assert (read_token(KEY, touched) is None) == (touched != token)


@given(st.text())
def test_no_text_is_a_token(text: str) -> None:
    assert read_token(KEY, text) is None


@pytest.mark.parametrize("text", ["", "=", "A" * 12_000, "é" * 46, "\0" * 46, "A" * 46, "A" * 45])
def test_odd_texts_are_none(text: str) -> None:
    assert read_token(KEY, text) is None


@pytest.mark.parametrize(
    ("version", "kind", "extra"),
    [(2, 1, b""), (1, 0, b""), (1, 9, b""), (1, 2, b""), (1, 2, b"javascript:alert(1)"), (1, 2, b"\xff")],
)
def test_a_signed_token_that_means_nothing_is_none(version: int, kind: int, extra: bytes) -> None:
    body = bytes((version, kind)) + ID + extra
    mac = hmac.digest(KEY, b"tocsin tracking link\0" + body, "sha256")[:16]
    assert read_token(KEY, base64.urlsafe_b64encode(body + mac).rstrip(b"=").decode()) is None


@pytest.mark.parametrize(
    "url",
    [
        "", "/a", "//a.example", "ftp://a.example", "javascript:alert(1)", "http://", "https:///a", "https://a b.example/",
        "https://a.example/\r\nSet-Cookie: a", "https://a.example\\@b.example/", "https://a.example/" + "x" * 2_000,
    ],
)  # fmt: skip
def test_a_click_leads_to_an_http_url_or_is_not_made(url: str) -> None:
    with pytest.raises(ValueError, match="http URL"):
        make_token(KEY, LinkKind.CLICK, ID, url.encode())


def test_lengths_are_bounded() -> None:
    longest = "https://a.example/" + "字" * 1_982
    token = make_token(KEY, LinkKind.CLICK, ID, longest.encode())
    found = read_token(KEY, token)
    assert found is not None
    assert found.url == longest
    for key, message_id, extra in [(b"short", ID, b""), (KEY, b"short", b""), (KEY, ID, bytes(8_001))]:
        with pytest.raises(ValueError, match="length"):
            make_token(key, LinkKind.OPEN, message_id, extra)


PAGE = f"""<!DOCTYPE html>
<html><head><title><a href="http://title.example/"></title><style>a {{ }} /* <a href="http://style.example/"> */</style></head>
<BODY bgcolor=#fff>
<!-- <a href="http://comment.example/"> </body> -->
<!--[if mso]><a href="http://mso.example/"><![endif]-->
<p>Hi&nbsp;Tom &amp; co, 1 < 2 <A class=x HREF="{URL.replace("&", "&amp;")}" >shop</A>
<a href='http://single.example/?a=1&copy=2'>one</a> <a href=http://bare.example/x/>two</a>
<a title="<a href='http://inner.example/'>" href = "http://spaced.example/">three</a>
<a href="mailto:a@x.com">m</a><a href="tel:+1">t</a><a href="#top">top</a><a href="/local">l</a><a name="x">n</a><a href>e</a>
<a data-no-track href="http://untracked.example/">no</a><a href="{PIXEL}?x">ours</a>
<area href="http://area.example/"><link href="http://link.example/"><img src="http://img.example/a.png">
<a href="{{{{unsubscribe}}}}">out</a> <a href="${{unsubscribe_url}}">out</a> <a href="{{name}}">given</a>
<script>"<a href='http://script.example/'>"</script>
</body ></html>
"""


def test_links_of_a_whole_page() -> None:
    expected = (
        PAGE.replace(URL.replace("&", "&amp;"), track(URL))
        .replace("http://single.example/?a=1&copy=2", track("http://single.example/?a=1&copy=2"))
        .replace("http://bare.example/x/", f'"{track("http://bare.example/x/")}"')
        .replace("http://spaced.example/", track("http://spaced.example/"))
        .replace("{{unsubscribe}}", "https://t.example/t/u?a=1&amp;b=2")
        .replace("${unsubscribe_url}", "https://t.example/t/u?a=1&amp;b=2")
        .replace("</body ></html>", IMG + "</body ></html>")
    )
    assert rewrite_html(PAGE, track, PIXEL, "https://t.example/t/u?a=1&b=2") == expected


def test_a_page_without_links_gets_the_pixel_alone() -> None:
    assert rewrite_html("<p>hello", track, PIXEL, None) == "<p>hello" + IMG
    assert rewrite_html("", track, PIXEL, None) == IMG
    assert rewrite_html("<a href='{unsubscribe}'>", track, PIXEL, None) == "<a href='{unsubscribe}'>" + IMG
    assert rewrite_html("a</body>b</body>c", track, PIXEL, None) == f"a</body>b{IMG}</body>c"


def test_a_url_that_comes_back_stays_as_it_is_written() -> None:
    html = "<a href='http://a.example/?x=&quot;&amp;y'>"
    assert rewrite_html(html, lambda url: url, PIXEL, None) == html + IMG


def test_rewriting_twice_changes_no_link_again() -> None:
    once = rewrite_html(PAGE, track, PIXEL, "https://u.example/")
    twice = rewrite_html(once, track, PIXEL, "https://u.example/")
    assert twice == once.replace(IMG, IMG + IMG)


def test_a_link_stays_inside_of_its_quotes() -> None:
    assert rewrite_html("<a href='http://a.example/'>", lambda _: "x'\"<&", PIXEL, None) == (
        "<a href='x&#x27;&quot;&lt;&amp;'>" + IMG
    )


def test_a_page_is_read_once_and_written_for_each() -> None:
    page = read_page(PAGE)
    for name in ("tom", "yan"):
        written = page.write(lambda url, name=name: f"https://{name}.example/{url}", PIXEL, None)  # type: ignore[misc]
        assert f'"https://{name}.example/http://spaced.example/"' in written


class Oracle(HTMLParser):
    """The standard library's reading of the same text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = list[tuple[str, str | None]]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [(name, value) for name, value in reversed(dict(reversed(attrs)).items()) if name == "href"]


names = st.sampled_from(["a", "A", "p", "img", "b"])
urls = st.sampled_from(["http://a.example/", "http://a.example/?x=1&amp;y=2", "#", "mailto:a@x.com", ""])
attributes = st.one_of(
    st.builds(' {}="{}"'.format, st.sampled_from(["href", "HREF", "title"]), urls),
    st.builds(" {} = '{}'".format, st.sampled_from(["href", "class"]), urls),
    st.sampled_from([" href=http://bare.example/", " disabled", "\n", " title='>'", ' title="<a href=x>"', " /"]),
)
pieces = st.one_of(
    st.builds("<{}{}>".format, names, st.lists(attributes, max_size=4).map("".join)),
    st.builds("</{}>".format, names),
    st.sampled_from(
        ["text ", "1 < 2 ", "&lt;", "<!-- <a href='http://c.example/'> -->", "<!DOCTYPE html>", "<?x y?>", "\n"]
    ),
    st.sampled_from(["<script><a href='http://s.example/'></script>", "<style><a href='http://s.example/'></style>"]),
)


@given(st.lists(pieces).map("".join))
def test_the_tags_are_those_of_the_standard_library(html: str) -> None:
    oracle = Oracle()
    oracle.feed(html)
    oracle.close()
    values = [tag.attributes["href"] for tag in read_tags(html) if tag.name == "a" and "href" in tag.attributes]
    assert [decode_value(html[v.start : v.end]) for v in values] == [value for _, value in oracle.found]


@given(st.one_of(st.text(), st.text("<>!-/a\"'= \nhrefscript", max_size=60), st.lists(pieces).map("".join)))
def test_all_else_stays_byte_for_byte(html: str) -> None:
    assert rewrite_html(html, lambda url: url, PIXEL, None).replace(IMG, "", 1) == html
    marked = rewrite_html(html, lambda url: url, PIXEL, None)
    assert marked.count(IMG) == 1


@pytest.mark.parametrize(
    "unit", ["<!--", "<a ", "<a b='", '<a b="', "<", "</", "<!", "<script>", "<a/", "<a =", "<a b= ", "<![CDATA["]
)
def test_a_text_that_never_closes_takes_no_longer_than_its_length(unit: str) -> None:
    html = unit * (200_000 // len(unit))
    assert rewrite_html(html, track, PIXEL, None) == html + IMG


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a&amp;b", "a&b"), ("?a=1&copy=2", "?a=1&copy=2"), ("&copy;=2", "©=2"), ("&lt", "<"), ("&notit;", "&notit;"),
        ("&#65;&#x42;&#0;&#x110000;&#xD800;", "AB\ufffd\ufffd\ufffd"), ("&;&", "&;&"), ("&#65=", "A="), ("&nosuch;", "&nosuch;"),
    ],
)  # fmt: skip
def test_character_references_of_attributes(text: str, value: str) -> None:
    assert decode_value(text) == value
