#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317,SC2119
# oa-epoll-loop and oa-uv-loop: tasks in a foreign event loop.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"

needs oa-epoll-loop

# ask COUNT: sends what standard input has, and takes that many lines
ask()
{
	local fd

	connect fd
	cat >&"$fd"
	head -n "$1" <&"$fd"
	exec {fd}>&-
}

answers_come_when_they_are_due()
{
	start
	same $'1\n2\n3' "$(ask 3 <<<$'2000 3\n1000 2\n0 1')" 'answers'
	stop TERM
	same 0 "$status" 'exit code'
}

# 2^64 ns and a moment.
a_long_time_is_not_a_short_one()
{
	start
	same soon "$(ask 1 <<<$'18446744073710 late\n200 soon')" 'the first'
	stop TERM
	same 0 "$status" 'exit code'
}

many_at_a_time()
{
	local want all i

	start
	want=$(seq 1000)
	all=$(for i in {1..1000}; do echo "$((i % 50)) $i"; done | ask 1000)
	same "$want" "$(sort -n <<<"$all")" 'answers'
	stop INT
	same 0 "$status" 'exit code'
}

connections_do_not_wait_for_each_other()
{
	local slow i

	start
	connect slow
	echo '100000 late' >&"$slow"
	for i in {1..20}; do
		same "hello $i" "$(ask 1 <<<"5 hello $i")" 'answer'
	done
	# With a task that sleeps, and whoever it was for gone.
	exec {slow}>&-
	same again "$(ask 1 <<<'0 again')" 'answer'
	stop TERM
	same 0 "$status" 'exit code'
}

idles()
{
	[[ $(<"/proc/$server/stat") == *') S '* ]]
}

# Who comes too late waits until somebody goes, and costs nothing meanwhile.
descriptors_run_out()
{
	local fds=() fd i own=$program

	program=$tmp/with_few
	printf '#!/bin/sh\nulimit -n 32\nexec %s "$@"\n' "$own" >"$program"
	chmod +x "$program"
	start
	for i in {1..40}; do
		connect fd && fds+=("$fd")
	done
	echo '0 first' >&"${fds[0]}"
	read -r -t 20 -u "${fds[0]}"
	same first "$REPLY" 'the first'
	wait_until idles || fail 'it is busy'
	echo '0 last' >&"${fds[39]}"
	for fd in "${fds[@]:0:30}"; do
		exec {fd}>&-
	done
	read -r -t 20 -u "${fds[39]}"
	same last "$REPLY" 'the last'
	for fd in "${fds[@]:30}"; do
		exec {fd}>&-
	done
	stop TERM
	same 0 "$status" 'exit code'
	program=$own
}

bad_options_are_refused_in_a_line()
{
	complains port -p many
	complains option -x
	complains argument a
}

by_libuv()
{
	program=$build/examples/oa-uv-loop
	if ! [ -x "$program" ]; then
		skip "$program has not been built"
		return
	fi
	answers_come_when_they_are_due
	a_long_time_is_not_a_short_one
	many_at_a_time
	connections_do_not_wait_for_each_other
	bad_options_are_refused_in_a_line
}

run_tests answers_come_when_they_are_due a_long_time_is_not_a_short_one \
	many_at_a_time \
	connections_do_not_wait_for_each_other descriptors_run_out \
	bad_options_are_refused_in_a_line by_libuv
