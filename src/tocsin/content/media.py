"""Attachments of a multimedia message: their type by content, their base64, their names (contract, section 4).

What a client calls a file proves nothing: `sniff` looks at the bytes alone, and knows thirteen types. What it does not
know, or what also is something else (a ZIP behind a picture, a PDF in front of one), is no attachment.

Signatures: PNG (ISO/IEC 15948), JPEG (ITU-T T.81), GIF87a and GIF89a, BMP (Microsoft's BITMAPFILEHEADER), RIFF (WAVE,
and WebP by RFC 9649), TIFF 6.0, Adobe's PSD specification, MPEG audio (ISO/IEC 11172-3), ID3v2.
"""

from __future__ import annotations

import binascii
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from tocsin.content.svg import is_safe_svg

# Decoded bytes of all attachments of a message together: the page's 100KB.
MOST_ATTACHMENT_BYTES: Final = 102_400


class Media(NamedTuple):
    """A type of file. extension: as on the page, without a dot, "jpg" for jpeg; mime: for a Content-Type."""

    extension: str
    mime: str


PNG: Final = Media("png", "image/png")
JPG: Final = Media("jpg", "image/jpeg")
BMP: Final = Media("bmp", "image/bmp")
GIF: Final = Media("gif", "image/gif")
WEBP: Final = Media("webp", "image/webp")
PSD: Final = Media("psd", "image/vnd.adobe.photoshop")
SVG: Final = Media("svg", "image/svg+xml")
TIFF: Final = Media("tiff", "image/tiff")
MP3: Final = Media("mp3", "audio/mpeg")
WAV: Final = Media("wav", "audio/wav")
TXT: Final = Media("txt", "text/plain")
VCF: Final = Media("vcf", "text/vcard")


def sniff(data: bytes) -> Media | None:
    """The type of a file by its content; None: none that a message may carry."""
    for media, fits in _BINARIES:
        if fits(data):
            return None if _hides_archive(data) or b"%PDF-" in data[:_PDF_BYTES] else media
    return _sniff_text(data)


def _is_png(data: bytes) -> bool:
    return data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR"


def _is_jpg(data: bytes) -> bool:
    # Start of image, then a marker: a segment of tables or application data, never a frame at once.
    return data[:3] == b"\xff\xd8\xff" and data[3:4] >= b"\xc0"


def _is_gif(data: bytes) -> bool:
    return data[:6] in {b"GIF87a", b"GIF89a"} and len(data) > 13


# Sizes of the header behind BITMAPFILEHEADER, from OS/2's core header to BITMAPV5HEADER: "BM" alone begins words too.
_BMP_HEADERS: Final = {12, 16, 40, 52, 56, 64, 108, 124}


def _is_bmp(data: bytes) -> bool:
    return data[:2] == b"BM" and len(data) >= 26 and int.from_bytes(data[14:18], "little") in _BMP_HEADERS


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:15] == b"WEBPVP8" and data[15:16] in {b" ", b"L", b"X"}


def _is_wav(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WAVE" and len(data) > 20


def _is_psd(data: bytes) -> bool:
    return data[:6] == b"8BPS\0\1" and len(data) >= 26


def _is_tiff(data: bytes) -> bool:
    return data[:4] in {b"II*\0", b"MM\0*"} and len(data) > 8


def _is_mp3(data: bytes) -> bool:
    """MPEG audio layer III, bare or behind an ID3v2 tag; a tag alone, or in front of something else, is none."""
    start = 0
    if data[:3] == b"ID3":
        if len(data) < 10 or max(data[6:10]) > 0x7F:
            return False
        size = data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9]  # four times seven bits
        start = 10 + size
        start = len(data) - len(data[start:].lstrip(b"\0"))  # some writers pad behind the tag
    frame = _measure_frame(data[start : start + 4])
    if not frame:
        return False
    following = data[start + frame : start + frame + 4]
    return len(following) < 4 or following[:3] == b"TAG" or _measure_frame(following) > 0


_BITRATES_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0)  # kbit/s, MPEG-1 layer III
_BITRATES_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0)  # MPEG-2 and 2.5
_SAMPLE_RATES: Final = (44_100, 48_000, 32_000)  # Hz, MPEG-1; half of it in MPEG-2, a quarter in 2.5
_MPEG_1, _MPEG_RESERVED, _LAYER_3 = 3, 1, 1


def _measure_frame(header: bytes) -> int:
    """Bytes of the layer III frame with this header of 4 bytes; 0: there is none."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return 0
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    rate = header[2] >> 2 & 3
    bitrate = (_BITRATES_1 if version == _MPEG_1 else _BITRATES_2)[header[2] >> 4]
    if version == _MPEG_RESERVED or layer != _LAYER_3 or rate == len(_SAMPLE_RATES) or not bitrate:
        return 0
    divisor = {3: 1, 2: 2, 0: 4}[version]
    slots = 144 if version == _MPEG_1 else 72
    return slots * 1000 * bitrate // (_SAMPLE_RATES[rate] // divisor) + (header[2] >> 1 & 1)


_BINARIES: Final[tuple[tuple[Media, Callable[[bytes], bool]], ...]] = (
    (PNG, _is_png),
    (JPG, _is_jpg),
    (GIF, _is_gif),
    (WEBP, _is_webp),
    (WAV, _is_wav),
    (BMP, _is_bmp),
    (PSD, _is_psd),
    (TIFF, _is_tiff),
    (MP3, _is_mp3),
)
_PDF_BYTES: Final = 1024  # readers look for the header that far
_END_OF_ARCHIVE: Final = b"PK\5\6"
_END_BYTES: Final = 22  # of that record, without its comment


def _hides_archive(data: bytes) -> bool:
    """Whether the bytes end as a ZIP does: its directory is read from the end, whatever stands in front."""
    at = data.rfind(_END_OF_ARCHIVE)
    if at < 0:
        return False
    comment_bytes = int.from_bytes(data[at + 20 : at + _END_BYTES], "little")
    return at + _END_BYTES + comment_bytes == len(data)


# Markup, scripts, PostScript, PDF and RTF: readers take them for what they are, under any name.
_begins_otherwise: Final = re.compile(r"\s*(?:<[!?/%a-zA-Z]|#!|%!|%PDF-|\{\\rtf|@echo\b)", re.IGNORECASE).match
# C0 without tab and line ends, DEL, C1, surrogates, non-characters: no plain text has them.
_has_control: Final = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]").search


def _sniff_text(data: bytes) -> Media | None:
    text = _decode(data)
    if not text or text.isspace() or _has_control(text):
        return None
    head = text.lstrip()
    if head[:1] == "<":
        return SVG if is_safe_svg(data) else None if _begins_otherwise(head) else TXT
    if head[:11].upper() == "BEGIN:VCARD":
        return VCF if text.rstrip()[-9:].upper() == "END:VCARD" else None
    return None if _begins_otherwise(head) else TXT


def _decode(data: bytes) -> str | None:
    wide = data[:2] in {b"\xff\xfe", b"\xfe\xff"}
    try:
        return data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        return None


_BLANKS: Final = {ord(char): None for char in " \t\r\n\f\v"}
_URL_SAFE: Final = {ord("-"): "+", ord("_"): "/"}
_data_prefix: Final = re.compile(r"\s{0,9}data:[^,]{0,255},", re.IGNORECASE).match


def read_base64(text: str, most_bytes: int = MOST_ATTACHMENT_BYTES) -> bytes:
    """The bytes of a base64 text: with or without `data:` prefix, white space, padding, in either alphabet.

    Raises ValueError, with a sentence for the client, for what is no base64, is empty, or would decode to over
    `most_bytes`; that is known before anything is decoded.
    """
    prefix = _data_prefix(text)
    if prefix is not None:
        if not prefix[0][:-1].rstrip().lower().endswith(";base64"):
            raise ValueError("its data: address is not base64")
        text = text[prefix.end() :]
    bare = text.translate(_BLANKS).rstrip("=").translate(_URL_SAFE)
    if not bare:
        raise ValueError("it is empty")
    if len(bare) * 3 // 4 > most_bytes:
        raise ValueError(f"it is over {most_bytes} bytes")
    try:
        return binascii.a2b_base64(bare + "=" * (-len(bare) % 4), strict_mode=True)
    except ValueError:
        raise ValueError("it is no base64") from None


def read_attachments(texts: Iterable[str], most_bytes: int = MOST_ATTACHMENT_BYTES) -> list[bytes]:
    """The bytes of base64 texts that may have `most_bytes` together; raises ValueError as `read_base64` does."""
    files, left_bytes = list[bytes](), most_bytes
    for number, text in enumerate(texts, 1):
        try:
            files.append(read_base64(text, left_bytes))
        except ValueError as fault:
            why = str(fault)
            if why.startswith("it is over"):
                raise ValueError(f"attachments are over {most_bytes} bytes together") from None
            raise ValueError(f"attachment {number}: {why}") from None
        left_bytes -= len(files[-1])
    return files


_NAME_CHARS: Final = 64
_ALIASES: Final = {"jpeg": "jpg", "tif": "tiff", "wave": "wav", "vcard": "vcf"}
_RISKY: Final = frozenset('<>:"|?*;`$%')  # wildcards, quotes and what a shell or a header would read


def name_attachment(name: str | None, number: int, media: Media | None) -> str:
    """A harmless file name: no path, no control or direction characters, 64 characters, the extension of its content.

    Without a usable name `attachment-<number>`. media None (an email takes any type): the name's own extension stays.
    """
    stem, extension = _split_extension(_clean_name(name or ""), media)
    stem = stem.strip(" .-") or f"attachment-{number}"
    return f"{stem[: _NAME_CHARS - len(extension) - 1].rstrip(' .')}.{extension}"


def _clean_name(name: str) -> str:
    last = re.split(r"[/\\]", name[-1024:])[-1]
    kept = (char for char in last if char == " " or (char not in _RISKY and unicodedata.category(char)[0] not in "CZ"))
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def _split_extension(name: str, media: Media | None) -> tuple[str, str]:
    """(stem, extension): a wrong extension is replaced, a number behind a dot is none."""
    stem, dot, suffix = name.rpartition(".")
    named = dot != "" and suffix.isascii() and suffix.isalnum() and not suffix.isdigit() and len(suffix) <= 5
    if media is None:
        return (stem, suffix.lower()) if named else (name, "bin")
    if not named:
        return name, media.extension
    known = _ALIASES.get(suffix.lower(), suffix.lower()) == media.extension
    return stem, suffix.lower() if known else media.extension
