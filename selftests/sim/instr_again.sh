#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# What is counted in instructions is the same from run to run.
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=selftests/examples/tap.bash
. "$here/../examples/tap.bash"
# shellcheck source=selftests/sim/instr.bash
. "$here/instr.bash"

# Called by its name in the build folder, or from the tree for its own build.
case $0 in
*.sh) program=build/selftests/sim/instr_ops ;;
*) program=${0%/*}/instr_ops ;;
esac
[ -x "$program" ] || skip_all "$program has not been built"
command -v valgrind >/dev/null || skip_all 'no valgrind'
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' TERM INT HUP

# One without a task, one that switches, one with timers, one that allocates.
operations=(yield deadline sleep unbounded)

counts_are_the_same_to_half_a_percent()
{
	local i name a same_name b

	for i in 1 2; do
		count_instructions "$program" "$tmp/$i" "${operations[@]}" \
			>"$tmp/now.$i" 2>"$tmp/errors" || fail "run $i failed"
		same "${#operations[@]}" "$(wc -l <"$tmp/now.$i")" 'counts'
	done
	paste -d ' ' "$tmp/now.1" "$tmp/now.2" >"$tmp/both"
	while read -r name a same_name b; do
		same "$name" "$same_name" 'name'
		awk -v a="$a" -v b="$b" 'BEGIN {
			exit !(a > 0 && 200 * (a > b ? a - b : b - a) <= a)
		}' || fail "$name: $a, then $b"
	done <"$tmp/both"
}

run_tests counts_are_the_same_to_half_a_percent
