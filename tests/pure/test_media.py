"""Attachments: types by content, against files made here by the rules of each format; base64; names."""

from __future__ import annotations

import base64
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import MOST_ATTACHMENT_BYTES, name_attachment, read_attachments, read_base64, sniff
from tocsin.content.media import PNG, TXT, Media


def make_png() -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0\0\0")) + chunk(b"IEND", b"")
    )


GIF_1X1 = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
FRAME = b"\xff\xfb\x90\x64" + bytes(413)  # MPEG-1 layer III, 128 kbit/s at 44.1 kHz: 417 bytes
SVG_PLAIN = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><rect width="1" height="1" fill="url(#a)"/></svg>'
)
VCARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Tom\r\nTEL:+6281234567890\r\nEND:VCARD\r\n"

EXTENSIONS = ["png", "jpg", "jpeg", "bmp", "gif", "webp", "psd", "svg", "tiff", "mp3", "wav", "txt", "vcf"]
FILES = {
    "png": make_png(),
    "jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xd9",
    "gif": GIF_1X1,
    "bmp": struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 58, 0, 0, 54, 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0) + bytes(4),
    "webp": b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0",
    "wav": struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", 0),
    "psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 1, 1, 8, 3) + bytes(12),
    "tiff": b"II*\0\x08\0\0\0\0\0\0\0\0\0",
    "mp3": FRAME * 3,
    "svg": SVG_PLAIN,
    "txt": "你好, world\r\n".encode(),
    "vcf": VCARD,
}
OTHERS = {
    "mp3": [b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + FRAME * 2, b"ID3\3\0\0\0\0\0\5" + bytes(5) + bytes(64) + FRAME],
    "tiff": [b"MM\0*\0\0\0\x08\0\0\0\0\0\0"],
    "txt": ["你好".encode("utf-16"), b"\xef\xbb\xbfhello", b"<3 you", b"BMW is a car", b"1 < 2"],
    "svg": [
        b'<?xml version="1.0" encoding="UTF-8"?>\n<!-- drawn -->\n' + SVG_PLAIN,
        SVG_PLAIN.decode().encode("utf-16"),
        b"<svg fill='url( \"#a\" )' mask='url(" + b" " * 90_000 + b"#a)'/>",
        b"<svg><style>rect { fill: url(#a) }</style><a href='#top'/></svg>",
        b"<svg xmlns='http://www.w3.org/2000/svg' xmlns:i='urn:editor' i:file='C:\\a.svg' data-x='url(http://a)'/>",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("extension", "data"), [*FILES.items(), *((e, d) for e, all_ in OTHERS.items() for d in all_)])
def test_the_types_of_the_page(extension: str, data: bytes) -> None:
    media = sniff(data)
    assert media is not None
    assert media.extension == extension


def test_every_type_of_the_page_has_a_sample_and_a_mime_type() -> None:
    assert set(FILES) | {"jpeg"} == {*EXTENSIONS}
    assert all(media is not None and "/" in media.mime for media in map(sniff, FILES.values()))


def test_a_picture_with_markup_behind_it_still_is_the_picture() -> None:
    assert sniff(GIF_1X1 + b"<script>alert(1)</script>") == Media("gif", "image/gif")


END_OF_ZIP = b"PK\5\6" + bytes(18)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   \n",
        b"PK\3\4" + bytes(30) + END_OF_ZIP,
        b"\x7fELF\2\1\1" + bytes(60),
        b"MZ\x90\0" + bytes(60),
        b"%PDF-1.7\n1 0 obj",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60),
        b"<!DOCTYPE html><html></html>",
        b"\n <html>",
        b"\xef\xbb\xbf<script>",
        "<html>".encode("utf-16"),
        b"<?php echo 1;",
        b"<%= 1 %>",
        b"#!/bin/sh\nrm -rf /",
        b"@echo off",
        b"{\\rtf1 }",
        b"%!PS-Adobe",
        b"caf\xe9",
        b"a\0b",
        b"a\x1bb",
        b"a\x7f",
        "a\x85b".encode(),
        b"\xff\xfe\0\xd8",
        b"BEGIN:VCARD\r\nFN:Tom",
        b"BM" + bytes(60),
        b"RIFF\4\0\0\0AVI " + bytes(20),
        b"8BPS\0\2" + bytes(40),
        b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + b"MZ\x90\0" + bytes(60),
        b"ID3\4\0\0\0\0\0\x0a" + bytes(10),
        b"\xff\xf1\x50\x80" + bytes(60),
        FRAME + b"MZ\x90\0" + bytes(60),
        make_png() + END_OF_ZIP,
        GIF_1X1 + b"PK\5\6" + bytes(16) + b"\3\0abc",
        b"\xff\xd8\xff\xe0\n%PDF-1.4\n" + bytes(60),
    ],
)
def test_anything_else_is_no_attachment(data: bytes) -> None:
    assert sniff(data) is None


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        "<x:script xmlns:x='http://www.w3.org/2000/svg'/>",
        "<g onload='alert(1)'/>",
        "<a href='javascript:alert(1)'/>",
        "<a href='java&#10;script:alert(1)'/>",
        "<image href='http://tracker.example/x.png'/>",
        "<image xmlns:l='http://www.w3.org/1999/xlink' l:href='//tracker.example/x.png'/>",
        "<use href='other.svg#a'/>",
        "<image href='data:image/svg+xml;base64,AAAA'/>",
        "<foreignObject/>",
        "<style>@import 'http://a.example/a.css';</style>",
        "<style>@imp<b/>ort 'http://a.example/a.css';</style>",
        "<rect style='fill:url(http://a.example/)'/>",
        "<rect fill=\"url( 'http://a.example/')\"/>",
        "<rect fill='url('/>",
        "<style>rect { fill: image-set('http://a.example/' 1x) }</style>",
        "<set attributeName='xlink:href' to='#a'/>",
        "<set attributeName='onclick' to='alert(1)'/>",
        "<?xml-stylesheet href='http://a.example/a.css'?>",
        "<g>",
        "&nbsp;",
    ],
)
def test_an_svg_that_runs_or_fetches_anything_is_none(inner: str) -> None:
    assert sniff(f"<svg xmlns='http://www.w3.org/2000/svg'>{inner}</svg>".encode()) is None


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE svg>" + SVG_PLAIN,
        b"<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg>&x;</svg>",
        b"<?xml version='1.0' encoding='nonsense'?>" + SVG_PLAIN,
        b"<html>" + SVG_PLAIN + b"</html>",
        SVG_PLAIN + SVG_PLAIN,
        b"<svg xmlns='urn:else'/>",
    ],
)
def test_an_svg_with_a_document_type_or_another_root_is_none(data: bytes) -> None:
    assert sniff(data) is None


@given(st.binary(max_size=300), st.sampled_from([*FILES.values(), b"", b"RIFF", b"ID3", b"\xff\xfb", b"<svg>", b"BM"]))
def test_no_bytes_are_a_fault(tail: bytes, head: bytes) -> None:
    media = sniff(head + tail)
    assert media is None or media.extension in FILES


@given(st.text())
def test_a_text_is_what_holds_no_control_character_and_no_markup(text: str) -> None:
    if sniff(text.encode("utf-8", "surrogatepass")) == TXT:
        assert text.strip()
        assert not set(text) & {chr(code) for code in {*range(32), *range(127, 160)} - {9, 10, 12, 13}}
        assert not text.lstrip("\ufeff").lstrip().lower().startswith(("<!", "<h", "<s", "</", "<?", "#!", "%pdf-"))


@given(
    st.binary(min_size=1, max_size=200), st.booleans(), st.booleans(), st.sampled_from(["", "data:image/png;base64,"])
)
def test_base64_in_all_its_dresses(data: bytes, url_safe: bool, padded: bool, prefix: str) -> None:
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    text = text if padded else text.rstrip("=")
    broken = "\r\n".join(text[i : i + 7] for i in range(0, len(text), 7))
    assert read_base64(prefix + text) == read_base64(prefix + broken) == data


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("data:;base64,", "it is empty"),
        ("====", "it is empty"),
        ("data:text/plain,hello", "its data: address is not base64"),
        ("a", "it is no base64"),
        ("ab=c", "it is no base64"),
        ("你好", "it is no base64"),
        ("ab!d", "it is no base64"),
        ("A" * 16, "it is over 10 bytes"),
    ],
)
def test_what_is_no_base64_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"^it") as fault:
        read_base64(text, 10)
    assert str(fault.value) == why


def test_the_limit_is_met_exactly_and_counts_all_files_together() -> None:
    exact = base64.b64encode(bytes(MOST_ATTACHMENT_BYTES)).decode()
    assert len(read_base64(exact)) == MOST_ATTACHMENT_BYTES == 102_400
    half = base64.b64encode(bytes(51_200)).decode()
    assert read_attachments([half, half]) == [bytes(51_200)] * 2
    with pytest.raises(ValueError, match=r"^attachments are over 102400 bytes together$"):
        read_attachments([half, half, "AA=="])
    with pytest.raises(ValueError, match=r"^attachment 2: it is no base64$"):
        read_attachments([half, "?"])
    assert read_attachments([]) == []


@pytest.mark.parametrize(
    ("name", "media", "clean"),
    [
        (None, PNG, "attachment-3.png"),
        ("", PNG, "attachment-3.png"),
        ("..", PNG, "attachment-3.png"),
        ("photo.png", PNG, "photo.png"),
        ("Photo.JPEG", Media("jpg", "image/jpeg"), "Photo.jpeg"),
        ("photo.jpg", PNG, "photo.png"),
        ("setup.exe", PNG, "setup.png"),
        ("v1.2", TXT, "v1.2.txt"),
        ("../../etc/passwd", TXT, "passwd.txt"),
        ("C:\\temp\\a.txt", TXT, "a.txt"),
        (".bashrc", TXT, "bashrc.txt"),
        ("a\0b\r\nc\u202egnp.txt", TXT, "abcgnp.txt"),
        ('a"; filename="b.txt', TXT, "a filename=b.txt"),
        ("合同 最终.txt", TXT, "合同 最终.txt"),
        ("\ud800.txt", TXT, "attachment-3.txt"),
        ("x" * 500 + ".txt", TXT, "x" * 60 + ".txt"),
        ("contract.PDF", None, "contract.pdf"),
        ("contract", None, "contract.bin"),
        (None, None, "attachment-3.bin"),
    ],
)
def test_names(name: str | None, media: Media | None, clean: str) -> None:
    assert name_attachment(name, 3, media) == clean


@given(st.one_of(st.none(), st.text(max_size=200)), st.sampled_from([PNG, TXT, None]))
def test_no_name_is_a_path_or_breaks_a_header(name: str | None, media: Media | None) -> None:
    clean = name_attachment(name, 1, media)
    assert 0 < len(clean) <= 64
    assert clean.encode().decode().isprintable()
    assert not set(clean) & set('/\\"<>|:*?;')
    assert not clean.startswith(".")
    assert media is None or clean.endswith(media.extension)
