#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# The programs of examples/cpp.
# shellcheck source=selftests/examples/tap.bash
. "$(dirname "$(readlink -f "$0")")/tap.bash"

here=$(dirname "$(readlink -f "$0")")
case $0 in
*.sh) build=build ;;
*) build=${0%/selftests/examples/*} ;;
esac
programs=$build/examples/cpp
[ -x "$programs/words" ] || skip_all "$programs has not been built"
export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' TERM INT HUP

words_are_those_of_wc()
{
	local i files=()

	for i in {1..50}; do
		seq "$i" $((i * 100)) >"$tmp/$i"
		files+=("$tmp/$i")
	done
	: >"$tmp/empty"
	files+=("$tmp/empty" "$here"/*.sh)
	for i in 1 2 8; do
		same "$(wc -w "${files[@]}" | awk '{ print $1, $2 }')" \
			"$(OA_WORKERS=$i timeout 60 "$programs/words" "${files[@]}" |
				awk '{ print $1, $2 }')" "$i workers"
	done
	same "$(wc -w <"$tmp/7")" \
		"$("$programs/words" "$tmp/7" | awk '{ print $1 }')" 'one file'
}

# An exception in one task is told where its result is asked for.
words_tells_what_went_wrong()
{
	local out

	echo a b c >"$tmp/abc"
	out=$("$programs/words" "$tmp/abc" "$tmp/none" "$tmp" 2>"$tmp/err")
	same 1 $? 'exit code'
	same "3 $tmp/abc 3 total" "$(xargs <<<"$out")" output
	same "words: $tmp/none: No such file or directory
words: $tmp: Is a directory" "$(said "$tmp/err")" errors
	"$programs/words" 2>/dev/null
	same 2 $? 'exit code without files'
}

clients_try_again()
{
	local i
	local want='100 clients, 230 retries, 16 gave up, 0 left open'

	for i in 1 2 8; do
		same "$want" "$(OA_WORKERS=$i timeout 60 "$programs/retry")" \
			"$i workers"
		same "$want" "$(OA_DEBUG=migrate OA_WORKERS=$i timeout 60 \
			"$programs/retry")" "$i workers, migrating"
	done
}

run_tests words_are_those_of_wc words_tells_what_went_wrong clients_try_again
