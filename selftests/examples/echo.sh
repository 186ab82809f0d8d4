#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# oa-echo: what comes back, and how it ends.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"

needs oa-echo

bytes_come_back()
{
	local fd

	head -c 10000000 /dev/urandom >"$tmp/sent"
	start
	connect fd
	cat "$tmp/sent" >&"$fd" &
	head -c 10000000 <&"$fd" | cmp - "$tmp/sent" || fail "they differ"
	wait $!
	exec {fd}>&-
	stop TERM
	same 0 "$status" 'exit code'
}

connections_do_not_mix()
{
	local i fd line all=()

	start -w 2
	for i in {1..100}; do
		connect fd
		all+=("$fd")
	done
	for i in {1..3}; do
		for fd in "${all[@]}"; do
			echo "$i on $fd" >&"$fd"
		done
		for fd in "${all[@]}"; do
			read -r line <&"$fd"
			same "$i on $fd" "$line" answer
		done
	done
	for fd in "${all[@]}"; do
		exec {fd}>&-
	done
	stop TERM
}

a_signal_ends_it_whatever_is_connected()
{
	local fd signal

	for signal in TERM INT; do
		start
		connect fd
		echo a >&"$fd"
		read -r _ <&"$fd"
		stop $signal
		same 0 "$status" "exit code of $signal"
		same '' "$(timeout 60 cat <&"$fd")" 'what comes after'
		exec {fd}>&-
	done
}

bad_options_are_refused_in_a_line()
{
	complains argument a
	complains option -x
	complains 'no value' -p
	complains port -p 70000
	complains workers -w 0
	start
	complains 'port in use' -p "$port"
	stop TERM
}

run_tests bytes_come_back connections_do_not_mix \
	a_signal_ends_it_whatever_is_connected bad_options_are_refused_in_a_line
