# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Counting instructions: sourced.

# count_instructions PROGRAM DIRECTORY NAME...: prints the name of each of these
# operations, or of all, and instructions for one
count_instructions()
{
	local prog=$1 dir=$2 name n out

	shift 2
	mkdir -p "$dir"
	rm -f "$dir"/out.*
	valgrind --tool=callgrind --instr-atstart=no --cache-sim=no \
		--callgrind-out-file="$dir/out" "$prog" "$@" \
		>"$dir/counts" 2>"$dir/log" || {
		cat "$dir/log" >&2
		return 1
	}
	while read -r name n; do
		for out in "$dir"/out.*; do
			grep -q "Client Request: $name\$" "$out" || continue
			awk -v name="$name" -v n="$n" '
				/^(summary|totals):/ { sum = $2 }
				END { printf "%s %.1f\n", name, sum / n }
			' "$out"
		done
	done <"$dir/counts"
}
