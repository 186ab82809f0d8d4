# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154
# What tests of clients share: sourced, after server.bash. The servers are
# those of peers.c.

[ -x "$build/selftests/examples/peers" ] || skip_all 'peers has not been built'

# peers ROLE...: starts them; the array at has their addresses, from 1 on,
# and port the port of the last
peers()
{
	local line

	: >"$tmp/peers"
	"$build/selftests/examples/peers" "$@" >"$tmp/peers" &
	server=$!
	wait_until grep -qx ready "$tmp/peers" || fail "peers $*: not ready"
	at=('')
	while read -r line; do
		[ "$line" = ready ] && break
		at+=("$line")
	done <"$tmp/peers"
	port=${at[-1]##*:}
}

no_peers()
{
	kill "$server"
	wait "$server" 2>/dev/null
	server=
}

# told TIMES LINE: peers have printed it so often, or will in a moment
told()
{
	wait_until is_told "$@" ||
		fail "'$2' not $1 times: $(tr '\n' ' ' <"$tmp/peers")"
}

is_told()
{
	[ "$(grep -cx "$2" "$tmp/peers")" -eq "$1" ]
}

# run ARGUMENT...: the program; its exit code in status, output in $tmp/out
# and $tmp/errors, what it took, in hundredths of a second, in took
run()
{
	local before after

	read -r before _ </proc/uptime
	timeout 60 "$program" "$@" >"$tmp/out" 2>"$tmp/errors"
	status=$?
	read -r after _ </proc/uptime
	took=$((10#${after/./} - 10#${before/./}))
}
