#!/usr/bin/env bash
# Installs Chromium for tests/browser; quick when it is there. Not needed to run Tocsin.
set -eu

try_thrice() {
	for try in 1 2 3; do
		"$@" && return 0
		echo "failed: $*; again in $((try * 5)) s"
		sleep $((try * 5))
	done
	return 1
}

command -v chromium >/dev/null || command -v chromium-browser >/dev/null && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "The tests need chromium: install it, or run \`make peers\` as root on Debian"
	exit 2
fi
echo "installing chromium ..."
export DEBIAN_FRONTEND=noninteractive
try_thrice apt-get update -qq
try_thrice apt-get install -y -qq --no-install-recommends chromium >/dev/null
