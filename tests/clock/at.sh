#!/bin/sh
# at.sh 'TIME' COMMAND...: run the command as if it were that time (UTC) now, like 00:05 or '2027-03-31 23:58'. Needs a C compiler.
# Time goes on from there. What does not ask the C library for the time (programs in Go) has the machine's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
chmod 755 "$work" # PostgreSQL's user loads it, too
trap 'rm -rf "$work"' EXIT
cc -O2 -shared -fPIC -o "$work/shift.so" "$here/shift.c" -ldl
TEST_CLOCK_SHIFT_S=$(($(date -u -d "$1" +%s) - $(date +%s)))
shift
export TEST_CLOCK_SHIFT_S
LD_PRELOAD=$work/shift.so "$@"
