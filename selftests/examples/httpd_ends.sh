#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2119,SC2317
# oa-httpd under load, with a flat memory, and how it ends.
# shellcheck source=selftests/examples/httpd.bash
. "$(dirname "$(readlink -f "$0")")/httpd.bash"

for i in {1..64}; do
	head -c $((i * i * 97)) /dev/urandom >"$root/f$i"
done
echo hello >"$root/hello.txt"
truncate -s 1G "$root/huge"
truncate -s 64M "$root/large"
touch -d '2 hours ago' "$root"/*
ask=$'HTTP/1.1\r\nHost: a\r\n\r\n'

# peak: the most memory that the server has had, in KiB
peak()
{
	sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$server/status"
}

# head_of FD: reads the headers of an answer, leaves the rest
head_of()
{
	local line

	while read -r line <&"$1" && [ "$line" != $'\r' ]; do
		echo "${line%$'\r'}"
	done
}

# The large file is under way from the first to the last of the others.
sixty_four_at_once_and_a_gibibyte_in_flat_memory()
{
	local fd i j before

	# Whose patience outlasts all that comes before the rest is taken.
	serve --stats --idle 900
	connect fd
	printf 'GET /huge %s' "$ask" >&"$fd"
	same 1073741824 "$(head_of "$fd" | header content-length)" length
	for i in {0..511}; do
		j=$((i % 64 + 1))
		printf 'url = "%sf%d"\noutput = "%s/got/f%d.%d"\n' \
			"$url" $j "$tmp" $j $((i / 64))
	done >"$tmp/config"
	curl -s -Z --parallel-immediate --parallel-max 64 --create-dirs \
		--max-time 200 -K "$tmp/config" 2>/dev/null || fail "curl: $?"
	for i in "$tmp"/got/*; do
		j=${i##*/}
		cmp -s "$i" "$root/${j%.*}" || fail "$j differs"
	done
	before=$(peak)
	same 1073741824 "$(head -c 1073741824 <&"$fd" | wc -c)" bytes
	(($(peak) - before < 16384)) ||
		fail "memory grew from $before to $(peak) KiB"
	# Sanitizers need more, without end.
	[[ $build == */san-* ]] || (($(peak) < 131072)) || fail "$(peak) KiB in all"
	exec {fd}>&-
	stop TERM
	same 0 "$status" 'exit code'
	matches "$said" '65 connections, 0 refused; 513 requests*' counts
	matches "$said" $'*\nworker *kicks*\nall *' table
}

refused()
{
	! connect probe 2>/dev/null
}

# ends_with SIGNAL
ends_with()
{
	local busy idle new

	serve
	connect idle
	connect new
	printf 'GET /hello.txt %s' "$ask" >&"$idle"
	head_of "$idle" >/dev/null
	read -r _ <&"$idle"
	connect busy
	printf 'GET /large %s' "$ask" >&"$busy"
	head_of "$busy" >/dev/null
	kill "-$1" "$server"
	# Idle connections go at once, used or not, and no new one is taken.
	same '' "$(answers "$idle")" 'idle connection'
	same '' "$(answers "$new")" 'new connection'
	wait_until refused || fail "it still listens"
	kill -0 "$server" || fail "it did not wait for what is under way"
	same 67108864 "$(head -c 67108864 <&"$busy" | wc -c)" bytes
	same '' "$(answers "$busy")" 'end of the busy one'
	exec {busy}>&- {idle}>&- {new}>&-
	finish
	same 0 "$status" 'exit code'
}

sigterm_lets_a_download_finish()
{
	ends_with TERM
}

sigint_does_the_same()
{
	ends_with INT
}

a_second_signal_does_not_wait()
{
	local busy

	serve
	connect busy
	printf 'GET /large %s' "$ask" >&"$busy"
	head_of "$busy" >/dev/null
	kill -TERM "$server"
	wait_until refused || fail "it still listens"
	kill -TERM "$server"
	finish
	same $((128 + 15)) "$status" 'exit code'
	exec {busy}>&-
}

an_idle_server_ends_at_once()
{
	serve
	stop TERM
	same 0 "$status" 'exit code'
	same '' "$(said "$tmp/errors")" errors
}

# What a peer leaves behind when it goes in the middle harms nobody.
peers_that_reset_are_survived()
{
	local i fd

	serve
	for i in {1..20}; do
		connect fd
		printf 'GET /large %s' "$ask" >&"$fd"
		read -r _ <&"$fd"
		exec {fd}>&-
	done
	same hello "$(get "${url}hello.txt")" afterwards
	stop TERM
	same 0 "$status" 'exit code'
}

run_tests sixty_four_at_once_and_a_gibibyte_in_flat_memory \
	sigterm_lets_a_download_finish sigint_does_the_same \
	a_second_signal_does_not_wait an_idle_server_ends_at_once \
	peers_that_reset_are_survived
