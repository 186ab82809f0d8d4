#!/bin/bash
# SPDX-License-Identifier: MIT
# Proof that the simulator finds bugs: each of plants/*.sed breaks one source
# of the library; the test it names, linked with that, has to fail within its
# ordinary number of seeds, and to say at which.
# usage: plants.sh build-dir "compiler and flags" "objects, flags to link"
# TEST_JOBS=2 says how many at once.
set -u

built=$1
read -ra compile <<<"$2"
read -ra link <<<"$3"
here=selftests/sim

# grown PLANT: whether it was found, in a line
grown() {
	local plant=$1 name source test dir seed

	name=$(basename "$plant" .sed)
	source=$(sed -n 's/^# source: //p' "$plant")
	test=$(sed -n 's/^# test: //p' "$plant")
	dir=$built/plants/$name
	mkdir -p "$dir"
	sed -f "$plant" "$source" >"$dir/$(basename "$source")"
	if cmp -s "$source" "$dir/$(basename "$source")"; then
		echo "not ok $name: it changes nothing in $source any more"
		return
	fi
	if ! "${compile[@]}" -w -c -o "$dir/planted.o" "$dir/$(basename "$source")" ||
	   ! "${compile[@]}" -o "$dir/$test" "$dir/planted.o" \
		"$built/obj/$here/$test.o" "${link[@]}"; then
		echo "not ok $name: it does not compile"
		return
	fi
	"$dir/$test" >"$dir/log" 2>&1
	seed=$(sed -n 's/.*\(SEED=[0-9]* .*\)/\1/p' "$dir/log" | head -n 1)
	if [ -n "$seed" ]; then echo "ok $name: found at $seed"
	else echo "not ok $name: $test did not find it"
	fi
}

if [ $# -gt 3 ]; then
	grown "$4"
	exit
fi
report=$built/plants/report
mkdir -p "$built/plants"
printf '%s\0' "$here"/plants/*.sed |
	xargs -0 -n 1 -P "${TEST_JOBS:-2}" "$0" "$1" "$2" "$3" | tee "$report"
passed=$(grep -c '^ok ' "$report")
failed=$(($(find "$here"/plants -name '*.sed' | wc -l) - passed))
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
