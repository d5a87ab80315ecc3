#!/usr/bin/env bash
# django-allauth: all IPv4 clients of a dual-stack listener share one rate limit.
#
# A socket that listens on IPv6 for both families names an IPv4 client in its mapped form (RFC 4291, section 2.5.5.2). Expected: each
# IPv4 client has a limit of its own, as on an IPv4 socket. Seen with django-allauth 65.21.1: IPv6 addresses are cut to /64, mapped
# ones too, so that every IPv4 client has the key "::". One who tries a password too often makes all the others wait.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check django-allauth==65.21.1 Django==5.2.19
"$folder/venv/bin/python" - <<'PY'
import sys
import allauth
from django.conf import settings

settings.configure()
from allauth.core.internal.ratelimit import truncate_ip

print("django-allauth", allauth.__version__)
found = {ip: truncate_ip(ip) for ip in ("192.0.2.1", "198.51.100.7", "::ffff:192.0.2.1", "::ffff:198.51.100.7", "2001:db8::1")}
for ip, key in found.items():
    print(f"  {ip:22} is limited as {key}")
mapped = {found["::ffff:192.0.2.1"], found["::ffff:198.51.100.7"]}
sys.exit(0 if mapped == {"::"} and found["192.0.2.1"] != found["198.51.100.7"] else "the behaviour has changed")
PY
