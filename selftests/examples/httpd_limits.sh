#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2119,SC2317
# Where oa-httpd stops: sizes, times, numbers, and options it does not take.
# shellcheck source=selftests/examples/httpd.bash
. "$(dirname "$(readlink -f "$0")")/httpd.bash"

echo hello >"$root/hello.txt"
last=$'Host: a\r\nConnection: close\r\n\r\n'

headers_have_a_size()
{
	serve
	same 200 "$(code -H "X: $(printf %07000d 1)" "${url}hello.txt")" large
	same 431 "$(code -H "X: $(printf %08192d 1)" "${url}hello.txt")" larger
	same 431 "$(printf 'GET / HTTP/1.1\r\nX: %0100000d\r\n%s' 1 "$last" |
		raw | statuses)" huge
	same 404 "$(code "$url$(printf %0200d 1)")" target
	same 414 "$(code "$url$(printf %05000d 1)")" 'long target'
	same 414 "$(printf 'GET /%0100000d HTTP/1.1\r\n%s' 1 "$last" |
		raw | statuses)" 'huge target'
	stop TERM
}

# now_ms: milliseconds, for lower bounds
now_ms()
{
	local us=${EPOCHREALTIME/[.,]/}

	echo "${us%???}"
}

silence_has_an_end()
{
	local fd since

	serve --idle 1
	since=$(now_ms)
	connect fd
	same '' "$(answers "$fd")" 'nothing asked'
	(($(now_ms) - since >= 1000)) || fail "closed too early"
	exec {fd}>&-

	since=$(now_ms)
	connect fd
	printf 'GET /hello.txt HTTP/1.1\r\n' >&"$fd"
	same 408 "$(answers "$fd" | statuses)" 'half a request'
	(($(now_ms) - since >= 1000)) || fail "closed too early (408)"
	exec {fd}>&-

	connect fd
	printf 'GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n' >&"$fd"
	same hello "$(answers "$fd" | tail -1)" 'then silence'
	exec {fd}>&-
	stop TERM
}

# A byte now and then does not keep a request alive for ever.
trickling_does_not_help()
{
	local fd

	serve --idle 1
	connect fd
	printf 'GET /hello.txt HTTP/1.1\r\n' >&"$fd"
	while printf 'X: y\r\n' >&"$fd"; do sleep 0.05; done 2>/dev/null &
	same 408 "$(answers "$fd" | statuses)" status
	exec {fd}>&-
	wait $!
	stop TERM
}

# ... nor does one that asks for much and takes nothing.
who_takes_nothing_is_dropped()
{
	local fd

	truncate -s 256M "$root/long"
	serve --idle 0.4 --stats
	connect fd
	printf 'GET /long HTTP/1.1\r\nHost: a\r\n\r\n' >&"$fd"
	read -r _ <&"$fd"
	stop TERM
	same 0 "$status" 'exit code'
	exec {fd}>&-
}

connections_are_limited()
{
	local a b c

	serve --max-connections 2
	connect a
	connect b
	# Both have been taken when both have been answered.
	for c in $a $b; do
		printf 'GET /hello.txt HTTP/1.1\r\nHost: a\r\n\r\n' >&"$c"
		while read -r line <&"$c" && [ "$line" != hello ]; do :; done
	done
	connect c
	same 503 "$(answers "$c" | statuses)" third
	exec {a}>&- {b}>&- {c}>&-
	served() { [ "$(code "${url}hello.txt")" = 200 ]; }
	wait_until served || fail "not served when there is room again"
	stop TERM
}

bad_options_are_refused_in_a_line()
{
	complains 'no directory'
	complains option --none "$root"
	complains 'no value' -p
	complains 'two directories' "$root" "$root"
	complains port -p 70000 "$root"
	complains 'not a number' -p http "$root"
	complains workers -w 0 "$root"
	complains idle --idle -1 "$root"
	complains address -b nowhere "$root"
	complains 'missing directory' "$root/missing"
	complains 'a file' "$root/hello.txt"
	serve
	complains 'port in use' -p "$port" "$root"
	matches "$("$program" -p "$port" "$root" 2>&1)" "*port $port*in use*" text
	stop TERM
	"$program" --help | grep -q -- --idle || fail "--help tells nothing"
}

unknown_options_are_refused()
{
	"$program" --coffee "$root" 2>"$tmp/e" && fail "exit code 0"
	grep -q coffee "$tmp/e" || fail "it is not named"
}

run_tests headers_have_a_size silence_has_an_end trickling_does_not_help \
	who_takes_nothing_is_dropped connections_are_limited \
	bad_options_are_refused_in_a_line unknown_options_are_refused
