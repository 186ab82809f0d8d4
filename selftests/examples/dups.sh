#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# oa-dups: what it finds, against find and sha256sum, what it says of what it
# cannot read, and how it is interrupted.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"

needs oa-dups
export LC_ALL=C

# Real text, in copies; files that are alike but for a byte, or for their size.
tree=$tmp/tree
mkdir -p "$tree/a/b" "$tree/c" "$tree/empty" "$tree/with a blank"
cp "$(dirname "$(readlink -f "$0")")"/* "$tree/a/b"
cp "$tree"/a/b/*.sh "$tree/with a blank"
cp "$tree"/a/b/[d-h]* "$tree/c"
for n in 1 2 1048575 1048576 1048577 4000000; do
	seq 600000 | head -c $n >"$tree/$n"
	cp "$tree/$n" "$tree/a/$n"
	head -c $((n - 1)) "$tree/$n" >"$tree/a/b/$n"
	printf x >>"$tree/a/b/$n"
done
: >"$tree/a/nothing"
: >"$tree/nothing"
ln -s 4000000 "$tree/link"
ln -s a "$tree/link-to-directory"
mkfifo "$tree/fifo" "$tree/a/fifo"

# expected MIN DIRECTORY...: the same by find, sha256sum and sort
expected()
{
	local min=$1 size path

	shift
	find "$@" -type f -printf '%p\t%s\t%D:%i\n' | sort |
		awk -F'\t' -v min="$min" \
			'$2 >= min && !seen[$3]++ { print $2 "\t" $1 }' |
		while IFS=$'\t' read -r size path; do
			printf '%s %s\t%s\t%s\n' "$size" \
				"$(sha256sum <"$path")" "$size" "$path"
		done >"$tmp/files"
	awk -F'\t' '
		NR == FNR { if (!n[$1]++) first[$1] = $3; next }
		n[$1] > 1 { print $2 "\t" first[$1] "\t" $3 }
	' "$tmp/files" "$tmp/files" | sort -t$'\t' -k1,1nr -k2 |
		awk -F'\t' '
			NR > 1 && $2 != last { print "" }
			{ last = $2; print $3 }
		'
}

every_group_of_a_tree()
{
	local w min

	for min in 0 1 5000; do
		expected $min "$tree" >"$tmp/expected"
		[ -s "$tmp/expected" ] || fail 'nothing is expected'
		for w in 1 2 8; do
			"$program" -w $w -m $min "$tree" >"$tmp/got" ||
				fail "exit code $?"
			cmp "$tmp/got" "$tmp/expected" ||
				fail "-w $w -m $min: differs"
		done
	done
	same '' "$("$program" "$tree/empty")" 'an empty directory'
}

empty_files_are_asked_for()
{
	same '' "$("$program" "$tree/nothing" "$tree/a/nothing")" default
	same "$tree/a/nothing"$'\n'"$tree/nothing" \
		"$("$program" -m 0 "$tree/nothing" "$tree/a/nothing")" '-m 0'
}

# Under the first of its names; of two such files, each.
a_hard_link_is_the_same_file()
{
	mkdir "$tmp/links"
	seq 1000 >"$tmp/links/b"
	ln "$tmp/links/b" "$tmp/links/a"
	ln "$tmp/links/b" "$tmp/links/d"
	same '' "$("$program" "$tmp/links")" 'one file'
	cp "$tmp/links/b" "$tmp/links/c"
	ln "$tmp/links/c" "$tmp/links/e"
	same "$tmp/links/a"$'\n'"$tmp/links/c" "$("$program" "$tmp/links")" two
	rm -r "$tmp/links"
}

what_is_named_twice_is_told_once()
{
	expected 1 "$tree" >"$tmp/expected"
	"$program" "$tree" "$tree" "$tree/a/b" >"$tmp/got" ||
		fail "exit code $?"
	cmp "$tmp/got" "$tmp/expected" || fail 'differs'
	same '' "$("$program" "$tree/4000000" "$tree/4000000")" 'a file'
}

# They are split; the sizes are around those of the parts, two of the files
# hold the same halves the other way round.
large_files_that_differ_a_little()
{
	local large=$tmp/large got n w

	mkdir "$large"
	for n in 16777216 16777217 50000001; do
		seq 200000 >"$large/$n.a"
		truncate -s $n "$large/$n.a"
		cp "$large/$n.a" "$large/$n.b"
		cp "$large/$n.a" "$large/$n.last"
		printf x | dd of="$large/$n.last" bs=1 seek=$((n - 1)) \
			conv=notrunc status=none
		cp "$large/$n.a" "$large/$n.middle"
		printf x | dd of="$large/$n.middle" bs=1 seek=$((n / 2)) \
			conv=notrunc status=none
	done
	truncate -s 16M "$large/half"
	cat "$large/16777216.a" "$large/half" >"$large/one"
	cat "$large/half" "$large/16777216.a" >"$large/other"
	expected 1 "$large" >"$tmp/expected"
	for w in 1 2 8; do
		got=$("$program" -s -w $w "$large" 2>"$tmp/errors")
		same "$(<"$tmp/expected")" "$got" "-w $w"
		# A slow machine makes the library tell of tasks that run long.
		matches "$(tail -1 "$tmp/errors")" \
			'15 files, 418103816 bytes*' "-w $w"
	done
	"$program" -p "$large" 2>&1 >/dev/null | tr '\r' '\n' >"$tmp/told"
	matches "$(tail -1 "$tmp/told")" '398 of 398 MiB, 15 files*' 'the last'
	rm -r "$large"
}

# Jobs that wait make way for more of them, but not without end.
few_descriptors_are_enough()
{
	local d got

	mkdir -p "$tmp/wide/"{1..1000}
	for d in "$tmp"/wide/*; do
		echo same >"$d/file"
	done
	got=$(
		ulimit -n 150
		"$program" -w 4 "$tmp/wide" 2>&1
	) || fail 'exit code'
	same 1000 "$(grep -c "^$tmp/wide/.*/file$" <<<"$got")" lines
	rm -r "$tmp/wide"
}

what_cannot_be_read_is_told()
{
	local got status

	got=$("$program" "$tmp/none" "$tree/link" "$tree/2" "$tree/a/2" \
		2>"$tmp/errors")
	status=$?
	same 1 $status 'exit code'
	same "$tree/2"$'\n'"$tree/a/2" "$got" 'the others'
	same "oa-dups: $tmp/none: No such file or directory
oa-dups: $tree/link: Not a directory" "$(said "$tmp/errors" | sort)" errors
	"$program" "$tree" >/dev/full 2>"$tmp/errors"
	status=$?
	same 1 $status 'exit code'
	same 'oa-dups: cannot go on: No space left on device' \
		"$(said "$tmp/errors")" 'a full disk'
}

# Its content ends before its size.
what_is_shorter_than_it_seems_is_told()
{
	local files=(/sys/kernel/uevent_seqnum /sys/kernel/fscaps) got status

	[ "$(stat -c %s "${files[@]}" 2>/dev/null)" = 4096$'\n'4096 ] || return
	got=$("$program" "${files[@]}" "$tree/2" "$tree/a/2" 2>"$tmp/errors")
	status=$?
	same 1 $status 'exit code'
	same "$tree/2"$'\n'"$tree/a/2" "$got" 'the others'
	same "$(printf 'oa-dups: %s: No data available\n' "${files[@]}" |
		sort)" "$(said "$tmp/errors" | sort)" errors
}

# Root may read everything.
what_is_forbidden_is_told()
{
	local got status

	cp -r "$tree/a" "$tmp/forbidden"
	chmod 0 "$tmp/forbidden/2" "$tmp/forbidden/b"
	if ! [ -r "$tmp/forbidden/2" ]; then
		got=$("$program" "$tmp/forbidden" "$tree/2" "$tree/a/2" \
			2>"$tmp/errors")
		status=$?
		same 1 $status 'exit code'
		same "$tree/2"$'\n'"$tree/a/2" "$got" 'the others'
		same "oa-dups: $tmp/forbidden/2: Permission denied
oa-dups: $tmp/forbidden/b: Permission denied" \
			"$(said "$tmp/errors" | sort)" errors
	fi
	chmod 700 "$tmp/forbidden/b"
	rm -r "$tmp/forbidden"
}

# told FD PATTERN: reads progress lines until one is like it
told()
{
	local line

	while read -r -t 20 -u "$1" -d $'\r' line; do
		# shellcheck disable=SC2053 # a pattern
		[[ $line == $2 ]] && return
	done
	fail "no line is like '$2'"
}

# interrupt SIGNAL WORKERS PATTERN: it never gets to the end of what it reads
interrupt()
{
	local says status

	mkfifo "$tmp/says"
	"$program" -p -w "$2" "$tree" "$tmp/endless" >"$tmp/got" \
		2>"$tmp/says" &
	server=$!
	exec {says}<"$tmp/says"
	told "$says" "$3"
	kill "-$1" $server
	wait $server
	status=$?
	same $((128 + $(kill -l "$1"))) $status "exit code of $1"
	server=
	same '' "$(<"$tmp/got")" "$1: output"
	exec {says}<&-
	rm "$tmp/says"
}

a_signal_interrupts()
{
	local d

	mkdir "$tmp/endless"
	for d in {1..300}; do
		mkdir -p "$tmp/endless/$d/a/b/c/d/e"
		echo "$d" >"$tmp/endless/$d/a/b/c/d/e/f"
	done
	truncate -s 64G "$tmp/endless/one" "$tmp/endless/two"
	interrupt INT 1 '* of *'
	interrupt INT 2 '* of *'
	interrupt INT 1 '[1-9]* of *'
	interrupt TERM 2 '[1-9]* of *'
	rm -r "$tmp/endless"
}

bad_options_are_refused_in_a_line()
{
	complains 'no directory'
	complains min -m x "$tree"
	complains min -m -1 "$tree"
	complains workers -w 0 "$tree"
	complains workers -w 1.5 "$tree"
	complains option --none "$tree"
	matches "$("$program" --help)" 'usage: oa-dups *--help' help
}

run_tests every_group_of_a_tree empty_files_are_asked_for \
	a_hard_link_is_the_same_file what_is_named_twice_is_told_once \
	large_files_that_differ_a_little few_descriptors_are_enough \
	what_cannot_be_read_is_told \
	what_is_shorter_than_it_seems_is_told what_is_forbidden_is_told \
	a_signal_interrupts bad_options_are_refused_in_a_line
