#!/usr/bin/env bash
# Installs the programs that tests/peers talks to, and the library that shifts a clock; quick when all are there. Not needed to run Tocsin.
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/node"
PATH="$PATH:/usr/sbin"

try_thrice() {
	for try in 1 2 3; do
		"$@" && return 0
		echo "failed: $*; again in $((try * 5)) s"
		sleep $((try * 5))
	done
	return 1
}

install_debian() {
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "The tests need$1: install them (on Debian: kannel nodejs npm faketime), or run \`make peers\` as root on Debian"
		exit 2
	fi
	echo "installing$1 ..."
	export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1  # the packages start no service of their own
	try_thrice apt-get update -qq
	# shellcheck disable=SC2086
	try_thrice apt-get install -y -qq --no-install-recommends $1 >/dev/null
}

missing=""
command -v bearerbox >/dev/null && command -v smsbox >/dev/null || missing="$missing kannel"
command -v node >/dev/null || missing="$missing nodejs"
command -v npm >/dev/null || missing="$missing npm"
ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || missing="$missing faketime"  # for tests/flows/test_clocks.py
[ -z "$missing" ] || install_debian "$missing"

if ! cmp -s package-lock.json node_modules/.installed; then
	echo "installing node-smpp ..."
	try_thrice npm ci --silent --no-audit --no-fund
	cp package-lock.json node_modules/.installed
fi
