#!/bin/bash
# SPDX-License-Identifier: MIT
# Proof that the simulator finds bugs: each of plants/*.sed breaks one source
# of the library; the test it names, linked with that, has to fail within its
# ordinary number of seeds, and to say at which.
# usage: plants.sh build-dir "compiler and flags" "objects, flags to link"
set -u

built=$1
read -ra compile <<<"$2"
read -ra link <<<"$3"
here=selftests/sim
passed=0
failed=0

fail() {
	echo "not ok $name: $1"
	failed=$((failed + 1))
}

field() {
	sed -n "s/^# $1: //p" "$plant"
}

for plant in "$here"/plants/*.sed; do
	name=$(basename "$plant" .sed)
	source=$(field source)
	test=$(field test)
	dir=$built/plants/$name
	mkdir -p "$dir"
	sed -f "$plant" "$source" >"$dir/$(basename "$source")"
	if cmp -s "$source" "$dir/$(basename "$source")"; then
		fail "it changes nothing in $source any more"
		continue
	fi
	if ! "${compile[@]}" -w -c -o "$dir/planted.o" "$dir/$(basename "$source")" ||
	   ! "${compile[@]}" -o "$dir/$test" "$dir/planted.o" \
		"$built/obj/$here/$test.o" "${link[@]}"; then
		fail "it does not compile"
		continue
	fi
	"$dir/$test" >"$dir/log" 2>&1
	seed=$(sed -n 's/.*\(SEED=[0-9]* .*\)/\1/p' "$dir/log" | head -n 1)
	if [ -n "$seed" ]; then
		echo "ok $name: found at $seed"
		passed=$((passed + 1))
	else
		fail "$test did not find it"
	fi
done
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
