#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2317
# oa-connect: which address it takes, when it tries the next, what becomes of
# the others.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"
needs oa-connect
# shellcheck source=selftests/examples/peers.bash
. "$(dirname "$(readlink -f "$0")")/peers.bash"

# tried ADDRESS...: these, and no others, in this order
tried()
{
	same "$(printf '%s\n' "$@")" \
		"$(sed -n 's/.* s: \(.*\):[0-9]*: trying$/\1/p' "$tmp/errors")" \
		'tried'
}

the_first_that_answers_is_taken()
{
	peers -s echo@127.0.0.2 echo@127.0.0.3
	run -v -z -d 60 127.0.0.2 127.0.0.3 "$port"
	same 0 $status 'exit code'
	same "127.0.0.2:$port" "$(<"$tmp/out")" output
	tried 127.0.0.2
	no_peers
}

# A refusal is told at once, and the next one tried at once: not a minute later.
a_refusal_is_not_waited_for()
{
	peers -s dead@127.0.0.2 dead@127.0.0.3 echo@127.0.0.4
	run -v -z -d 60 127.0.0.2 127.0.0.3 127.0.0.4 "$port"
	same "127.0.0.4:$port" "$(<"$tmp/out")" output
	tried 127.0.0.2 127.0.0.3 127.0.0.4
	same 2 "$(grep -c 'Connection refused$' "$tmp/errors")" refusals
	no_peers
}

one_that_is_silent_is_overtaken()
{
	peers -s full@127.0.0.2 full@127.0.0.3 echo@127.0.0.4
	OA_WORKERS=1 run -v -z -d 0.3 127.0.0.2 127.0.0.3 127.0.0.4 "$port"
	same "127.0.0.4:$port" "$(<"$tmp/out")" output
	((took >= 60)) || fail "two delays in $took/100 s"
	tried 127.0.0.2 127.0.0.3 127.0.0.4
	same 2 "$(grep -c 'canceled$' "$tmp/errors")" cancelled
	no_peers
}

# One worker: the attempts begin, and tell so, one after the other.
the_families_take_turns()
{
	peers -s full@127.0.0.2 full@127.0.0.3 echo@127.0.0.4 dead@::1
	OA_WORKERS=1 run -v -z -d 0.1 127.0.0.2 127.0.0.3 ::1 127.0.0.4 "$port"
	tried 127.0.0.2 '[::1]' 127.0.0.3 127.0.0.4
	OA_WORKERS=1 run -v -z -d 0.1 -4 127.0.0.2 127.0.0.4 "$port"
	tried 127.0.0.2 127.0.0.4
	run -v -z -6 ::1 "$port"
	tried '[::1]'
	same 1 $status 'exit code'
	no_peers
}

# sockets PID: of TCP, that it has open
sockets()
{
	find "/proc/$1/fd" -lname 'socket:*' | wc -l
}

# While the winner is talked to, the losers are gone.
nothing_is_left_of_the_losers()
{
	local pid line

	peers -s full@127.0.0.2 full@127.0.0.3 dead@127.0.0.4 echo@127.0.0.5
	rm -f "$tmp/in" "$tmp/back"
	mkfifo "$tmp/in" "$tmp/back"
	"$program" -d 0.01 127.0.0.{2..5} "$port" <"$tmp/in" >"$tmp/back" &
	pid=$!
	exec {in}>"$tmp/in" {back}<"$tmp/back"
	echo hello >&"$in"
	read -r line <&"$back"
	same hello "$line" 'what comes back'
	same 1 "$(sockets $pid)" sockets
	echo again >&"$in"
	exec {in}>&-
	same again "$(cat <&"$back")" 'the rest'
	exec {back}<&-
	wait $pid
	same 0 $? 'exit code'
	no_peers
}

bytes_go_both_ways()
{
	peers echo
	head -c 3000000 /dev/urandom >"$tmp/sent"
	"$program" 127.0.0.1 "$port" <"$tmp/sent" >"$tmp/got" ||
		fail "exit code $?"
	cmp "$tmp/sent" "$tmp/got" || fail 'they differ'
	"$program" 127.0.0.1 "$port" <"$tmp/sent" >/dev/full 2>"$tmp/errors" &&
		fail 'a full device: exit code 0'
	matches "$(said "$tmp/errors")" 'oa-connect: standard output: *' 'full'
	no_peers
}

# What the peer says is waited for, what standard input may still say is not.
the_peer_ends_it()
{
	peers ok
	rm -f "$tmp/in"
	mkfifo "$tmp/in"
	timeout 60 "$program" 127.0.0.1 "$port" <"$tmp/in" >"$tmp/out" &
	exec {in}>"$tmp/in"
	printf 'GET / HTTP/1.0\r\n\r\n' >&"$in"
	wait $! || fail "exit code $?"
	exec {in}>&-
	same 'peer 1' "$(tail -n 1 "$tmp/out")" answer
	no_peers
}

when_none_answers_it_says_so()
{
	peers -s full@127.0.0.2 dead@127.0.0.3
	run -d 0.01 -t 0.3 127.0.0.2 127.0.0.3 "$port"
	same 1 $status 'exit code of a timeout'
	((took >= 30)) || fail "0.3 s in $took/100 s"
	same "oa-connect: 127.0.0.2 and others port $port: no answer in 0.3 s from 2 addresses" \
		"$(said "$tmp/errors")" timeout
	run 127.0.0.3 "$port"
	same 1 $status 'exit code of a refusal'
	same "oa-connect: 127.0.0.3 port $port: Connection refused, the last of 1 address" \
		"$(said "$tmp/errors")" refusal
	run no.such.name.invalid "$port"
	same 1 $status 'exit code of an unknown name'
	matches "$(said "$tmp/errors")" 'oa-connect: no.such.name.invalid: *' name
	no_peers
}

# In a network of its own: a name with addresses of both families, of which the
# first ones lead to where nothing answers, not even a refusal.
in_a_network()
{
	cat <<-'END'
		mac=02:00:00:00:00:02
		mount --bind "$tmp/hosts" /etc/hosts &&
		mount --bind "$tmp/nsswitch" /etc/nsswitch.conf &&
		ip link set lo up &&
		ip link add near type veth peer name far address $mac &&
		ip address add 192.0.2.1/24 dev near &&
		ip address add 2001:db8::1/64 dev near nodad &&
		ip link set near up && ip link set far up &&
		ip neighbour add 192.0.2.9 lladdr $mac dev near &&
		ip neighbour add 2001:db8::9 lladdr $mac dev near || exit 77
		# What stands there is of others, who are gone.
		: >"$tmp/peers"
		"$build/selftests/examples/peers" echo@192.0.2.1 >"$tmp/peers" &
		peers=$!
		trap 'kill $peers' EXIT
		n=0
		until grep -q ready "$tmp/peers"; do
			sleep 0.02
			n=$((n + 1))
			[ $n -lt 500 ] || exit 1
		done
		port=$(sed -n '1s/.*://p' "$tmp/peers")
		timeout 60 "$program" -v -z -d 0.1 service.test "$port" \
			>"$tmp/out" 2>"$tmp/errors"
	END
}

addresses_that_swallow_everything()
{
	local order

	printf '%s service.test\n' 2001:db8::9 192.0.2.9 192.0.2.1 >"$tmp/hosts"
	echo 'hosts: files' >"$tmp/nsswitch"
	in_a_network >"$tmp/network"
	env tmp="$tmp" build="$(realpath "$build")" \
		program="$(realpath "$program")" \
		unshare -Urnm sh "$tmp/network" 2>"$tmp/why"
	case $? in
	0) ;;
	1) fail "$(cat "$tmp/why" "$tmp/errors")" ;;
	*)
		echo "# no network namespace: $(tail -n 1 "$tmp/why")"
		return
		;;
	esac
	matches "$(<"$tmp/out")" '192.0.2.1:*' output
	order=$(sed -n 's/.* s: \(.*\):[0-9]*: trying$/\1/p' "$tmp/errors")
	matches "$order" '*\[2001:db8::9\]*192.0.2.*' order
}

bad_options_are_refused_in_a_line()
{
	complains nothing
	complains 'no port' localhost
	complains port localhost 70000
	complains 'a word' localhost http
	complains delay -d 0.001 localhost 80
	complains timeout -t x localhost 80
	complains option --none localhost 80
	matches "$("$program" --help)" 'usage: oa-connect *--help' help
}

run_tests the_first_that_answers_is_taken a_refusal_is_not_waited_for \
	one_that_is_silent_is_overtaken the_families_take_turns \
	nothing_is_left_of_the_losers bytes_go_both_ways the_peer_ends_it \
	when_none_answers_it_says_so addresses_that_swallow_everything \
	bad_options_are_refused_in_a_line
