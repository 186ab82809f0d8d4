#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317
# `make install`, and what another project gets of it.
here=$(dirname "$(readlink -f "$0")")
top=${here%/selftests/install}
# shellcheck source=selftests/examples/tap.bash
. "$top/selftests/examples/tap.bash"

# Called by its name in the build folder, or from the tree for its own build.
case $0 in
*.sh) build=$top/build ;;
*) build=$(realpath "${0%/selftests/install/*}") ;;
esac
[ -e "$build/liboa.so" ] || skip_all "$build/liboa.so has not been built"
command -v pkg-config >/dev/null || skip_all 'no pkg-config'
cc=$(sed -n 's/^feature_key := \([^ ]*\).*/\1/p' "$build/config.mk")

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' TERM INT HUP
strict=(-Wall -Wextra -Werror)

# make_ GOAL VARIABLE=...: of what has been built, however that was
make_()
{
	local f old=()

	for f in config.mk liboa.a liboa.so; do
		old+=(-o "$build/$f")
	done
	# The make that runs the tests has its jobs and variables in there.
	MAKEFLAGS='' MAKELEVEL='' make -s -C "$top" O="$build" "${old[@]}" "$@" \
		>"$tmp/make" 2>&1 || fail "make $*: $(tail -n 5 "$tmp/make")"
}

# builds WHAT COMMAND...
builds()
{
	local what=$1

	shift
	"$@" >"$tmp/errors" 2>&1 || fail "$what: $(head -n 5 "$tmp/errors")"
}

# runs EXPECTED PROGRAM
runs()
{
	local got

	got=$(timeout 60 "$2" 2>&1) || fail "$2: exit code $?"
	same "$1" "$got" "$2"
}

# The program of README.md, which a newcomer copies from there.
readme_program()
{
	awk '/^## / { on = $0 ~ /first program/ }
		on && /^    / { seen = 1; print substr($0, 5); next }
		on && seen && /^$/ { print; next }
		on && seen { exit }' "$top/README.md" >"$tmp/first.c"
}

# in_prefix COMMAND...: as README.md tells those with a prefix of their own
in_prefix()
{
	PKG_CONFIG_PATH=$tmp/own/lib/pkgconfig LD_LIBRARY_PATH=$tmp/own/lib "$@"
}

flags()
{
	in_prefix pkg-config "$@" liboa
}

everything_is_in_its_place()
{
	local f missing

	# Staged, as a package is built, and then moved to where it belongs.
	make_ install DESTDIR="$tmp/stage" prefix="$tmp/own"
	same '' "$(grep -rlF "$tmp/stage" "$tmp/stage")" 'files that name the stage'
	same own "$(ls "$tmp/stage$tmp")" 'beside the prefix'
	mv "$tmp/stage$tmp/own" "$tmp/own"
	for f in lib/liboa.a lib/liboa.so lib/pkgconfig/liboa.pc include/oa.h \
		include/oa/types.h share/man/man3/oa_go.3 share/man/man3/oa_spawn.3 \
		share/man/man7/oa.7 share/liboa/gdb/oa.py; do
		[ -r "$tmp/own/$f" ] || fail "no $f"
	done
	missing=$(find "$tmp/own" -xtype l)
	same '' "$missing" 'links that lead nowhere'
	missing=$(find "$tmp/own" -type f ! -perm -444)
	same '' "$missing" 'not readable by all'
	same "$(cat "$top/VERSION")" "$(flags --modversion)" 'version'
}

# leads_nowhere: what the installed pages refer to, and is not among them
leads_nowhere()
{
	local page

	sed -n 's/^\.[BI]R \(\(lib\)\?oa[A-Za-z0-9_\\-]*\) (\([0-9]\)).*/\1.\3/p' \
		"$tmp"/own/share/man/man?/* | sort -u |
		while read -r page; do
			page=${page//\\/}
			[ -e "$tmp/own/share/man/man${page##*.}/$page" ] ||
				echo "$page"
		done
}

the_manual_is_that_of_what_is_there()
{
	same 'man3 man7' "$(cd "$tmp/own/share/man" && echo *)" sections
	same '' "$(leads_nowhere)" 'references'
}

the_first_program_of_the_readme()
{
	local words

	readme_program
	read -ra words <<<"$(flags --cflags --libs)"
	builds dynamic in_prefix "$cc" "${strict[@]}" "$tmp/first.c" \
		-o "$tmp/first" "${words[@]}"
	in_prefix runs 499500 "$tmp/first"
	read -ra words <<<"$(flags --cflags --libs --static)"
	builds static "$cc" -static "${strict[@]}" "$tmp/first.c" \
		-o "$tmp/first-static" "${words[@]}"
	runs 499500 "$tmp/first-static"
	# Strictly C11, too.
	read -ra words <<<"$(flags --cflags)"
	builds c11 "$cc" -std=c11 -Wpedantic "${strict[@]}" -fsyntax-only \
		"$tmp/first.c" "${words[@]}"
}

a_program_in_cxx()
{
	local words cxx h n=0

	for cxx in g++ clang++; do
		command -v $cxx >/dev/null || continue
		n=$((n + 1))
		read -ra words <<<"$(flags --cflags --libs)"
		builds "plain.cc by $cxx" in_prefix $cxx -std=c++17 -Wpedantic \
			"${strict[@]}" "$here/plain.cc" -o "$tmp/$cxx" "${words[@]}"
		in_prefix runs '' "$tmp/$cxx"
		for h in "$tmp"/own/include/oa/*.h; do
			echo "#include <oa/${h##*/}>"
		done | tac >"$tmp/all.cc"
		read -ra words <<<"$(flags --cflags)"
		builds "headers by $cxx" $cxx -std=c++17 -Wpedantic \
			"${strict[@]}" -fsyntax-only "$tmp/all.cc" "${words[@]}"
	done
	[ $n -gt 0 ] || echo '# no C++ compiler'
}

it_can_be_moved()
{
	local words

	mv "$tmp/own" "$tmp/moved"
	read -ra words <<<"$(PKG_CONFIG_PATH=$tmp/moved/lib/pkgconfig pkg-config \
		--define-variable=prefix="$tmp/moved" --cflags --libs liboa)"
	builds moved "$cc" "$tmp/first.c" -o "$tmp/first-moved" "${words[@]}"
	LD_LIBRARY_PATH=$tmp/moved/lib runs 499500 "$tmp/first-moved"
	mv "$tmp/moved" "$tmp/own"
}

uninstall_leaves_nothing()
{
	make_ uninstall prefix="$tmp/own"
	same '' "$(find "$tmp/own" ! -type d)" 'left behind'
}

run_tests everything_is_in_its_place the_manual_is_that_of_what_is_there \
	the_first_program_of_the_readme a_program_in_cxx \
	it_can_be_moved uninstall_leaves_nothing
