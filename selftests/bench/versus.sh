#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# bench/versus/run: peers in turns, and the table that comes of it.
here=$(dirname "$(readlink -f "$0")")
# shellcheck source=selftests/examples/tap.bash
. "$here/../examples/tap.bash"

case $0 in
*.sh) build=build ;;
*) build=${0%/selftests/bench/*} ;;
esac
tree=$here/../..
run=$tree/bench/versus/run
peer=$build/bench/versus/versus-pthreads
[ -x "$peer" ] || skip_all "$peer has not been built"
command -v python3 >/dev/null || skip_all 'no python3'
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
export OUT=$out QUICK=1 N=2

row_in_turns()
{
	local table=$out/RESULTS.md got

	got=$(ROW=queue PEERS=pthreads timeout 120 "$run" "$build" 2>&1) ||
		fail "exit code $?: $got"
	same 4 "$(grep -c '^| channel of 128.* | an element | ' "$table")" \
		'lines of the summary'
	same 4 "$(grep -c '^| pthreads | [0-9].* ([0-9].*–[0-9].*) |$' \
		"$table")" 'lines of the peer'
	same 0 "$(grep -c 'failed in' "$table")" 'failures'
	matches "$(sed -n 1p "$table")" '*SPDX*' 'the first line'
	matches "$(grep '^- CPU' "$table")" '*online' 'the machine'
	# rows of another run stay, and what was quick is not kept
	got=$(ROW=file-1 PEERS=raw timeout 120 "$run" "$build" 2>&1) ||
		fail "exit code $?: $got"
	same 4 "$(grep -c '^| channel of 128.* | an element | ' "$table")" \
		'lines that stay'
	same 1 "$(grep -c '^| pread in C | [0-9]' "$table")" 'pread'
	if "$tree/bench/versus/keep" 2>/dev/null; then
		fail 'a quick table was kept'
	fi
}

a_server()
{
	local got

	got=$(ROW=accept PEERS=raw timeout 120 "$run" "$build" 2>&1) ||
		fail "exit code $?: $got"
	same 1 "$(grep -c '^| connect, .* | requests | [0-9*]' \
		"$out/RESULTS.md")" 'lines of the summary'
}

what_is_wrong()
{
	local got

	got=$(ROW=nosuch timeout 60 "$run" "$build" 2>&1) && fail 'no error'
	matches "$got" '*there is no nosuch*' 'a wrong row'
	got=$(PEERS=nosuch timeout 60 "$run" "$build" 2>&1) && fail 'no error'
	matches "$got" '*there is no nosuch*' 'a wrong peer'
	got=$("$peer" nosuch 2>&1)
	same 2 $? 'a wrong workload'
	got=$("$peer" mutex --count=x 2>&1)
	same 2 $? 'a wrong number'
	got=$("$peer" file --path=/dev/null 2>&1)
	same 1 $? 'a wrong file'
}

run_tests row_in_turns a_server what_is_wrong
