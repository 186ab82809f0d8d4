#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# The programs of examples/walkthrough: what each prints, and what it must not
# print before its time, with one, two and eight workers.
# shellcheck source=selftests/examples/tap.bash
. "$(dirname "$(readlink -f "$0")")/tap.bash"

case $0 in
*.sh) build=build ;;
*) build=${0%/selftests/examples/*} ;;
esac
programs=$build/examples/walkthrough
[ -x "$programs/init" ] || skip_all "$programs has not been built"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' TERM INT HUP

counts='1 2 8'
all=(argument argument_copy backpressure_lossless backpressure_lossy barrier
	blocking chain chain_result channel channel_dropping channel_sliding
	channel_stop context context_new delay dispatch go init latch resource
	resource_lock resource_spinlock shutdown)

# now: hundredths of a second, in the variable $now
now()
{
	read -r now _ </proc/uptime
	now=$((10#${now/./}))
}

# Each line with the time that had gone by, at least, when it was printed.
watch()
{
	local start line now

	now
	start=$now
	# Most of them just sleep: what hangs is what this is for.
	OA_WORKERS=$2 timeout 120 "$programs/$1" 2>&1 |
		while IFS= read -r line; do
			case $line in
			# Of the library, on a slow machine.
			'liboa: task '*' has held '* | '    '*) continue ;;
			esac
			now
			printf '%d %s\n' $((now - start)) "$line"
		done >"$tmp/$1.$2"
	echo "${PIPESTATUS[0]}" >"$tmp/$1.$2.status"
}

# They sleep most of the time, so all of them do it together.
for workers in $counts; do
	for program in "${all[@]}"; do
		watch "$program" "$workers" &
	done
done
wait

# of PROGRAM CHECK: for each number of workers, with the lines in the array
# lines, when they came in times
of()
{
	local workers at line

	for workers in $counts; do
		lines=()
		times=()
		while read -r at line; do
			times+=("$at")
			lines+=("$line")
		done <"$tmp/$1.$workers"
		where="$1 with $workers workers"
		same 0 "$(<"$tmp/$1.$workers.status")" "$where: exit code"
		"$2"
	done
}

# prints LINE...: these and no others
prints()
{
	same "$(printf '%s\n' "$@")" "$(printf '%s\n' "${lines[@]}")" "$where"
}

# in_any_order LINE...: the same, in whatever order
in_any_order()
{
	same "$(printf '%s\n' "$@" | sort)" \
		"$(printf '%s\n' "${lines[@]}" | sort)" "$where"
}

# not_before SECONDS N...: the lines of these numbers, counted from 1
not_before()
{
	local seconds=$1 n

	shift
	for n; do
		# Both clocks were cut to hundredths.
		((${times[n - 1]:-0} >= seconds * 100 - 2)) ||
			fail "$where: '${lines[n - 1]}' came too soon:" \
				"after ${times[n - 1]}/100 s, not $seconds"
	done
}

# rising FIRST...: numbers, each greater than the one before
rising()
{
	local last=$1 n

	shift
	for n; do
		((n > last)) || fail "$where: $n after $last"
		last=$n
	done
}

check_init() { prints test; }
init() { of init check_init; }

check_go() { prints core hi; }
go() { of go check_go; }

check_argument() { prints hi; }
argument()
{
	of argument check_argument
	of argument_copy check_argument
}

# Two at once: the third cannot be done before two seconds.
check_blocking()
{
	local i

	same test "${lines[0]}" "$where: first line"
	same 'done' "${lines[5]}" "$where: last line"
	in_any_order test 'done' 'done' 'done' 'done' meanwhile
	i=1
	[ "${lines[1]}" = meanwhile ] && i=2
	not_before 1 $((i + 1))
	not_before 2 5 6
}
blocking() { of blocking check_blocking; }

check_delay()
{
	local i expected=(started)

	for i in {0..20}; do
		expected+=("done! $i")
	done
	same started "${lines[0]}" "$where: first line"
	in_any_order "${expected[@]}"
	not_before 5 {2..22}
}
delay() { of delay check_delay; }

check_dispatch() { prints hi; }
dispatch() { of dispatch check_dispatch; }

check_shutdown()
{
	in_any_order 'core ends' 'never ran' 'ran 1, dropped 1' 'too late'
	same 'ran 1, dropped 1' "${lines[3]}" "$where: last line"
}
shutdown() { of shutdown check_shutdown; }

check_context() { prints mine; }
check_context_new() { prints 0; }
context()
{
	of context check_context
	of context_new check_context_new
}

# The second time tells that the second has waited for the first.
check_resource()
{
	if [ "${lines[1]}" = 'first acquire' ]; then
		prints started {first,second}\ {acquire,release}
	else
		prints started {second,first}\ {acquire,release}
	fi
	not_before 3 3 4
	not_before 6 5
}
resource() { of resource check_resource; }

check_resource_lock()
{
	prints started 'acquiring task done' 'acquiring task done'
	not_before 1 2
	not_before 2 3
}
resource_in_mid_task()
{
	of resource_spinlock check_resource_lock
	of resource_lock check_resource_lock
}

check_lossy()
{
	in_any_order 1 2 3 'no 4' 'no 5'
	same 'no 4 no 5' "${lines[*]:0:2}" "$where: first lines"
	not_before 3 3 4 5
}
backpressure_lossy() { of backpressure_lossy check_lossy; }

check_lossless()
{
	in_any_order 1 2 3 4 5
	not_before 3 1 2 3
	not_before 6 4 5
}
backpressure_lossless() { of backpressure_lossless check_lossless; }

check_latch()
{
	prints started 'done!' 'done!' 'done!'
	not_before 4 2 3
	not_before 10 4
}
latch() { of latch check_latch; }

check_barrier()
{
	prints started 'done!' 'done!' 'done!' 'done!'
	not_before 1 2 3
	not_before 3 4 5
}
barrier() { of barrier check_barrier; }

check_channel() { prints 1 2 3; }
channel() { of channel check_channel; }

# What is printed and what is dropped are ten; one may be taken in time.
check_kept()
{
	local numbers=() dropped='' line

	for line in "${lines[@]}"; do
		case $line in
		dropped\ *) dropped=${line#dropped } ;;
		*) numbers+=("$line") ;;
		esac
	done
	rising 0 "${numbers[@]}"
	same 10 $((dropped + ${#numbers[@]})) "$where: printed and dropped"
	((dropped > 0)) || fail "$where: none was dropped"
	# Each takes its second.
	not_before $((${#numbers[@]})) ${#lines[@]}
	kept=${numbers[*]}
}
check_sliding()
{
	check_kept
	matches "$kept" '*9 10' "$where: the last two"
}
check_dropping()
{
	check_kept
	matches "$kept" '1 2*' "$where: the first two"
}
channel_sliding() { of channel_sliding check_sliding; }
channel_dropping() { of channel_dropping check_dropping; }

check_stop() { prints '4: Broken pipe' 1; }
channel_stop() { of channel_stop check_stop; }

check_chain()
{
	local chained='chained resource acquiring task done'

	prints started "$chained" "$chained" "$chained" \
		'single resource acquiring task done'
	not_before 3 4 5
}
check_chain_result() { prints 40; }
chain()
{
	of chain check_chain
	of chain_result check_chain_result
}

run_tests init go argument blocking delay dispatch shutdown context resource \
	resource_in_mid_task backpressure_lossy backpressure_lossless latch \
	barrier channel channel_sliding channel_dropping channel_stop chain
