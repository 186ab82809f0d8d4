#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2119,SC2120,SC2317
# oa-chat: who hears what, names, those who are slow, idle or too many, and how
# it ends.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"

needs oa-chat

# hears FD LINE: the next line that comes there, a shell's pattern
hears()
{
	local line=nothing

	IFS= read -r -t 60 line <&"$1"
	matches "$line" "$2" "what ${FUNCNAME[1]} should hear"
}

# end_of FD: what comes until the server closes
end_of()
{
	timeout 60 cat <&"$1"
}

# enters VARIABLE NAME: connects, and is let in
enters()
{
	local entered

	connect entered
	hears "$entered" '\* what is your name?'
	echo "$2" >&"$entered"
	hears "$entered" "\* * here:*$2*"
	printf -v "$1" %s "$entered"
}

everybody_hears_the_others()
{
	local ann bob carol

	start
	enters ann ann
	enters bob bob
	hears "$ann" '\* bob has come'
	enters carol carol
	hears "$ann" '\* carol has come'
	hears "$bob" '\* carol has come'
	echo 'hello, all' >&"$ann"
	hears "$bob" '<ann> hello, all'
	hears "$carol" '<ann> hello, all'
	# Its own does not come back, or this would be the second line.
	echo 'hello, ann' >&"$bob"
	hears "$ann" '<bob> hello, ann'
	hears "$carol" '<bob> hello, ann'
	echo /quit >&"$bob"
	hears "$ann" '\* bob has gone'
	hears "$carol" '\* bob has gone'
	same '' "$(end_of "$bob")" 'bob after /quit'
	exec {carol}>&-
	hears "$ann" '\* carol has gone'
	echo /who >&"$ann"
	hears "$ann" '\* 1 here: ann'
	echo /help >&"$ann"
	hears "$ann" '\* there is /who and /quit'
	exec {ann}>&- {bob}>&-
	stop TERM
	same 0 "$status" 'exit code'
}

the_order_of_each_speaker_is_kept()
{
	local ann bob listener i w speaker n=500

	for w in 1 2 8; do
		start -w $w -k 5000
		enters listener listener
		enters ann ann
		enters bob bob
		hears "$listener" '\* ann has come'
		hears "$listener" '\* bob has come'
		for i in $(seq $n); do
			echo "$i" >&"$ann"
			echo "$i" >&"$bob"
		done
		for speaker in ann bob; do
			seq -f "<$speaker> %g" $n
		done >"$tmp/expected"
		head -n $((2 * n)) <&"$listener" | sort -s -k 1,1 |
			cmp - "$tmp/expected" || fail "-w $w: order"
		exec {ann}>&- {bob}>&- {listener}>&-
		stop TERM
		same 0 "$status" "-w $w: exit code"
	done
}

names_are_checked()
{
	local ann other name

	start
	enters ann ann
	connect other
	hears "$other" '\* what is your name?'
	for name in 'a b' /who ann! "$(printf 'a%.0s' {1..16})"; do
		echo "$name" >&"$other"
		hears "$other" '\* a name has 1 to 15 letters, digits, - or _'
	done
	for name in ann ANN; do
		echo "$name" >&"$other"
		hears "$other" "\* $name is taken"
	done
	echo a-b_2 >&"$other"
	hears "$other" '\* 2 here: a-b_2 ann'
	hears "$ann" '\* a-b_2 has come'
	# One that has gone leaves its name.
	exec {ann}>&-
	hears "$other" '\* ann has gone'
	enters ann ann
	exec {ann}>&- {other}>&-
	stop TERM
}

lines_are_cleaned_and_cut()
{
	local ann bob long

	start
	enters ann ann
	enters bob bob
	hears "$ann" '\* bob has come'
	printf 'a\033[2Jb\r\n\n' >&"$bob"
	hears "$ann" '<bob> a\?\[2Jb'
	# In pieces, with no end, and without a newline at the end.
	printf 'one ' >&"$bob"
	printf 'line\ntwo\nthree' >&"$bob"
	hears "$ann" '<bob> one line'
	hears "$ann" '<bob> two'
	echo >&"$bob"
	hears "$ann" '<bob> three'
	long=$(printf 'x%.0s' {1..400})
	echo "${long}yz" >&"$bob"
	hears "$ann" "<bob> $long"
	hears "$ann" '<bob> yz'
	exec {ann}>&- {bob}>&-
	stop TERM
}

# The kernel has taken some, the room keeps a hundred, the rest is lost: what
# slow hears and what it is told to have missed are all.
the_slow_are_told_what_they_lost()
{
	local slow fast n=20000 text line heard=0 missed=0

	start -k 100
	enters slow slow
	enters fast fast
	hears "$slow" '\* fast has come'
	text=$(printf 'x%.0s' {1..390})
	yes "$text" | head -n $n >&"$fast"
	# It answers when it has taken all that was before.
	echo /who >&"$fast"
	hears "$fast" '\* 2 here: fast slow'
	echo last >&"$fast"
	while IFS= read -r -t 20 line <&"$slow"; do
		case $line in
		'* you have missed '*)
			line=${line#'* you have missed '}
			missed=$((missed + ${line% lines}))
			;;
		'<fast> last') break ;;
		"<fast> $text") heard=$((heard + 1)) ;;
		*) fail "slow heard '$line'" ;;
		esac
	done
	same '<fast> last' "$line" 'the last line'
	((missed > 0)) || fail "nothing was missed"
	((heard >= 99)) || fail "$heard were heard"
	same $n $((heard + missed)) "heard ($heard) and missed ($missed)"
	exec {slow}>&- {fast}>&-
	stop TERM
	same 0 "$status" 'exit code'
}

the_idle_are_sent_away()
{
	local ann nobody

	start -i 5
	connect nobody
	enters ann ann
	hears "$nobody" '\* what is your name?'
	same '* you have been idle for too long' "$(end_of "$nobody")" nobody
	same '* you have been idle for too long' "$(end_of "$ann")" ann
	exec {ann}>&- {nobody}>&-
	stop TERM
	same 0 "$status" 'exit code'
}

no_more_than_there_are_places()
{
	local ann bob late

	start -m 2
	enters ann ann
	enters bob bob
	connect late
	same '* the room is full' "$(end_of "$late")" 'the third'
	exec {late}>&-
	hears "$ann" '\* bob has come'
	exec {bob}>&-
	hears "$ann" '\* bob has gone'
	# Its place is free once its task has ended, which is soon.
	wait_until place_is_free || fail "the place of bob stays taken"
	exec {ann}>&-
	stop TERM
	same 0 "$status" 'exit code'
}

place_is_free()
{
	local line fd

	connect fd
	read -r -t 20 line <&"$fd"
	exec {fd}>&-
	[ "$line" = '* what is your name?' ]
}

a_signal_closes_the_room()
{
	local signal ann nobody

	for signal in TERM INT; do
		start
		connect nobody
		hears "$nobody" '\* what is your name?'
		enters ann ann
		stop $signal
		same 0 "$status" "exit code of $signal"
		same '* the room is closing' "$(end_of "$ann")" ann
		same '* the room is closing' "$(end_of "$nobody")" nobody
		same '' "$(said "$tmp/errors")" "errors of $signal"
		exec {ann}>&- {nobody}>&-
	done
}

# One that does not read cannot hold up the end.
the_deaf_are_left_behind()
{
	local deaf fast text

	# So many that none is lost before the kernel takes no more.
	start -k 30000
	enters deaf deaf
	enters fast fast
	text=$(printf 'x%.0s' {1..390})
	yes "$text" | head -n 20000 >&"$fast"
	echo /who >&"$fast"
	hears "$fast" '\* 2 here: fast deaf'
	stop INT
	same 0 "$status" 'exit code'
	same 'some did not listen' "$(said "$tmp/errors")" errors
	exec {deaf}>&- {fast}>&-
}

bad_options_are_refused_in_a_line()
{
	complains argument a
	complains port -p 70000
	complains idle -i 0
	complains keep -k 0
	complains max-clients -m none
	complains workers -w 0
	complains option --none
	matches "$("$program" --help)" 'usage: oa-chat *--help' help
	start
	complains 'port in use' -p "$port"
	stop TERM
}

run_tests everybody_hears_the_others the_order_of_each_speaker_is_kept \
	names_are_checked lines_are_cleaned_and_cut \
	the_slow_are_told_what_they_lost the_idle_are_sent_away \
	no_more_than_there_are_places a_signal_closes_the_room \
	the_deaf_are_left_behind bad_options_are_refused_in_a_line
