#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# oa-bench: a line for what is wrong, before anything is measured.
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=selftests/examples/tap.bash
. "$here/../examples/tap.bash"

# Called by its name in the build folder, or from the tree for its own build.
case $0 in
*.sh) build=build ;;
*) build=${0%/selftests/bench/*} ;;
esac
program=$build/bench/oa-bench
[ -x "$program" ] || skip_all "$program has not been built"

# refuses ARGUMENT...
refuses()
{
	local got

	got=$(timeout 20 "$program" "$@" 2>&1 >/dev/full)
	same 2 $? "exit code of $*"
	same 1 "$(wc -l <<<"$got")" "lines of $*"
	matches "$got" 'oa-bench: bad *' "$*"
}

settings()
{
	refuses -r 0 sched yield
	refuses -r 1e3 sched yield
	refuses -C x sched yield
	refuses -C 1-0 sched yield
	refuses -w 0 sched yield
	refuses -w -1 sched yield
	refuses -f xml sched yield
	refuses --impl=none sched yield
	refuses --time= sched yield
	refuses --limit=0 sched yield
	refuses -f
	refuses --what
}

benches()
{
	refuses sched what
	refuses all yield
	refuses sched yield what
	refuses sched all -t 2
}

options_of_a_bench()
{
	local bad

	refuses sched yield -x 1
	refuses sched yield -t
	for bad in 0 -1 x 2x '' 99999999999999999999 1,,2 '1,' ,1 2,0; do
		refuses sched yield -t "$bad"
	done
	refuses io echo -c 0
	refuses io echo -s 0
	refuses io echo -s 100000
	refuses io file-read -m 0
	refuses io file-read -m 99999999
	refuses io nop -b 0
	refuses mem parked -n 0
	refuses timer sleep -d 0
	refuses sched fib -n 41
}

# It measures what it says, as many times.
all_that_is_right()
{
	local got

	got=$(timeout 60 "$program" -f simple -r 2 --time=1 -w 1 sched yield \
		-t 2,3 2>&1) || fail "exit code $?: $got"
	same 2 "$(wc -l <<<"$got")" 'lines'
	got=$(timeout 60 "$program" -f simple -r 1 --time=1 -w 2 --whole \
		--unpinned sched yield 2>&1) || fail "exit code $?: $got"
	matches "$got" '[0-9]*' 'the mean'
}

run_tests settings benches options_of_a_bench all_that_is_right
