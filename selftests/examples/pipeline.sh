#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# oa-pipeline: what it counts, against cksum and wc, with bounded memory, and
# how it is interrupted.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"

needs oa-pipeline
export LC_ALL=C

# Real text, and files of sizes around that of a block.
tree=$tmp/tree
mkdir -p "$tree/empty" "$tree/a/b/c"
cp "$(dirname "$(readlink -f "$0")")"/* "$tree/a/b"
seq 100000 >"$tree/numbers"
: >"$tree/a/nothing"
printf 'no newline' >"$tree/a/short"
for n in 65535 65536 65537 131072; do
	seq 100000 | head -c $n >"$tree/a/b/c/$n"
done
printf 'a name' >"$tree/a/with a blank"
ln -s numbers "$tree/link"
ln -s a "$tree/link-to-directory"
mkfifo "$tree/fifo"

# expected FILE...: the same by cksum and wc
expected()
{
	local f sum bytes lines words

	for f; do
		read -r sum bytes _ < <(cksum "$f")
		read -r lines words _ < <(wc -lw "$f")
		echo "$sum $bytes $lines $words $f"
	done
}

every_file_of_a_tree()
{
	local w files

	readarray -t files < <(find "$tree" -type f)
	expected "${files[@]}" | sort >"$tmp/expected"
	for w in 1 2 8; do
		"$program" -w $w "$tree" >"$tmp/got" || fail "exit code $?"
		sort "$tmp/got" | cmp - "$tmp/expected" || fail "-w $w: differs"
	done
	# As narrow as can be.
	"$program" -r 1 -j 1 -b 1 "$tree/" "$tree/numbers" | sort >"$tmp/got"
	same $((${#files[@]} + 1)) "$(wc -l <"$tmp/got")" 'lines with -b 1'
	"$program" -r 100 -j 3 -b 2 "$tree" | sort |
		cmp - "$tmp/expected" || fail "many readers: differs"
}

# A pipe comes in pieces; a link that is named is followed.
files_that_are_named()
{
	local got

	got=$("$program" "$tree/link" "$tree/a/nothing" | sort)
	same "$(expected "$tree/link" "$tree/a/nothing" | sort)" "$got" named
	got=$(for i in 1 2 3; do
		seq $((i * 1000))
	done | "$program" /dev/stdin)
	same "$(for i in 1 2 3; do
		seq $((i * 1000))
	done | cksum | cut -d' ' -f1)" "${got%% *}" 'a pipe'
}

memory_does_not_grow_with_the_files()
{
	local small large i

	for i in {1..8}; do
		truncate -s 32M "$tmp/large$i"
	done
	small=$("$program" -s "$tree/numbers" 2>&1 >/dev/null)
	large=$("$program" -s "$tmp"/large? 2>&1 >/dev/null)
	rm "$tmp"/large?
	# A slow machine makes the library tell of tasks that run long.
	small=${small##*$'\n'} large=${large##*$'\n'}
	matches "$small" '1 files, 588895 bytes, 0 failed; *' small
	matches "$large" '8 files, 268435456 bytes, 0 failed; *' large
	small=${small##*s, } large=${large##*s, }
	# All its blocks are four MiB. Sanitizers need more, without end.
	[[ $build == */san-* ]] || ((${large% KiB} - ${small% KiB} < 8192)) ||
		fail "from $small to $large"
}

the_progress_line_tells_the_sums()
{
	local n

	n=$(find "$tree" -type f | wc -l)
	"$program" -p "$tree" 2>&1 >/dev/null | tr '\r' '\n' >"$tmp/told"
	matches "$(tail -1 "$tmp/told")" \
		"$n of $n files, * MiB read, 0 failed*" 'the last'
}

what_cannot_be_read_is_told()
{
	local got status

	got=$("$program" "$tmp/none" "$tree/numbers" 2>"$tmp/errors")
	status=$?
	same 1 $status 'exit code'
	same "$(expected "$tree/numbers")" "$got" 'the other one'
	same "oa-pipeline: $tmp/none: No such file or directory" \
		"$(said "$tmp/errors")" error
	# It opens, but reading gives EIO: there is nothing at address 0.
	got=$("$program" /proc/self/mem "$tree/numbers" 2>"$tmp/errors")
	status=$?
	same 1 $status 'exit code'
	same "$(expected "$tree/numbers")" "$got" 'the other one'
	same 'oa-pipeline: /proc/self/mem: Input/output error' \
		"$(said "$tmp/errors")" error
}

# What ends it is the signal: nobody ever writes into the pipe.
a_signal_interrupts_what_waits()
{
	local signal status says

	for signal in INT TERM; do
		mkfifo "$tmp/never" "$tmp/says"
		"$program" -s "$tree/numbers" "$tmp/never" >"$tmp/says" \
			2>"$tmp/errors" &
		server=$!
		exec {says}<"$tmp/says" {never}<>"$tmp/never"
		read -r _ <&"$says"
		kill -$signal $server
		wait $server
		status=$?
		server=
		same $((128 + $(kill -l $signal))) $status "exit code of $signal"
		matches "$(said "$tmp/errors")" '1 files, *' "errors of $signal"
		exec {says}<&- {never}>&-
		rm "$tmp/never" "$tmp/says"
	done
}

bad_options_are_refused_in_a_line()
{
	complains 'no file'
	complains readers -r 0 "$tree"
	complains jobs -j x "$tree"
	complains blocks -b -1 "$tree"
	complains workers -w 1.5 "$tree"
	complains option --none "$tree"
	matches "$("$program" --help)" 'usage: oa-pipeline *--help' help
}

run_tests every_file_of_a_tree files_that_are_named \
	memory_does_not_grow_with_the_files the_progress_line_tells_the_sums \
	what_cannot_be_read_is_told a_signal_interrupts_what_waits \
	bad_options_are_refused_in_a_line
