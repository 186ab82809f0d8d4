# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Tests written in bash that print TAP: sourced.
#
# A test is a function; `run_tests one two` runs those that -t FILTER names.
# `fail` records a failure and goes on, `skip` says why a test does nothing,
# which then returns, and `skip_all` ends the program.

tap_failed=
tap_skipped=

fail()
{
	tap_failed=y
	echo "# ${BASH_SOURCE[-1]##*/}:${BASH_LINENO[-4]}: $*"
}

# same EXPECTED GOT WHAT
same()
{
	[ "$1" = "$2" ] || fail "$3: expected '$1', got '$2'"
}

# matches TEXT PATTERN WHAT; the pattern is a shell's
matches()
{
	# shellcheck disable=SC2053 # a pattern
	[[ $1 == $2 ]] || fail "$3: '$1' is not like '$2'"
}

# said FILE: what a program has, without what the library tells of a task that
# was slow, as some are with a sanitizer or on a slow machine
said()
{
	sed '/^liboa: task .* has held /d; /^    /d' "$1"
}

skip()
{
	tap_skipped=$*
}

skip_all()
{
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit 4
}

# wait_until COMMAND...: until it succeeds, for at most a minute
wait_until()
{
	local end=$((SECONDS + 60))

	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.02
	done
}

run_tests()
{
	local filter='' t n=0 bad=0 wanted=()

	[ "$tap_args_1" = -t ] && filter=$tap_args_2
	for t; do
		case $t in
		*"$filter"*) wanted+=("$t") ;;
		esac
	done
	echo "TAP version 13"
	echo "1..${#wanted[@]}"
	for t in "${wanted[@]}"; do
		tap_failed=
		tap_skipped=
		"$t"
		n=$((n + 1))
		if [ "$tap_failed" ]; then
			bad=1
			echo "not ok $n $t"
		elif [ "$tap_skipped" ]; then
			echo "ok $n $t # SKIP $tap_skipped"
		else
			echo "ok $n $t"
		fi
	done
	return $bad
}

tap_args_1=$1
tap_args_2=$2
