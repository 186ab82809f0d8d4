#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2317
# oa-gather: who is asked, who is asked as well, what is there at the deadline;
# with servers that are slow, dead, or one thing and the other by turns.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"
needs oa-gather
# shellcheck source=selftests/examples/peers.bash
. "$(dirname "$(readlink -f "$0")")/peers.bash"

# line N PATTERN: of the output
line()
{
	matches "$(sed -n "$1p" "$tmp/out")" "$2" "line $1"
}

all_answer()
{
	peers ok ok ok
	run -t 20 / "${at[@]:1}"
	same 0 $status 'exit code'
	for i in 1 2 3; do
		line $i "$i answered ${at[i]} 200, 7 bytes, * s"
	done
	line 4 '3 of 3 answered, 0 hedged, 0 by the hedge, * s'
	run -t 20 -b /some/where?a=b "${at[1]}" "${at[2]}"
	line 2 'peer 1'
	line 4 'peer 2'
	no_peers
}

# What has come by the deadline counts, and nothing is waited for after it.
the_deadline_is_for_all()
{
	peers ok silent full ok
	run -w 1 -t 3 / "${at[@]:1}"
	same 1 $status 'exit code'
	line 1 "1 answered ${at[1]} *"
	line 2 '2 late, 1 asked'
	line 3 '3 late, 1 asked'
	line 4 "4 answered ${at[4]} *"
	line 5 '2 of 4 answered, 0 hedged, 0 by the hedge, *'
	((took >= 300)) || fail "the deadline in $took/100 s"
	told 1 'left 2'
	no_peers
}

# The second is asked after so long, and the first one dropped when it answers.
a_slow_one_is_hedged()
{
	peers silent ok full
	run -w 1 -t 30 -H 0.2 / "${at[1]},${at[2]}" "${at[3]},${at[2]}"
	same 0 $status 'exit code'
	line 1 "1 answered ${at[2]} *, hedged"
	line 2 "2 answered ${at[2]} *, hedged"
	line 3 '2 of 2 answered, 2 hedged, 2 by the hedge, *'
	((took >= 20)) || fail "the hedge in $took/100 s"
	told 1 'left 1'
	told 2 'asked 2'
	no_peers
}

# The first answers while the second is being asked: it is the second's turn to
# be dropped.
the_hedge_may_lose()
{
	peers slow:2000 silent
	run -w 1 -t 30 -H 0.1 / "${at[1]},${at[2]}"
	same 0 $status 'exit code'
	line 1 "1 answered ${at[1]} *, hedged"
	line 2 '1 of 1 answered, 1 hedged, 0 by the hedge, *'
	told 1 'left 2'
	no_peers
}

# Two at once are enough: the third is asked when one of them has failed.
no_more_than_two_at_once()
{
	peers silent silent ok
	run -w 1 -t 3 -H 0.1 / "${at[1]},${at[2]},${at[3]}"
	same 1 $status 'exit code'
	line 1 '1 late, 2 asked, hedged'
	told 0 'asked 3'
	no_peers
	peers silent dead ok
	run -t 30 -H 0.1 / "${at[1]},${at[2]},${at[3]}"
	line 1 "1 answered ${at[3]} *, hedged"
	no_peers
}

without_hedges()
{
	peers slow:400 ok dead
	run -t 30 -N -H 0.01 / "${at[1]},${at[2]}" "${at[3]},${at[2]}"
	same 0 $status 'exit code'
	line 1 "1 answered ${at[1]} 200, 7 bytes, ?.??? s"
	line 2 "2 answered ${at[2]} 200, 7 bytes, ?.??? s"
	no_peers
}

# Each of them is tried, none waits for a deadline or a hedge.
failures_lead_to_the_next_one()
{
	local bad=(dead error cut reset garbage endless) i

	peers "${bad[@]}" ok
	for i in 1 2 3 4 5 6; do
		run -t 30 -H 25 / "${at[i]},${at[7]}"
		same 0 $status "exit code with ${bad[i - 1]}"
		line 1 "1 answered ${at[7]} *"
		line 2 '1 of 1 answered, 0 hedged, *'
		run -t 30 / "${at[i]}"
		same 1 $status "exit code of ${bad[i - 1]}"
		line 1 '1 failed, 1 asked: *'
	done
	no_peers
}

flapping_servers_do_no_harm()
{
	peers flap flap ok
	run -t 30 -H 25 -n 50 / "${at[1]},${at[3]}" "${at[1]},${at[2]},${at[3]}"
	same 0 $status 'exit code'
	same 50 "$(grep -c '^2 of 2 answered' "$tmp/out")" rounds
	told 100 'asked 1'
	no_peers
}

# After 0.05 s, as long as it knows nothing. Then it sees that answers just take
# longer, and that it need not hurry.
it_learns_when_to_hedge()
{
	peers slow:250 ok
	run -t 30 -n 36 / "${at[1]},${at[2]}"
	same 0 $status 'exit code'
	line 1 "1 answered ${at[2]} *, hedged"
	same "1 answered ${at[1]} 200" \
		"$(tail -n 2 "$tmp/out" | sed 's/,.*//;q')" 'the last'
	no_peers
}

# One for each round would be too many. Who has been connected is dropped in
# each; an attempt may be called off before it is.
no_descriptor_is_left()
{
	peers silent ok flap
	(
		ulimit -n 64
		run -t 30 -H 0.01 -n 100 / "${at[1]},${at[2]}" \
			"${at[3]},${at[2]}"
		same 0 $status 'exit code'
		same 100 "$(grep -c '^2 of 2 answered' "$tmp/out")" rounds
		[ ! "$tap_failed" ]
	) || tap_failed=y
	wait_until as_many_left ||
		fail "$(sort "$tmp/peers" | uniq -c)"
	no_peers
}

as_many_left()
{
	[ "$(grep -cx 'came 1' "$tmp/peers")" -eq \
		"$(grep -cx 'left 1' "$tmp/peers")" ]
}

rounds_keep_their_time()
{
	peers ok
	run -n 4 -i 0.2 / "${at[1]}"
	same 4 "$(grep -c '^1 of 1 answered' "$tmp/out")" rounds
	((took >= 60)) || fail "three intervals in $took/100 s"
	no_peers
}

many_at_once()
{
	local i list=()

	peers slow:300 ok
	for i in {1..100}; do
		list+=("${at[1]},${at[2]}" "${at[2]}")
	done
	run -t 30 -H 0.05 / "${list[@]}"
	same 0 $status 'exit code'
	same 1 "$(grep -c '^200 of 200 answered' "$tmp/out")" all
	no_peers
}

bad_options_are_refused_in_a_line()
{
	complains nothing
	complains 'no server' /
	complains path x 127.0.0.1:80
	complains 'a blank' '/a b' 127.0.0.1:80
	complains 'a name' / localhost:80
	complains 'no port' / 127.0.0.1
	complains 'an empty one' / 127.0.0.1:80,
	complains 'no brackets' / ::1:80
	complains percentile -p 100 / 127.0.0.1:80
	complains timeout -t 0 / 127.0.0.1:80
	complains option --none / 127.0.0.1:80
	matches "$("$program" --help)" 'usage: oa-gather *--help' help
}

run_tests all_answer the_deadline_is_for_all a_slow_one_is_hedged \
	the_hedge_may_lose no_more_than_two_at_once without_hedges \
	failures_lead_to_the_next_one flapping_servers_do_no_harm \
	it_learns_when_to_hedge no_descriptor_is_left rounds_keep_their_time \
	many_at_once bad_options_are_refused_in_a_line
