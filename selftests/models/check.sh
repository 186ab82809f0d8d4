#!/bin/bash
# SPDX-License-Identifier: MIT
# Check the models of selftests/models with spin, as the file `runs` says.
# usage: check.sh build-dir all|quick [pattern], pattern: only such runs
set -u

out=$1
which=$2
pattern=${3-}
here=selftests/models
bound_mb=1900
bound_s=180
model_optimize=${model_optimize:--O1}

# verify LINE: one run; says how it went.
verify() {
	local model defines name dir log
	read -r model defines <<<"$1"
	name=$1
	dir=$out/${1// /,}
	log=$dir/log
	rm -rf "$dir"
	mkdir -p "$dir"
	# shellcheck disable=SC2086 # defines are words
	set -- $defines
	local source=$PWD/$here/$model.pml optimize=$model_optimize
	# What is found soon is not worth the compiler's time.
	[[ $name != *BROKEN=* ]] || optimize=-O0
	(
		cd "$dir" &&
		spin -a "${@/#/-D}" "$source" &&
		"${HOSTCC:-gcc}" -w "$optimize" -DSAFETY -DMEMLIM=$bound_mb -o pan pan.c
	) >"$log" 2>&1 || {
		echo "not ok $name: it does not compile, see $log"
		return
	}
	(
		cd "$dir" &&
		ulimit -v $((2048 * 1024)) &&
		timeout $bound_s ./pan -w23
	) >>"$log" 2>&1
	judge "$name" "$log" $?
	rm -f "$dir"/pan*
}

# The verifier's exit status does not tell; what it writes does.
judge() {
	local name=$1 log=$2 status=$3 states
	states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$log")
	if [ "$status" -ne 0 ]; then
		echo "not ok $name: the verifier ended with $status, see $log"
	elif grep -q 'max search depth too small\|reached -DMEMLIM\|out of memory' \
			"$log"; then
		echo "not ok $name: not all of it was searched, see $log"
	elif [[ $name == *BROKEN=* ]]; then
		if grep -q '^pan:1: \(assertion violated\|invalid end state\)' "$log"
		then echo "ok $name: $(sed -n 's/^pan:1: \([a-z ]*[a-z]\).*/\1/p' "$log")"
		else echo "not ok $name: what is broken was not found, see $log"
		fi
	elif grep -q 'Search not completed' "$log" ||
			! grep -q 'errors: 0$' "$log" ||
			! grep -q '^Full statespace search for' "$log"; then
		echo "not ok $name: $(grep -m 1 '^pan:1:' "$log"), see $log"
	else
		echo "ok $name: $states states"
	fi
}

# Each BROKEN=n that the head of a model names has to be tried.
untried() {
	local file model n
	for file in "$here"/*.pml; do
		model=$(basename "$file" .pml)
		grep -Eqx "(\+ )?$model( .*)?" "$here/runs" ||
			echo "not ok $model: not in $here/runs"
		sed -n 's/^ \* BROKEN=\([0-9]*\).*/\1/p' "$file" | while read -r n; do
			grep -Eqx "(\+ )?$model( .*)? BROKEN=$n" "$here/runs" ||
				echo "not ok $model BROKEN=$n: not in $here/runs"
		done
	done
}

if [ "$which" = one ]; then
	verify "$pattern"
	exit
fi
if ! command -v spin >/dev/null; then
	echo '  SKIP    models: no spin'
	echo '0 passed, 0 failed, 1 skipped'
	exit
fi

not='^#\|^$'
# That each model can fail is seen by one error; the others are for `all`.
[ "$which" = all ] || {
	not+='\|^+\|BROKEN=\([2-9]\|1[0-9]\)'
	export model_optimize=-O0
}
runs=$(grep -v "$not" "$here/runs" | sed 's/^+ //' | grep -e "$pattern")
mkdir -p "$out"
{
	untried
	tr '\n' '\0' <<<"$runs" | xargs -0 -r -n 1 -P "${MODEL_JOBS:-2}" \
		"$0" "$out" one
} | tee "$out/report"
passed=$(grep -c '^ok ' "$out/report")
failed=$(grep -c '^not ok ' "$out/report")
wanted=$(grep -c . <<<"$runs")
if [ $((passed + failed)) -lt "$wanted" ]; then
	echo "not ok: $((wanted - passed - failed)) runs said nothing"
	failed=$((failed + wanted - passed - failed))
fi
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
