# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What tests of a server share: sourced. The caller sets program, with which
# `start` begins, and then whatever it needs in $tmp, a folder that goes away.

# shellcheck source=selftests/examples/tap.bash
. "${BASH_SOURCE[0]%/*}/tap.bash"

# Called by its name in the build folder, or from the tree for its own build.
case $0 in
*.sh) build=build ;;
*) build=${0%/selftests/examples/*} ;;
esac
tmp=$(mktemp -d)
server=

clean_up()
{
	if [ "$server" ]; then
		disown "$server"
		kill -KILL "$server"
	fi
	rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 1' TERM INT HUP

# needs PROGRAM: skips all without it
needs()
{
	program=$build/examples/$1
	[ -x "$program" ] || skip_all "$program has not been built"
}

# start ARGUMENT...: on a free port; sets url, port and server
start()
{
	rm -f "$tmp/says"
	mkfifo "$tmp/says"
	"$program" -p 0 "$@" >"$tmp/says" 2>"$tmp/errors" &
	server=$!
	exec {says}<"$tmp/says"
	read -r _ _ url <&"$says"
	port=${url##*:}
	port=${port%/}
}

# stop SIGNAL: ends the server, see finish
stop()
{
	kill "-$1" "$server"
	finish
}

# finish: waits for its end; its exit code in status, what it said in said
# shellcheck disable=SC2034
finish()
{
	said=$(cat <&"$says")
	exec {says}<&-
	wait "$server"
	status=$?
	server=
}

# connect NAME: opens a connection, its descriptor in the variable
connect()
{
	local connected

	exec {connected}<>"/dev/tcp/127.0.0.1/$port" &&
		printf -v "$1" %s "$connected"
}

# complains WHAT ARGUMENT...: one line, and an exit code that is not 0
complains()
{
	local what=$1 got

	shift
	got=$("$program" "$@" 2>&1 >/dev/null) && fail "$what: exit code 0"
	same 1 "$(wc -l <<<"$got")" "$what: lines"
	matches "$got" '*oa-*' "$what"
}
