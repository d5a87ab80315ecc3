#!/usr/bin/env bash
# Installs what tests/browser needs: Chromium, the languages of the console's samples, and an SMTP server that takes any mail.
# Quick when all are there. Not needed to run Tocsin.
set -eu
PATH="$PATH:/usr/sbin"

try_thrice() {
	for try in 1 2 3; do
		"$@" && return 0
		echo "failed: $*; again in $((try * 5)) s"
		sleep $((try * 5))
	done
	return 1
}

missing=""
command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing="$missing chromium"
command -v curl >/dev/null || missing="$missing curl"
command -v python3 >/dev/null || missing="$missing python3"
command -v node >/dev/null || missing="$missing nodejs"
command -v javac >/dev/null || missing="$missing default-jdk-headless"
command -v php >/dev/null || missing="$missing php-cli"
command -v go >/dev/null || missing="$missing golang-go"
command -v smtp-sink >/dev/null || missing="$missing postfix"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
	echo "The tests need$missing: install them, or run \`make peers\` as root on Debian"
	exit 2
fi
echo "installing$missing ..."
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1  # the packages start no service of their own
case "$missing" in *postfix*) echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections ;; esac
try_thrice apt-get update -qq
# shellcheck disable=SC2086
try_thrice apt-get install -y -qq --no-install-recommends $missing >/dev/null
