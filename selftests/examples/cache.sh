#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2016,SC2154,SC2317,SC2119,SC2120
# oa-cache: what commands reply, beside redis-server where that is installed;
# requests in pieces and broken ones; time, memory, snapshots and limits.
# shellcheck source=selftests/examples/server.bash
. "$(dirname "$(readlink -f "$0")")/server.bash"

needs oa-cache
client=$build/selftests/examples/cache_client
[ -x "$client" ] || skip_all "$client has not been built"
other=
writer=

end_all()
{
	local pid

	for pid in $other $writer; do
		kill -KILL "$pid" 2>/dev/null
	done
	clean_up
}
trap end_all EXIT

# What Redis documents, as `command => reply`.
table()
{
	cat <<-'END'
	PING => PONG
	PING hello => "hello"
	SET a 1 => OK
	GET a => "1"
	GET nope => nil
	SET a 2 NX => nil
	SET none 2 XX => nil
	SET a 3 XX => OK
	SET a 4 EX 10 PX 10 => -ERR syntax error
	SET a v NX XX => -ERR syntax error
	SET a v FOO => -ERR syntax error
	SET a v EX => -ERR syntax error
	SET b x EX 100 NX => OK
	SET b y => OK
	TTL b => -1
	INCR b => -ERR value is not an integer or out of range
	INCR n => 1
	INCRBY n 10 => 11
	DECR n => 10
	DECRBY n 20 => -10
	INCRBY n x => -ERR value is not an integer or out of range
	INCRBY n -9223372036854775807 => -ERR increment or decrement would overflow
	MSET k1 v1 k2 v2 => OK
	MGET k1 k2 k3 => ["v1" "v2" nil]
	EXISTS k1 k2 k3 => 2
	DEL k1 k3 => 1
	RPUSH l a b c d e => 5
	LPUSH l z => 6
	LRANGE l 0 -1 => ["z" "a" "b" "c" "d" "e"]
	LRANGE l 1 2 => ["a" "b"]
	LRANGE l -2 100 => ["d" "e"]
	LRANGE l -100 -6 => ["z"]
	LRANGE l 5 1 => []
	LRANGE l 6 9 => []
	LRANGE l 0 x => -ERR value is not an integer or out of range
	LLEN l => 6
	LPOP l => "z"
	RPOP l => "e"
	LPOP nope => nil
	MGET l n => [nil "-10"]
	HSET h f1 v1 f2 v2 => 2
	HSET h f1 v1b f3 v3 => 1
	HGET h f1 => "v1b"
	HGET h nope => nil
	HGET nohash f => nil
	HMGET h f1 nope f2 => ["v1b" nil "v2"]
	HMGET nohash f1 f2 => [nil nil]
	HLEN h => 3
	HLEN nohash => 0
	HEXISTS h f1 => 1
	HEXISTS h f4 => 0
	HDEL h f1 f2 nope => 2
	HINCRBY h n 5 => 5
	HINCRBY h n -7 => -2
	HINCRBY h n x => -ERR value is not an integer or out of range
	HINCRBY h n 9223372036854775807 => 9223372036854775805
	HINCRBY h n 9 => -ERR increment or decrement would overflow
	HDEL h n => 1
	HGETALL nohash => []
	GET h => -WRONGTYPE Operation against a key holding the wrong kind of value
	INCR h => -WRONGTYPE Operation against a key holding the wrong kind of value
	LPUSH h x => -WRONGTYPE Operation against a key holding the wrong kind of value
	HSET b f v => -WRONGTYPE Operation against a key holding the wrong kind of value
	HDEL h f3 => 1
	EXISTS h => 0
	HINCRBY h n x => -ERR value is not an integer or out of range
	EXISTS h => 0
	SET l over => OK
	GET l => "over"
	EXPIRE l 100 => 1
	PEXPIRE l 100000 => 1
	PEXPIREAT l 1 => 1
	GET l => nil
	EXPIRE nope 1 => 0
	TTL nope => -2
	PTTL nope => -2
	ECHO hi => "hi"
	HSET h1 a 1 => 1
	HGETALL h1 => ["a" "1"]
	DBSIZE => 5
	FLUSHALL => OK
	DBSIZE => 0
	SET big 9223372036854775807 PX 100000 => OK
	INCR big => -ERR increment or decrement would overflow
	DECRBY fresh 5 => -5
	LRANGE nolist 0 -1 => []
	EXISTS nope nope => 0
	UNLINK big fresh => 2
	END
}

# What is told in fewer words than by Redis, or that it does otherwise.
briefly()
{
	cat <<-'END'
	GET => -ERR wrong number of arguments
	GET a b => -ERR wrong number of arguments
	MSET k1 v1 k2 v2 k3 => -ERR wrong number of arguments
	HSET h f => -ERR wrong number of arguments
	HSET h f v g => -ERR wrong number of arguments
	EXISTS h k1 => 0
	SET a v EX 0 => -ERR invalid expire time
	SET a v PX 9223372036854775807 => -ERR invalid expire time
	SET a v XX EX 0 => -ERR invalid expire time
	NO => -ERR unknown command
	NOCOMMANDHASSUCHALONGNAME => -ERR unknown command
	EXISTS a => 0
	CONFIG GET maxmemory-policy => ["maxmemory-policy" "noeviction"]
	CONFIG GET nothing => []
	CONFIG SET maxmemory => -ERR syntax error
	SAVE => -ERR no file, or no room there, or already saving
	HELLO 4 => -NOPROTO unsupported protocol version
	END
}

commands()
{
	table | sed 's/ => .*//'
}

# ask COMMAND...: each an argument; the replies, one a line
ask()
{
	printf '%s\n' "$@" | "$client" "$port"
}

# info FIELD
info()
{
	ask INFO | tr -d '\r' | sed -n "s/^$1://p"
}

# raw TEXT [FILE]: sent as it is, then what comes until the server closes,
# without CR
raw()
{
	local fd

	connect fd
	printf '%b' "$1" >&"$fd"
	[ -z "$2" ] || cat "$2" >&"$fd"
	timeout 60 cat <&"$fd" | tr -d '\r'
	exec {fd}>&-
}

replies_are_those_of_the_table()
{
	local workers piece

	for workers in 1 2 8; do
		start -w $workers
		for piece in 0 1 7 1021; do
			ask FLUSHALL >"$tmp/flushed"
			commands | "$client" "$port" $piece >"$tmp/got"
			diff <(table) <(paste -d '~' <(commands) "$tmp/got" |
				sed 's/~/ => /') >"$tmp/diff" ||
				fail "$workers workers, pieces of $piece:" \
					"$(head -n 5 "$tmp/diff")"
		done
		briefly | sed 's/ => .*//' | "$client" "$port" >"$tmp/got"
		briefly | sed 's/.* => //' | diff - "$tmp/got" >"$tmp/diff" ||
			fail "briefly: $(head -n 5 "$tmp/diff")"
		stop TERM
		same 0 "$status" 'exit code'
	done
}

# both OPTION...: the same commands to both, by redis-cli
both()
{
	ask FLUSHALL >/dev/null
	redis-cli -p "$other_port" FLUSHALL >/dev/null
	diff -a <(commands | redis-cli "$@" -p "$port" 2>&1) \
		<(commands | redis-cli "$@" -p "$other_port" 2>&1) \
		>"$tmp/diff" || fail "redis-cli $*: $(head -n 5 "$tmp/diff")"
}

# As redis-server finds no free port by itself, a few are tried.
start_redis()
{
	local i

	for i in {1..20}; do
		other_port=$((20000 + RANDOM % 10000))
		: >"$tmp/redis"
		"$tmp/redis-server" --port $other_port --bind 127.0.0.1 --save '' \
			--dir "$tmp" >"$tmp/redis" 2>&1 &
		other=$!
		wait_until grep -qE 'Ready to accept|bind: Addr' "$tmp/redis" &&
			grep -q 'Ready to accept' "$tmp/redis" && return
		wait $other
		other=
	done
	fail "redis-server does not start: $(tail -n 1 "$tmp/redis")"
}

redis_replies_the_same()
{
	local redis

	# In Debian this is one program, which goes by its name.
	redis=$(command -v redis-server || command -v redis-check-rdb) || {
		echo '# redis-server is not installed'
		return
	}
	ln -s "$redis" "$tmp/redis-server"
	start_redis
	start
	commands | "$client" "$other_port" >"$tmp/got"
	diff <(table | sed 's/.* => //') "$tmp/got" >"$tmp/diff" ||
		fail "the table is wrong: $(head -n 5 "$tmp/diff")"
	both
	both -3
	stop TERM
	kill $other
	wait $other
	other=
}

resp3()
{
	local got

	start
	ask 'HSET h f 1' 'SET s v' 'RPUSH l a' >/dev/null
	got=$(raw 'HELLO 3\r\nGET nope\r\nHGETALL h\r\nHGETALL no\r
HMGET h f no\r\nLPOP no\r\nCONFIG GET save\r\nQUIT\r\n')
	matches "$got" $'%6\n$6\nserver\n$5\nredis\n$7\nversion\n*\n$5\nproto\n:3\n*master\n_\n%1\n$1\nf\n$1\n1\n%0\n*2\n$1\n1\n_\n_\n%1\n$4\nsave\n$0\n\n+OK' HELLO
	got=$(raw 'HELLO 3\r\nINFO\r\nHELLO 2\r\nGET nope\r\nHELLO 4\r\nQUIT\r\n')
	matches "$got" $'%6\n*$*\n# Server\n*\n*12\n$6\nserver\n*$-1\n-NOPROTO *\n+OK' INFO
	stop TERM
}

redis_programs_work()
{
	local got

	command -v redis-cli >/dev/null || {
		echo '# redis-cli is not installed'
		return
	}
	start
	same $'OK\nv' "$(redis-cli -p "$port" <<<$'SET k v\nGET k')" redis-cli
	same '1# "f" => "v"' "$(redis-cli -3 -p "$port" --no-raw <<<'HSET h f v
HGETALL h' | tail -n 1)" 'redis-cli -3'
	seq 10000 | sed 's/.*/SET k& &\r/' | redis-cli -p "$port" --pipe \
		>"$tmp/got"
	matches "$(tail -n 1 "$tmp/got")" '*errors: 0, replies: 10000' --pipe
	same 10002 "$(ask DBSIZE)" keys
	got=$(redis-benchmark -p "$port" -n 2000 -c 20 -P 4 -q -t \
		ping,set,get,incr,lpush,rpush,lpop,rpop,hset,lrange_100,mset \
		2>&1 | tr '\r' '\n')
	same 13 "$(grep -c 'requests per second' <<<"$got")" benchmarks
	same '' "$(grep -iE 'error|warn' <<<"$got")" redis-benchmark
	stop TERM
}

# More than the reader keeps of what it has passed: nothing may get lost.
long_arguments_arrive_whole()
{
	local a b piece

	a=$(printf %0900d 1)
	b=$(printf %02000d 2)
	start
	for piece in 0 1 100 1023 1024 1025; do
		printf '%s\n' "MSET $a $b $b $a" "MGET $b $a" "HSET h $b $b" PING |
			"$client" "$port" $piece >"$tmp/got"
		ask 'DEL h' >/dev/null
		same "OK [\"$a\" \"$b\"] 1 PONG" "$(paste -sd' ' "$tmp/got")" \
			"pieces of $piece"
	done
	head -c 9000000 /dev/zero | tr '\0' x >"$tmp/x"
	{ printf 'SET big '; cat "$tmp/x"; echo; } |
		"$client" "$port" >"$tmp/got"
	same OK "$(<"$tmp/got")" 'nine megabytes'
	same 9000003 "$(ask 'GET big' | wc -c)" 'and back'
	same $'"a"\n-ERR too big reply\nPONG' "$(ask 'ECHO a' \
		'MGET big big big big big big big big' PING)" 'eight of them'
	same 63000023 "$(ask 'MGET big big big big big big big' | wc -c)" seven
	stop TERM
}

# refused WHAT PATTERN BYTES: an error, and the end of the connection
refused()
{
	local got

	got=$(raw "$3")
	matches "$got" "-ERR Protocol error: $2" "$1"
	same 1 "$(wc -l <<<"$got")" "$1: lines"
}

broken_requests_are_refused()
{
	start
	refused 'no number' '*ulk*length*' '*1\r\n$abc\r\n'
	refused 'huge number' '*ulti-bulk length*' '*99999999999999999999\r\n'
	refused 'too many' '*ulti-bulk length*' '*1048577\r\n$4\r\nPING\r\n'
	refused 'a number' '*expected*' '*2\r\n$3\r\nGET\r\n:5\r\n'
	refused 'a number first' '*expected*' '*2\r\n:5\r\n$3\r\nGET\r\n'
	refused 'nil' '*expected*' '*2\r\n$-1\r\n$3\r\nGET\r\n'
	refused 'a number alone' '*expected*' '*1\r\n:5\r\n'
	refused 'nil alone' '*expected*' '*1\r\n$-1\r\n'
	refused 'nothing in it' '*expected*' '*1\r\n*0\r\n'
	refused 'no CR' '*ulti-bulk length*' '*1\n$4\r\nPING\r\n'
	refused 'a line' '*expected*' '*1\r\n+GET\r\n'
	refused 'nested' '*expected*' '*1\r\n*1\r\n$4\r\nPING\r\n'
	refused 'type' '*' '*1\r\n?\r\n'
	refused 'long line' 'too big inline*' "$(printf %070000d 1)"
	head -c 16777217 /dev/zero | tr '\0' x >"$tmp/x"
	{ printf 'SET big '; cat "$tmp/x"; echo; echo PING; } |
		"$client" "$port" >"$tmp/got" 2>&1
	grep -q PONG "$tmp/got" && fail 'a string of more than 16 MiB'
	{ printf '*1048576\r\n$6\r\nEXISTS\r\n'
		yes $'$0\r\n\r' | head -n 2097150; printf 'QUIT\r\n'; } >"$tmp/x"
	same $':0\n+OK' "$(raw '' "$tmp/x")" 'as many as may be'
	same $'+PONG\n+OK' "$(raw '*0\r\n*-1\r\n\r\nPING\r\nQUIT\r\n')" 'empty ones'
	same PONG "$(ask PING)" 'the server'
	stop TERM
	same 0 "$status" 'exit code'
}

# Where hardly a read ends with a line: what has been carried out is let go.
half_a_line_keeps_no_others()
{
	local fd i line

	start
	line=$(printf 'PING\r\nX %060000d\r\n_' 1)
	for i in {1..1000}; do
		printf %s "${line%_}"
	done >"$tmp/lines"
	connect fd
	cat "$tmp/lines" >&"$fd" &
	timeout 60 head -n 2000 <&"$fd" >"$tmp/got"
	wait $!
	same 2000 "$(wc -l <"$tmp/got")" replies
	same $'+PONG\r\n-ERR unknown command\r' "$(tail -n 2 "$tmp/got")" \
		'the last'
	# One with a sanitizer does not give back what it frees.
	i=$(awk '/^VmHWM/ { print $2 }' "/proc/$server/status")
	[[ $build == */san-* ]] || ((i < 32768)) || fail "$i kB"
	exec {fd}>&-
	rm "$tmp/lines"
	stop TERM
}

gone()
{
	[ "$(info db0)" = keys=0,expires=0 ]
}

time_ends_keys()
{
	local i

	start
	same $'1\n1' "$(ask 'INCR a' 'PEXPIRE a 1')" 'a moment'
	wait_until eval '[ "$(ask "EXISTS a")" = 0 ]' || fail 'it stays'
	# Also those that nobody asks for.
	for i in {1..500}; do echo "SET k$i v PX 20"; done |
		"$client" "$port" >"$tmp/got"
	wait_until gone || fail "they stay: $(info db0)"
	same 501 "$(info expired_keys)" expired
	same $'OK\n1' "$(ask 'SET a 1 PX 60000' 'PEXPIRE a -1')" 'in the past'
	same nil "$(ask 'GET a')" 'it is over'
	ask 'SET b 1 EX 1000' 'INCR b' >/dev/null
	i=$(ask 'TTL b')
	((i > 800 && i <= 1000)) || fail "TTL $i"
	same $'OK\n-1' "$(ask 'SET b 3' 'TTL b')" 'a new value'
	stop TERM
}

# sets N PREFIX
sets()
{
	seq "$1" | sed "s/.*/SET $2& $(printf %0200d 1)/"
}

memory_has_a_limit()
{
	local keys

	start -m 1
	sets 10000 a | "$client" "$port" | sort | uniq -c >"$tmp/got"
	same 2 "$(wc -l <"$tmp/got")" 'kinds of replies'
	matches "$(grep -e - "$tmp/got")" '*-OOM command not allowed*' refusal
	keys=$(ask DBSIZE)
	((keys > 1000 && keys < 5000)) || fail "$keys keys in 1 MiB"
	same $'OK\nOK' "$(ask FLUSHALL 'SET hot 1')" 'room again'
	stop TERM
	start -m 1 -e
	ask 'SET hot 1' >/dev/null
	for i in {1..20}; do
		sets 500 "b$i-" | "$client" "$port" | sort -u >"$tmp/got"
		same OK "$(<"$tmp/got")" 'sets that evict'
		same '"1"' "$(ask 'GET hot')" 'what is used stays'
	done
	(($(info used_memory) <= 1100000)) || fail "$(info used_memory) used"
	(($(info evicted_keys) > 5000)) || fail "$(info evicted_keys) evicted"
	ask FLUSHALL >/dev/null
	wait_until eval '(($(info used_memory) < 64))' ||
		fail "$(info used_memory) bytes leak"
	stop TERM
}

# All there is, in order.
dump()
{
	ask DBSIZE 'MGET s t "a b" long' 'LRANGE l 0 -1' 'HGET h f1' \
		'HGET h f99' 'HLEN h' 'EXISTS later' | tr '[] ' '\n' | sort
}

fill()
{
	ask 'SET s 1' 'SET t ""' 'SET "a b" "c\r\nd"' 'RPUSH l 1 2 3' \
		'SET later 1 EX 1000' 'SET now 1 PX 1' >/dev/null
	for i in {1..100}; do echo "HSET h f$i $i"; done | "$client" "$port" \
		>/dev/null
	echo "SET long $(printf %050000d 1)" | "$client" "$port" >/dev/null
	wait_until eval '[ "$(ask "EXISTS now")" = 0 ]'
}

snapshots_come_back()
{
	local before ttl

	start -s "$tmp/snap"
	fill
	before=$(dump)
	same OK "$(ask SAVE)" SAVE
	[ -s "$tmp/snap" ] || fail 'no file'
	stop KILL 2>/dev/null
	start -s "$tmp/snap"
	same "$before" "$(dump)" 'after SAVE and SIGKILL'
	ttl=$(ask 'TTL later')
	((ttl > 800 && ttl <= 1000)) || fail "TTL $ttl"
	ask 'SET more 1' >/dev/null
	before=$(dump)
	stop TERM
	same 0 "$status" 'exit code'
	start -s "$tmp/snap" -w 2
	same "$before" "$(dump)" 'after SIGTERM'
	same $'OK\nOK' "$(ask 'SET more 2' BGSAVE)" BGSAVE
	ask 'SET more 3' >/dev/null
	stop KILL 2>/dev/null
	start -s "$tmp/snap"
	same '"2"' "$(ask 'GET more')" 'after BGSAVE and SIGKILL'
	stop INT
	same "$(ls "$tmp"/snap*)" "$tmp/snap" 'files'
}

# The writer waits for somebody to read the pipe that is in its way.
a_snapshot_that_is_cut_changes_nothing()
{
	local before asks

	start -s "$tmp/cut"
	fill
	before=$(dump)
	same OK "$(ask SAVE)" SAVE
	mkfifo "$tmp/cut.tmp"
	ask 'SET more 1' BGSAVE >"$tmp/got" &
	asks=$!
	wait_until eval '[ "$(info rdb_bgsave_in_progress)" = 1 ]' ||
		fail 'it does not begin'
	matches "$(ask SAVE)" '-ERR *' 'another one'
	writer=$(pgrep -P "$server")
	kill -KILL "$writer"
	wait_until eval '[ "$(info rdb_bgsave_in_progress)" = 0 ]' ||
		fail 'its end is not seen'
	wait $asks
	matches "$(tail -n 1 "$tmp/got")" '-ERR *' 'what has failed'
	same PONG "$(ask PING)" 'the server'
	ask BGSAVE >/dev/null 2>&1 &
	asks=$!
	wait_until eval 'pgrep -P "$server" >/dev/null'
	writer=$(pgrep -P "$server")
	kill -KILL "$server" "$writer"
	writer=
	finish 2>/dev/null
	wait $asks
	rm "$tmp/cut.tmp"
	start -s "$tmp/cut"
	same "$before" "$(dump)" 'the old one'
	stop TERM
	# within a request, wherever its keys came to lie
	head -c -1 "$tmp/cut" >"$tmp/half"
	complains 'half a snapshot' -p 0 -s "$tmp/half"
	complains 'no snapshot' -p 0 -s "$program"
}

# opens N: connections, their descriptors in the array fds
opens()
{
	local i

	fds=()
	for ((i = 0; i < $1; i++)); do
		connect fd && fds+=("$fd")
	done
}

closes()
{
	local fd

	for fd in "${fds[@]}"; do
		exec {fd}>&-
	done
	fds=()
}

# Who is connected is served; who comes too late waits until somebody goes.
descriptors_run_out()
{
	local fds=() line own=$program

	program=$tmp/with_few
	printf '#!/bin/sh\nulimit -n 48\nexec %s "$@"\n' "$own" >"$program"
	chmod +x "$program"
	start
	opens 60
	printf 'PING\r\n' >&"${fds[0]}"
	read -r -t 20 line <&"${fds[0]}"
	same $'+PONG\r' "$line" 'the first'
	closes
	same PONG "$(ask PING)" 'and later'
	stop TERM
	same 0 "$status" 'exit code'
	program=$own
}

# Four at a time, each with its own keys and one for all.
workers_share_the_data()
{
	local workers i jobs

	for workers in 1 2 8; do
		start -w $workers
		jobs=()
		for i in 1 2 3 4; do
			seq 3000 | sed "s/.*/INCR all\nSET k$i-& &\nGET k$i-&\nRPUSH l &\nLPOP l\nHINCRBY h f 1\nEXPIRE k$i-& 100000/" |
				"$client" "$port" 5000 >"$tmp/got$i" &
			jobs+=($!)
		done
		wait "${jobs[@]}" || fail 'a client fails'
		same '"12000" "12000" 0 12002' "$(ask 'GET all' 'HGET h f' \
			'LLEN l' DBSIZE | paste -sd' ')" "$workers workers"
		same 3000 "$(grep -c '^OK$' "$tmp/got4")" 'one of them'
		stop TERM
		same 0 "$status" 'exit code'
	done
}

# What is large is freed by and by, to the last byte.
large_values_go()
{
	start
	seq 20000 | sed 's/.*/RPUSH l &\nHSET h f& &\nSET k& &/' |
		"$client" "$port" >"$tmp/got"
	same '["1" "20000"]' "$(ask 'LRANGE l 0 -1' | awk '{ print $1, $NF }')" \
		'first and last'
	same $'["10001"]\n20000' "$(ask 'LRANGE l 10000 10000' 'HLEN h')" \
		'middle'
	same 20002 "$(ask DBSIZE)" keys
	same $'1\n1\n1' "$(ask 'DEL l' 'UNLINK h' 'DEL k1')" DEL
	ask FLUSHALL >/dev/null
	wait_until eval '(($(info used_memory) < 64))' ||
		fail "$(info used_memory) bytes leak"
	stop TERM
}

bad_options_are_refused_in_a_line()
{
	complains port -p 70000
	complains address -b nowhere
	complains workers -w 0
	complains memory -m x
	complains argument a
	complains option -x
	start
	complains 'port in use' -p "$port"
	stop TERM
	matches "$("$program" -h)" 'usage: oa-cache *' help
}

run_tests replies_are_those_of_the_table redis_replies_the_same resp3 \
	redis_programs_work long_arguments_arrive_whole \
	broken_requests_are_refused half_a_line_keeps_no_others \
	time_ends_keys memory_has_a_limit \
	snapshots_come_back a_snapshot_that_is_cut_changes_nothing \
	descriptors_run_out workers_share_the_data \
	large_values_go bad_options_are_refused_in_a_line
