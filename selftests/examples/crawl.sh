#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# oa-crawl: its totals against find, wc and du; that it keeps within its
# bounds, and how it is interrupted.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"

needs oa-crawl
export LC_ALL=C

tree=$tmp/tree
for i in {1..12}; do
	mkdir -p "$tree/$i/deep/deeper/$i" "$tree/$i/empty"
	seq $((i * 100)) >"$tree/$i/numbers"
	cp "$(dirname "$(readlink -f "$0")")"/*.sh "$tree/$i/deep"
	: >"$tree/$i/deep/nothing"
	ln -s ../numbers "$tree/$i/deep/deeper/link"
	ln -s .. "$tree/$i/deep/deeper/$i/loop"
done
for i in {1..700}; do
	echo "$i" >"$tree/3/deep/deeper/a file of a large directory, $i"
done
mkfifo "$tree/fifo"
ln "$tree/1/numbers" "$tree/hard link"

# of NAME <REPORT
of()
{
	sed -n "s/^$1 //p" "$tmp/report"
}

found()
{
	find "$tree" "$@" -printf x | wc -c
}

compare()
{
	same "$(found -type d)" "$(of directories)" "$1: directories"
	same "$(found -type f)" "$(of files)" "$1: files"
	same "$(found -type l)" "$(of links)" "$1: links"
	same 1 "$(of others)" "$1: others"
	same "$(find "$tree" -type f -exec cat {} + | wc -c)" "$(of bytes)" \
		"$1: bytes"
	same "$(du -s -l -B 1 "$tree" | cut -f 1)" "$(of disk)" "$1: disk"
}

compare_contents()
{
	same "$(of bytes)" "$(of read)" "$1: read"
	same "$(find "$tree" -type f -exec cat {} + | wc -l)" "$(of lines)" \
		"$1: lines"
}

the_totals_are_those_of_find_and_du()
{
	local w

	for w in 1 2 8; do
		"$program" -w $w "$tree" >"$tmp/report" || fail "exit code $?"
		compare "-w $w"
		compare_contents "-w $w"
	done
	"$program" -n "$tree/" >"$tmp/report" || fail "exit code $?"
	compare -n
	same '' "$(of read)" '-n: read'
}

# at_most DIRECTORIES ENTRIES: what was under way at once
at_most()
{
	local dirs entries

	read -r _ _ dirs _ entries _ < <(grep '^at once' "$tmp/report")
	((dirs >= 1 && dirs <= $1)) || fail "$dirs directories at once, not $1"
	((entries >= 1 && entries <= $2)) || fail "$entries at once, not $2"
}

no_more_at_once_than_is_allowed()
{
	"$program" -d 1 -e 1 "$tree" >"$tmp/report" || fail "exit code $?"
	compare 'one at once'
	compare_contents 'one at once'
	at_most 1 1
	"$program" -w 8 -d 3 -e 7 "$tree" >"$tmp/report" || fail "exit code $?"
	compare 'three and seven'
	at_most 3 7
}

# A tenth of a second may be kept in store; the rest has to come.
no_faster_than_is_allowed()
{
	local n took

	n=$(found)
	"$program" -r 1000 "$tree" >"$tmp/report" || fail "exit code $?"
	compare 'a thousand a second'
	took=$(sed -n 's/^0 failed; \(.*\)\.\(...\) s$/\1\2/p' "$tmp/report")
	((10#$took >= n - 101)) || fail "$n entries in $took ms"
}

what_cannot_be_read_is_told()
{
	local part i status

	# A path that is longer than the kernel takes at once.
	part=$(printf 'x%.0s' {1..200})
	mkdir "$tmp/long"
	(
		cd "$tmp/long" || exit
		for i in {1..22}; do
			mkdir "$part"
			cd "$part" || exit
		done
	)
	"$program" "$tmp/long" >"$tmp/report" 2>"$tmp/errors"
	status=$?
	same 1 $status 'exit code'
	matches "$(said "$tmp/errors")" 'oa-crawl: xxx*: File name too long' error
	same 1 "$(said "$tmp/errors" | wc -l)" lines
	matches "$(<"$tmp/report")" '*1 failed;*' report
}

# One entry a second: it has not done its share yet.
a_signal_interrupts_it()
{
	local signal status

	for signal in INT TERM; do
		"$program" -w 2 -r 1 "$tree" >"$tmp/report" 2>"$tmp/errors" &
		server=$!
		wait_until waits_for_signals || fail "it does not start"
		kill -$signal $server
		wait $server
		status=$?
		server=
		same $((128 + $(kill -l $signal))) $status "exit code of $signal"
		matches "$(<"$tmp/report")" '*0 failed;*' "report of $signal"
		same '' "$(said "$tmp/errors")" "errors of $signal"
	done
}

# Blocked are they before there is a second thread.
waits_for_signals()
{
	[ "$(find "/proc/$server/task" -mindepth 1 -maxdepth 1 | wc -l)" -gt 1 ]
}

bad_options_are_refused_in_a_line()
{
	complains 'no directory'
	complains 'two of them' "$tree" "$tree"
	complains 'not there' "$tmp/none"
	complains 'a file' "$tree/1/numbers"
	complains directories -d 0 "$tree"
	complains entries -e x "$tree"
	complains rate -r 0 "$tree"
	complains option --none "$tree"
	matches "$("$program" --help)" 'usage: oa-crawl *--help' help
}

run_tests the_totals_are_those_of_find_and_du no_more_at_once_than_is_allowed \
	no_faster_than_is_allowed what_cannot_be_read_is_told \
	a_signal_interrupts_it bad_options_are_refused_in_a_line
