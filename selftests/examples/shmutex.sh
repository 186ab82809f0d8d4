#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# oa-shmutex: two processes count together, and none is lost.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"

needs oa-shmutex

# counts TASKS ROUNDS ARGUMENT...: runs it; what it says in said
counts()
{
	local all=$((2 * $1 * $2))

	said=$("$program" -n "$1" -r "$2" "${@:3}" 2>&1) ||
		fail "exit code $?: $said"
	matches "${said##*$'\n'}" "2 processes, *: counted $all of $all, waited *" "$*"
}

with_each_number_of_workers()
{
	local w

	for w in 1 2 8; do
		counts 1 20000 -w $w
		counts 16 2000 -w $w
		counts 500 20 -w $w
	done
}

they_do_wait_for_each_other()
{
	counts 16 20000
	matches "$said" '*, waited [1-9]* times' waits
}

without_requests_on_words()
{
	OA_DISABLE=ring-futex counts 16 2000 -w 2
	OA_DISABLE=ring-futex counts 1 20000 -w 1
}

without_anything_to_wait_by_it_says_so()
{
	local got

	got=$(OA_DISABLE=ring-futex,futex-waitv "$program" 2>&1) &&
		fail 'exit code 0'
	matches "$got" '*not implemented*' 'what it says'
}

bad_options_are_refused_in_a_line()
{
	complains argument a
	complains option -x
	complains tasks -n 0
	complains rounds -r many
	complains workers -w 0
}

run_tests with_each_number_of_workers they_do_wait_for_each_other \
	without_requests_on_words without_anything_to_wait_by_it_says_so \
	bad_options_are_refused_in_a_line
