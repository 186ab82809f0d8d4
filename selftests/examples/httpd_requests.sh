#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2119,SC2317
# What oa-httpd makes of requests, good and bad, as they come over the wire.
# shellcheck source=selftests/examples/httpd.bash
. "$(dirname "$(readlink -f "$0")")/httpd.bash"

echo hello >"$root/hello.txt"
echo other >"$root/other.txt"
head -c 100000 /dev/urandom >"$root/noise"
touch -d '2 hours ago' "$root"/*

last=$'Host: a\r\nConnection: close\r\n\r\n'
next=$'Host: a\r\n\r\n'

a_connection_is_kept()
{
	same '1 0' "$(get -o /dev/null -o /dev/null -w '%{num_connects} ' \
		"${url}hello.txt" "${url}other.txt" | sed 's/ $//')" connects
}

a_connection_is_closed_when_asked()
{
	local got

	got=$(printf 'GET /hello.txt HTTP/1.1\r\n%s' "$last" | raw)
	same close "$(header connection <<<"$got")" 1.1
	same 200 "$(statuses <<<"$got")" status
	got=$(printf 'GET /hello.txt HTTP/1.0\r\n\r\n' | raw)
	same close "$(header connection <<<"$got")" 1.0
	got=$(printf '%s\r\n%s\r\n\r\n' 'GET /hello.txt HTTP/1.0' \
		'Connection: keep-alive' 'GET /other.txt HTTP/1.0' '' | raw)
	same '200 200' "$(statuses <<<"$got")" '1.0, kept'
	same keep-alive "$(header connection <<<"$got")" '1.0, told'
}

pipelined_requests_are_answered_in_order()
{
	local got i all=

	for i in 1 2 3 4 5 6 7 8; do
		all+="GET /hello.txt HTTP/1.1"$'\r\n'"$next"
		all+="HEAD /noise HTTP/1.1"$'\r\n'"$next"
		all+="GET /missing$i HTTP/1.1"$'\r\n'"$next"
		all+="GET /other.txt HTTP/1.1"$'\r\n'"$next"
	done
	all+="GET /hello.txt HTTP/1.1"$'\r\n'"$last"
	got=$(printf %s "$all" | raw)
	same "$(printf '200 200 404 200 %.0s' {1..8})200" \
		"$(statuses <<<"$got")" statuses
	same "$(printf 'hello other %.0s' {1..8})hello" \
		"$(grep -xE 'hello|other' <<<"$got" | paste -sd' ')" bodies
}

# Many more bytes of requests than there is room for at once.
a_thousand_requests_in_one_go()
{
	local got

	got=$(for _ in {1..1000}; do
		printf 'GET /hello.txt HTTP/1.1\r\nX: %0100d\r\n%s' 1 "$next"
	done | cat - <(printf 'GET /x HTTP/1.1\r\n%s' "$last") | raw)
	same 1000 "$(grep -cx hello <<<"$got")" bodies
	same 404 "$(statuses <<<"$got" | sed 's/.* //')" 'last one'
}

large_answers_keep_their_place_in_a_pipeline()
{
	cmp -s <({
		printf 'GET /noise HTTP/1.1\r\n%s' "$next"
		printf 'GET /hello.txt HTTP/1.1\r\n%s' "$next"
		printf 'GET /noise HTTP/1.1\r\n%s' "$last"
	} | raw_bodies) <(cat "$root/noise" "$root/hello.txt" "$root/noise") ||
		fail "bodies differ"
}

# The answers without their headers, byte for byte.
raw_bodies()
{
	local fd line len

	connect fd
	cat >&"$fd"
	while IFS= read -r line <&"$fd"; do
		line=${line%$'\r'}
		case $line in
		Content-Length:*) len=${line#*: } ;;
		'') head -c "$len" <&"$fd" ;;
		esac
	done
	exec {fd}>&-
}

# Waits until each byte has been taken, so that each comes alone.
a_request_that_comes_byte_by_byte()
{
	local fd i all

	all="GET /hello.txt HTTP/1.1"$'\r\n'"Range: bytes=1-3"$'\r\n'"$last"
	connect fd
	for ((i = 0; i < ${#all}; i++)); do
		printf %s "${all:i:1}" >&"$fd"
	done
	same ell "$(answers "$fd" | tail -1)" body
	exec {fd}>&-
}

forms_of_the_target()
{
	same 200 "$(code "${url}hello.txt?a=b&c")" query
	same 200 "$(code "${url}%68ello.txt")" escape
	same 200 "$(code "$url./hello.txt")" dot
	same 200 "$(printf 'GET http://a/hello.txt?x HTTP/1.1\r\n%s' "$last" |
		raw | statuses)" absolute
	same 400 "$(printf 'GET * HTTP/1.1\r\n%s' "$last" | raw | statuses)" '*'
}

bodies_are_read_and_forgotten()
{
	local got

	got=$({
		printf 'GET /hello.txt HTTP/1.1\r\nContent-Length: 5\r\n%s' "$next"
		printf 12345
		printf 'GET /other.txt HTTP/1.1\r\nTransfer-Encoding: chunked\r\n%s' "$next"
		printf '3\r\nabc\r\n0\r\n\r\n'
		printf 'GET /hello.txt HTTP/1.1\r\n%s' "$last"
	} | raw)
	same 'hello other hello' \
		"$(grep -xE 'hello|other' <<<"$got" | paste -sd' ')" bodies
	same 200 "$(head -c 900000 /dev/zero |
		code -X GET -H Expect: --data-binary @- "${url}hello.txt")" long
	same 413 "$(head -c 1100000 /dev/zero |
		code -X GET -H Expect: --data-binary @- "${url}hello.txt")" \
		'too long'
	same 413 "$(head -c 1100000 /dev/zero |
		code -X GET -H Expect: -H 'Transfer-Encoding: chunked' \
			--data-binary @- "${url}hello.txt")" 'too long, in chunks'
}

a_body_may_be_announced()
{
	local fd line

	connect fd
	printf 'GET /hello.txt HTTP/1.1\r\nExpect: 100-continue\r\n%s%s' \
		$'Content-Length: 3\r\n' "$last" >&"$fd"
	read -r line <&"$fd"
	same 'HTTP/1.1 100 Continue' "${line%$'\r'}" continue
	printf abc >&"$fd"
	same hello "$(answers "$fd" | tail -1)" body
	exec {fd}>&-
	same 417 "$(code -H 'Expect: coffee' "${url}hello.txt")" other
	same 405 "$(code -H 'Expect: 100-continue' -d abc "${url}hello.txt")" \
		'not for POST'
}

methods()
{
	same 405 "$(code -X POST -d a "${url}hello.txt")" POST
	same 'GET, HEAD' "$(get -i -X PUT -d a "${url}hello.txt" |
		header allow)" allow
	same 501 "$(printf 'BREW /pot HTTP/1.1\r\n%s' "$last" | raw | statuses)" \
		BREW
}

bad_requests()
{
	same 400 "$(printf '\x16\x03\x01\x02\x00' | raw | statuses)" TLS
	same 400 "$(printf 'GET /hello.txt HTTP/1.1\r\n\r\n' | raw | statuses)" \
		'no host'
	same 400 "$(printf 'GET / HTTP/1.1\r\nHost: b\r\n%s' "$last" | raw |
		statuses)" 'two hosts'
	same 400 "$(printf 'GET / HTTP/1.1\r\nBad header\r\n%s' "$last" | raw |
		statuses)" header
	same 400 "$(printf 'GET / HTTP/1.1\r\n%s%s%s' \
		$'Content-Length: 3\r\n' $'Transfer-Encoding: chunked\r\n' \
		"$last" | raw | statuses)" 'two lengths'
	same 505 "$(printf 'GET / HTTP/2.0\r\n%s' "$last" | raw | statuses)" 2.0
	same 405 "$(printf 'OPTIONS * HTTP/1.1\r\n%s' "$last" | raw |
		statuses)" OPTIONS
}

# An upgrade that nobody offers is no reason not to answer.
upgrades_are_declined()
{
	same hello "$(printf 'GET /hello.txt HTTP/1.1\r\nUpgrade: h2c\r\n%s%s' \
		$'Connection: Upgrade, close\r\n' "$next" | raw | tail -1)" body
}

serve
run_tests a_connection_is_kept a_connection_is_closed_when_asked \
	pipelined_requests_are_answered_in_order a_thousand_requests_in_one_go \
	large_answers_keep_their_place_in_a_pipeline \
	a_request_that_comes_byte_by_byte forms_of_the_target \
	bodies_are_read_and_forgotten a_body_may_be_announced methods \
	bad_requests upgrades_are_declined
