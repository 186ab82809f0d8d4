#!/bin/bash
# SPDX-License-Identifier: MIT
# Instructions per operation, beside those that are kept.
# usage: instr.sh program baseline directory [update]
set -eu
# shellcheck source=selftests/sim/instr.bash
. "$(dirname "$0")/instr.bash"

prog=$1
baseline=$2
dir=$3
update=${4-}
percent=3

toolchain=$("$prog" -t)
if ! command -v valgrind >/dev/null; then
	echo "  SKIP    bench-instr: no valgrind"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
if [ -z "$update" ] && ! grep -qxF "# $toolchain" "$baseline"; then
	echo "  SKIP    bench-instr: $baseline is of another toolchain than $toolchain"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi

mkdir -p "$dir"
count_instructions "$prog" "$dir" >"$dir/now"

if [ -n "$update" ]; then
	{
		echo "# SPDX-License-Identifier: MIT"
		echo "# Instructions per operation of the core, one worker, without a kernel:"
		echo "# written by make bench-instr UPDATE=1, compared by make bench-instr."
		echo "# $toolchain"
		cat "$dir/now"
	} >"$baseline"
fi

awk -v percent="$percent" '
	FNR == NR { if (!/^#/) kept[$1] = $2; next }
	{
		if (!($1 in kept)) {
			printf "  %-12s %8.1f  is not kept yet\n", $1, $2
			failed++
			next
		}
		off = 100 * ($2 - kept[$1]) / kept[$1]
		bad = off > percent || off < -percent
		printf "  %-12s %8.1f  %+5.1f %%%s\n", $1, $2, off,
			bad ? "  more than allowed: UPDATE=1 keeps it" : ""
		bad ? failed++ : passed++
	}
	END {
		printf "%d passed, %d failed, 0 skipped\n", passed, failed
		exit failed > 0
	}' "$baseline" "$dir/now"
