#!/bin/sh
# SPDX-License-Identifier: MIT
# The pages as HTML, linked to each other:
#	render.sh version folder page...
# A page that is a symbolic link becomes a second name of its page's file.
set -eu

version=$1 out=$2
shift 2
here=$(dirname "$0")
pages='' names=$out.names raw=$out.raw
trap 'rm -f "$names" "$raw"' EXIT

rm -rf "$out"
mkdir -p "$out"
for p; do
	[ -L "$p" ] || pages="$pages $p"
	real=$(readlink -f "$p")
	echo "${p##*/} ${real##*/}"
done >"$names"

for p in $pages; do
	page=${p##*/}
	"${MANDOC:-mandoc}" -Thtml -O style=style.css "$p" >"$raw"
	awk -v self="$page" -f "$here/html.awk" "$names" "$raw" \
		>"$out/$page.html"
done
while read -r name page; do
	[ "$name" = "$page" ] || ln -f "$out/$page.html" "$out/$name.html"
done <"$names"
# shellcheck disable=SC2086
awk -v version="$version" -f "$here/index.awk" "$here/index.list" $pages \
	>"$out/index.html"
cp "$here/style.css" "$out/"
