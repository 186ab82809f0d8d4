#!/bin/bash
# SPDX-License-Identifier: MIT
# Many seeds, other ones each time: shares them out among the scenarios of the
# given programs, and runs as many programs at once as there are processors.
# usage: long.sh seeds first-seed program...
set -u

# One program: what passed, or all that it said.
if [ "$1" = -r ]; then
	log=$2.log
	if "$2" >"$log" 2>&1; then
		grep '^ok' "$log"
		exit 0
	fi
	cat "$log"
	exit 1
fi

seeds=$1
from=$2
shift 2
count=0
for program; do
	count=$((count + $("$program" -l | wc -l)))
done
export SEEDS=$((seeds / count + 1)) FROM=$from
echo "$count scenarios, seeds $FROM to $((FROM + SEEDS - 1)) each"
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 1 "$0" -r
