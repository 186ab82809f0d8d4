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

# a_daemon EXAMPLE PROGRAM CLIENT ROW FIGURE: ours and theirs, if both are there
a_daemon()
{
	local got table=$out/RESULTS.md

	if [ ! -x "$build/examples/$1" ] || ! command -v "$3" >/dev/null ||
			! PATH=$PATH:/usr/sbin command -v "$2" >/dev/null; then
		echo "# $1 and $2: not all of it is here"
		return
	fi
	got=$(FRESH=1 N=1 ROW=$4 PEERS=${2%-server} timeout 120 "$run" "$build" \
		2>&1) || fail "exit code $?: $got"
	same 0 "$(grep -c 'failed in' "$table")" 'failures'
	same 1 "$(grep -c "^| .* | $5 | .* | ${2%-server}.*: [0-9].* |" \
		"$table")" 'lines of the summary'
	matches "$(grep "^- $3: " "$table")" "* $3 [0-9d]*" 'the client'
	got=$(find "$out/files" -mindepth 1)
	same '' "$got" 'files that stay'
}

daemons()
{
	local FILEDIR=$out/files

	mkdir -p "$FILEDIR"
	export FILEDIR
	a_daemon oa-httpd nginx wrk httpd-large-close requests
	a_daemon oa-cache redis-server redis-benchmark cache-64-16 GET
}

# What of two turns is told: ratios turn by turn, and by which figure.
marks()
{
	local got

	got=$(cd "$tree/bench/versus" && python3 -B - <<-'END'
		from runner.figures import Figures, verdict
		from runner.rows import all_rows

		rows = {r.key: r for r in all_rows()}

		def told(key, metric, **samples):
		    row = rows[key]
		    m = [m for m in row.metrics if m.name == metric][0]
		    lead = Figures(row, m, samples).lead()
		    return '%.2f %s%s' % ((lead,) + verdict(row, m, samples))

		def turns(name, *values):
		    return [v if v is None else {name: v} for v in values]

		def echo(requests, cpu, busy):
		    return [dict(requests=requests, server_cpu=cpu,
		                 client_busy=busy)]

		print(told('yield', 'switch', oa=turns('switch', 9, 18),
		           go=turns('switch', 90, 180)))
		print(told('yield', 'switch', oa=turns('switch', 9, None, 9),
		           go=turns('switch', 90, 1, 90)))
		print(told('file-direct', 'read', oa=turns('read', 100),
		           fio=turns('read', 96)))
		print(told('echo-10000', 'requests', oa=echo(96, 10, .5),
		           epoll=echo(100, 10, .5)))
		print(told('echo-10000', 'requests', oa=echo(96, 10, .96),
		           epoll=echo(100, 10, .5)))
		print(told('echo-10000', 'requests', oa=echo(99, 12, .96),
		           epoll=echo(100, 10, .5)))

		def got(rate, cpu, busy, set_busy):
		    return [dict(get=rate, get_cpu=cpu, get_client=busy,
		                 set=rate, set_cpu=cpu, set_client=set_busy)]

		print(told('cache-64-1', 'get', oa=got(110, 6, .96, .5),
		           redis=got(100, 10, .5, .5)))
		print(told('cache-64-1', 'set', oa=got(110, 6, .96, .5),
		           redis=got(100, 10, .5, .5)))
	END
	) || fail 'it does not run'
	same '10.00 False
10.00 True
0.96 True
0.96 False
0.96 True (by CPU)
0.99 False (by CPU)
1.10 True (by CPU)
1.10 False' "$got" 'verdicts'
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

run_tests row_in_turns a_server daemons marks what_is_wrong
