#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154,SC2317
# oa-restart: that nobody who connects notices a restart, what becomes of
# connections that stay, and of a new program that does not start.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"

needs oa-restart
load=$build/selftests/examples/load
[ -x "$load" ] || skip_all "$load has not been built"
loader=

# Each generation is the child of the one before, which ends: not ours to wait
# for. What it says is in one file for all of them.
end_all()
{
	local pid

	for pid in $loader $(sed -n 's/.*process \([0-9]*\): listen.*/\1/p' \
		"$tmp/says" 2>/dev/null); do
		runs "$pid" && kill -KILL "$pid"
	done
	clean_up
}
trap end_all EXIT

# runs PID: and is one of the programs that we have started
runs()
{
	[ "/proc/$1/exe" -ef "$program" ] || [ "/proc/$1/exe" -ef "$load" ]
}

gone()
{
	! runs "$1"
}

# begin ARGUMENT...: sets server and port; generation 1 is our child
begin()
{
	: >"$tmp/says"
	"$program" -p 0 "$@" >>"$tmp/says" 2>"$tmp/errors" &
	server=$!
	wait_until says 'generation 1, process *: listening on *' ||
		fail "it does not start: $(said "$tmp/errors")"
	port=$(sed -n '1s/.*://p' "$tmp/says")
}

# says PATTERN: of a shell's, in one of its lines
says()
{
	local line

	while read -r line; do
		# shellcheck disable=SC2053 # a pattern
		[[ $line == $1 ]] && return
	done <"$tmp/says"
	return 1
}

# process GENERATION
process()
{
	sed -n "s/^generation $1, process \([0-9]*\): listening.*/\1/p" \
		"$tmp/says"
}

# restart GENERATION SIGNAL: until that one alone listens
restart()
{
	kill "-$2" "$(process $(($1 - 1)))"
	wait_until says "generation $1, *: listening on 127.0.0.1:$port" ||
		fail "generation $1 does not begin: $(said "$tmp/errors")"
	wait_until says "generation $(($1 - 1)), *: accepts no more" ||
		fail "generation $(($1 - 1)) goes on"
}

# ended GENERATION SERVED CUT: patterns; waits for it
ended()
{
	local pid

	pid=$(process "$1")
	wait_until says "generation $1, *: ends, *" ||
		fail "generation $1 does not end"
	says "generation $1, *: ends, $2 served, $3 cut" ||
		fail "generation $1: $(grep "generation $1.*ends" "$tmp/says")"
	wait_until gone "$pid" || fail "process $pid is still there"
}

# say FD TEXT EXPECTED
say()
{
	local line=

	echo "$2" >&"$1"
	read -r -t 20 line <&"$1"
	same "$3" "$line" "answer to '$2'"
}

seen()
{
	grep -qx "generation $1" "$tmp/load"
}

# under_load GENERATIONS LOAD...: starts it anew until it is the last of them,
# while that goes on
under_load()
{
	local g last=$1 pid signals=(USR2 HUP)

	shift
	begin -w 2
	: >"$tmp/load"
	"$load" "$port" "$@" >"$tmp/load" &
	loader=$!
	wait_until seen 1 || fail 'no load'
	for ((g = 2; g <= last; g++)); do
		restart $g "${signals[g % 2]}"
		wait_until seen $g || fail "generation $g answers nobody"
	done
	kill $loader
	wait $loader
	same 0 $? 'exit code of the load'
	loader=
	matches "$(tail -n 1 "$tmp/load")" 'connections *, failed 0' 'load'
	same '' "$(grep failed: "$tmp/load" | head -n 3)" 'failures'
	for ((g = 1; g < last; g++)); do
		ended $g '[1-9]*' 0
	done
	pid=$(process "$last")
	kill "$pid"
	ended "$last" '[1-9]*' 0
	wait $server
	same 0 $? 'exit code of the first'
	server=
	same '' "$(said "$tmp/errors")" errors
}

nobody_notices_a_restart()
{
	under_load 9 16
}

# One connection at a time: no later one wakes who should have been woken.
nor_does_one_who_comes_alone()
{
	under_load 9 1 1
}

# It may take the grace period, across any number of restarts.
a_connection_stays_with_its_process()
{
	local one two

	begin -g 60
	connect one
	say "$one" a '1 a'
	restart 2 HUP
	connect two
	say "$two" b '2 b'
	say "$one" c '1 c'
	restart 3 HUP
	say "$one" d '1 d'
	say "$two" e '2 e'
	exec {one}>&-
	ended 1 1 0
	exec {two}>&-
	ended 2 1 0
	kill "$(process 3)"
	ended 3 0 0
	wait $server
	server=
}

# The answers under way at the time of the signal are given.
requests_under_way_are_answered()
{
	local fd line

	begin -d 0.5 -g 60
	connect fd
	say "$fd" x '1 x'
	echo a >&"$fd"
	restart 2 HUP
	read -r -t 20 line <&"$fd"
	same '1 a' "$line" 'answer'
	exec {fd}>&-
	ended 1 1 0
	kill "$(process 2)"
	ended 2 0 0
	wait $server
	server=
}

# What idles is cut when the grace period is over, not before.
the_grace_period_ends()
{
	local fd before after

	begin -g 0.7
	connect fd
	say "$fd" a '1 a'
	read -r before _ </proc/uptime
	restart 2 HUP
	ended 1 0 1
	read -r after _ </proc/uptime
	((10#${after/./} - 10#${before/./} >= 69)) || fail 'too soon'
	same '' "$(timeout 60 cat <&"$fd")" 'what comes after'
	exec {fd}>&-
	connect fd
	say "$fd" b '2 b'
	kill "$(process 2)"
	ended 2 0 1
	exec {fd}>&-
	wait $server
	server=
}

# A second signal ends it with what it has, in an orderly manner.
a_second_signal_hurries_it()
{
	local fd

	begin -g 600
	connect fd
	say "$fd" a '1 a'
	kill $server
	wait_until says 'generation 1, *: accepts no more' ||
		fail 'it still accepts'
	(: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && fail 'it still listens'
	say "$fd" b '1 b'
	kill -INT $server
	wait $server
	same 0 $? 'exit code'
	ended 1 0 1
	exec {fd}>&-
	server=
}

# A new version that is broken: it is told, and the old one goes on.
one_that_does_not_start_changes_nothing()
{
	local own=$program n=0 fd

	program=$tmp/oa-restart
	cp "$own" "$program"
	begin
	# As an installation does it: the old file lives on while it runs.
	rm "$program"
	kill -HUP $server
	wait_until complained 'oa-restart: cannot start *: No such file *'
	printf '#!/bin/sh\nexit 3\n' >"$program"
	chmod +x "$program"
	kill -HUP $server
	wait_until complained 'oa-restart: process * has ended; generation 1 *'
	connect fd
	say "$fd" a '1 a'
	exec {fd}>&-
	rm "$program"
	cp "$own" "$program"
	restart 2 HUP
	ended 1 1 0
	kill "$(process 2)"
	ended 2 0 0
	wait $server
	server=
	program=$own
}

# answered EXPECTED: by who is left of those that accept. The rings of a process
# that was killed end a little later, and the kernel may have told them of a
# connection; of the next one it tells another.
answered()
{
	local fd line i

	for i in {1..60}; do
		line=
		connect fd
		echo a >&"$fd"
		read -r -t 1 line <&"$fd"
		exec {fd}>&-
		[ "$line" ] && break
	done
	same "$1" "$line" "answer $i"
}

# There is no other one then, so the new one has to stay.
one_outlives_who_started_it()
{
	local own=$program fd

	program=$tmp/oa-restart
	cp "$own" "$program"
	begin
	rm "$program"
	# In its place: ends who has started it, then begins for nobody.
	cat >"$program" <<-END
	#!/bin/bash
	IFS=, read -r generation listener ready <<<"\$OA_RESTART"
	mkfifo "$tmp/pipe"
	exec {both}<>"$tmp/pipe" {ready}>"$tmp/pipe" {both}<&-
	kill -KILL \$PPID
	OA_RESTART=\$generation,\$listener,\$ready exec "$own" "\$@"
	END
	chmod +x "$program"
	program=$own
	kill -HUP $server
	wait $server 2>/dev/null
	server=
	wait_until complained 'oa-restart: generation 2 is not waited for' ||
		fail "it ends: $(said "$tmp/errors")"
	answered '2 a'
	kill "$(process 2)"
	ended 2 '[1-9]*' 0
}

complained()
{
	matches_quietly "$(said "$tmp/errors" | tail -n 1)" "$1"
}

matches_quietly()
{
	# shellcheck disable=SC2053 # a pattern
	[[ $1 == $2 ]]
}

bad_options_are_refused_in_a_line()
{
	complains argument a
	complains port -p 70000
	complains address -b localhost
	complains grace -g x
	complains delay -d 0
	complains workers -w 0
	complains option --none
	begin
	complains 'port in use' -p "$port"
	OA_RESTART=2,0,0 complains 'no socket there'
	OA_RESTART=x complains 'no numbers there'
	kill $server
	wait $server
	server=
	matches "$("$program" --help)" 'usage: oa-restart *--help*' help
}

run_tests nobody_notices_a_restart nor_does_one_who_comes_alone \
	a_connection_stays_with_its_process \
	requests_under_way_are_answered the_grace_period_ends \
	a_second_signal_hurries_it one_that_does_not_start_changes_nothing \
	one_outlives_who_started_it bad_options_are_refused_in_a_line
