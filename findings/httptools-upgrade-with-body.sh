#!/usr/bin/env bash
# httptools: a POST that offers another protocol has no body, and the body is left over as the next request.
#
# Java's HttpClient offers h2c with the first request of a connection, a POST too; a server may ignore the offer and answer in
# HTTP/1.1 (RFC 9110, section 7.8). Expected: on_body with the body, then on_message_complete. Seen with httptools 0.9.0: after the
# head come on_message_complete and HttpParserUpgrade, whose offset is the end of the head. A server that goes on parsing there takes
# the body for a request line. Beside it: fields of a trailer come by on_header after on_headers_complete, with nothing to tell
# them from those of the head.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check httptools==0.9.0
"$folder/venv/bin/python" - <<'PY'
import sys
import httptools


class Seen:
    def __init__(self):
        self.calls = []

    def on_header(self, name, value):
        self.calls.append(("header", name.decode()))

    def on_headers_complete(self):
        self.calls.append(("head",))

    def on_body(self, body):
        self.calls.append(("body", body.decode()))

    def on_message_complete(self):
        self.calls.append(("end",))


def read(data):
    seen, offset = Seen(), None
    parser = httptools.HttpRequestParser(seen)
    try:
        parser.feed_data(data)
    except httptools.HttpParserUpgrade as upgrade:
        offset = upgrade.args[0]
    return seen.calls, offset


OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
HEAD = b"POST /send HTTP/1.1\r\nHost: example.com\r\n" + OFFER + b"Content-Length: 5\r\n\r\n"
calls, offset = read(HEAD + b"hello")
print("httptools", httptools.__version__)
print("a POST of 5 bytes with an offer of h2c:", [call for call in calls if call[0] != "header"], "offset", offset, "head", len(HEAD))
plain, _ = read(HEAD.replace(OFFER, b"") + b"hello")
print("the same without the offer:            ", [call for call in plain if call[0] != "header"])
trailer, _ = read(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nDigest: b\r\n\r\n")
print("a trailer:", trailer)
sys.exit(0 if (
    [call for call in calls if call[0] != "header"] == [("head",), ("end",)] and offset == len(HEAD)
    and ("body", "hello") in plain
    and trailer.index(("header", "Digest")) > trailer.index(("head",))
) else "the behaviour has changed")
PY
