#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2119,SC2317
# What oa-httpd sends of the files below its root.
# shellcheck source=selftests/examples/httpd.bash
. "$(dirname "$(readlink -f "$0")")/httpd.bash"

mkdir -p "$root/dir/sub" "$root/with-index"
echo hello >"$root/hello.txt"
: >"$root/empty"
seq 200000 >"$root/numbers.csv"
head -c 300000 /dev/urandom >"$root/noise"
echo '<p>index' >"$root/with-index/index.html"
: >"$root/dir/a & <b>.html"
: >"$root/dir/.hidden"
mkfifo "$root/fifo"
echo secret >"$tmp/secret"
ln -s "$tmp/secret" "$root/absolute"
ln -s ../secret "$root/upwards"
ln -s ../.. "$root/dir/out"
ln -s hello.txt "$root/inside"
ln -s /proc/self/root/etc/passwd "$root/magic"
ln -s loop "$root/loop"
find "$root" -type f -exec touch -d '2 hours ago' {} +

files_arrive_byte_for_byte()
{
	local f

	for f in hello.txt empty numbers.csv noise; do
		get "$url$f" | cmp -s - "$root/$f" || fail "$f differs"
		# ... again, from the cache
		get "$url$f" | cmp -s - "$root/$f" || fail "$f differs (2)"
	done
}

types_follow_the_names()
{
	same 'text/plain; charset=utf-8' \
		"$(get -I "${url}hello.txt" | header content-type)" txt
	same 'text/csv; charset=utf-8' \
		"$(get -I "${url}numbers.csv" | header content-type)" csv
	same application/octet-stream \
		"$(get -I "${url}noise" | header content-type)" none
}

head_is_get_without_a_body()
{
	local drop='s/^Date:.*//'

	same "$(get -i "${url}hello.txt" | sed "$drop" | head -n -1)" \
		"$(get -I "${url}hello.txt" | sed "$drop")" headers
	same 404 "$(code -I "${url}missing")" missing
}

ranges()
{
	same ell "$(get -r 1-3 "${url}hello.txt")" first-last
	same llo "$(get -r 2- "${url}hello.txt")" first-
	same lo "$(get -r -3 "${url}hello.txt")" suffix
	same hello "$(get -r -99 "${url}hello.txt")" 'long suffix'
	same hello "$(get -r 0-99 "${url}hello.txt")" 'beyond the end'
	same 206 "$(code -r 1-3 "${url}hello.txt")" status
	same 'bytes 1-3/6' "$(get -i -r 1-3 "${url}hello.txt" |
		header content-range)" content-range
	same 416 "$(code -r 6- "${url}hello.txt")" outside
	same 416 "$(code -r 0- "${url}empty")" 'of nothing'
	same 'bytes */6' "$(get -i -r 6- "${url}hello.txt" |
		header content-range)" 'content-range of 416'
	same 200 "$(code -r 0-1,3-4 "${url}hello.txt")" several
	same 200 "$(code -H 'Range: bytes=3-1' "${url}hello.txt")" backwards
	same 200 "$(code -H 'Range: lines=1-2' "${url}hello.txt")" unit
	same 200 "$(code -I -r 1-3 "${url}hello.txt")" HEAD
	get -r 123456-250000 "${url}noise" |
		cmp -s - <(tail -c +123457 "$root/noise" | head -c 126545) ||
		fail "a part of a large file differs"
}

if_range_decides_between_part_and_whole()
{
	local h etag date

	h=$(get -I "${url}hello.txt")
	etag=$(header etag <<<"$h")
	date=$(header last-modified <<<"$h")
	same 206 "$(code -r 1-2 -H "If-Range: $etag" "${url}hello.txt")" etag
	same 206 "$(code -r 1-2 -H "If-Range: $date" "${url}hello.txt")" date
	same 200 "$(code -r 1-2 -H 'If-Range: "x"' "${url}hello.txt")" other
	same 200 "$(code -r 1-2 -H "If-Range: W/$etag" "${url}hello.txt")" weak
	same 200 "$(code -r 1-2 -H 'If-Range: Sun, 06 Nov 1994 08:49:37 GMT' \
		"${url}hello.txt")" 'other date'
}

conditions()
{
	local h etag date old='Sun, 06 Nov 1994 08:49:37 GMT' f

	f=${url}hello.txt
	h=$(get -I "$f")
	etag=$(header etag <<<"$h")
	date=$(header last-modified <<<"$h")
	same 304 "$(code -H "If-None-Match: $etag" "$f")" none-match
	same 304 "$(code -H "If-None-Match: \"a\", W/$etag" "$f")" list
	same 304 "$(code -H 'If-None-Match: *' "$f")" any
	same 200 "$(code -H 'If-None-Match: "a"' "$f")" other
	same 200 "$(code -H 'If-None-Match: "a"' \
		-H "If-Modified-Since: $date" "$f")" 'tag before date'
	same 304 "$(code -H "If-Modified-Since: $date" "$f")" since
	same 200 "$(code -H "If-Modified-Since: $old" "$f")" 'since long'
	same 200 "$(code -H 'If-Modified-Since: nonsense' "$f")" nonsense
	same 200 "$(code -H "If-Match: $etag" "$f")" match
	same 412 "$(code -H 'If-Match: "a"' "$f")" 'no match'
	same 412 "$(code -H "If-Match: W/$etag" "$f")" 'weak match'
	same 200 "$(code -H "If-Unmodified-Since: $date" "$f")" unmodified
	same 412 "$(code -H "If-Unmodified-Since: $old" "$f")" 'modified'
	same "$etag" "$(get -i -H "If-None-Match: $etag" "$f" | header etag)" \
		'tag of 304'
	same '' "$(get -H "If-None-Match: $etag" "$f")" 'body of 304'
}

a_directory_is_its_index_or_a_list()
{
	local page

	same '<p>index' "$(get "${url}with-index/")" index
	same 200 "$(code "${url}dir/")" list
	page=$(get "${url}dir/")
	matches "$page" '*href="a%20%26%20%3Cb%3E.html">a &amp; &lt;b&gt;.html<*' entry
	matches "$page" '*href="sub/">sub/<*' directory
	matches "$page" '*href="../"*' parent
	[[ $page != *hidden* ]] || fail "a hidden name is told"
	same 200 "$(code "${url}dir/a%20%26%20%3Cb%3E.html")" 'link of an entry'
	same 301 "$(code "${url}dir")" 'without the slash'
	same '/dir/?a=b' "$(get -i "${url}dir?a=b" | header location)" query
	same /dir/ "$(get -i --path-as-is "$url/dir" | header location)" \
		'two slashes in front'
}

what_cannot_be_sent()
{
	same 404 "$(code "${url}missing")" missing
	same 404 "$(code "${url}missing/")" 'missing directory'
	same 404 "$(code "${url}hello.txt/")" 'slash behind a file'
	same 404 "$(code "${url}$(printf 'n%.0s' {1..300})")" 'long name'
	same 403 "$(code "${url}fifo")" fifo
	same 403 "$(code "${url}loop")" loop
}

no_path_leaves_the_root()
{
	local p

	same hello "$(get "${url}inside")" 'a link inside'
	same hello "$(get --path-as-is "${url}dir/../hello.txt")" '.. inside'
	for p in ../secret %2e%2e/secret dir/../../secret ..%2fsecret \
		dir/%2E./.%2e/secret absolute upwards dir/out/secret magic \
		'%2e%2e%2f%2e%2e%2fetc/passwd' //etc/passwd /../etc/passwd \
		dir/out/../../etc/passwd; do
		matches "$(code "$url$p")" '40[034]' "$p"
	done
	same 400 "$(code "${url}a%00b")" 'zero byte'
	same 400 "$(code "${url}a%zz")" 'bad escape'
	same 400 "$(code "${url}a%4")" 'cut escape'
}

# becomes WHAT: what is sent of the file, after a second at most
becomes()
{
	says() { [ "$(get "${url}changing")" = "$1" ]; }
	wait_until says "$1" || fail "it did not become '$1'"
}

a_changed_file_is_noticed()
{
	local f=$root/changing

	echo one >"$f"
	becomes one
	echo two >"$f"
	becomes two
	# ... of the same size and age, in another file
	echo old >"$f"
	touch -d '1 hour ago' "$f"
	becomes old
	echo new >"$f.new"
	touch -d '1 hour ago' "$f.new"
	mv "$f.new" "$f"
	becomes new
	rm "$f"
	is_gone() { [ "$(code "${url}changing")" = 404 ]; }
	wait_until is_gone || fail "it is still sent when it is gone"
}

serve
run_tests files_arrive_byte_for_byte types_follow_the_names \
	head_is_get_without_a_body ranges if_range_decides_between_part_and_whole \
	conditions a_directory_is_its_index_or_a_list what_cannot_be_sent \
	no_path_leaves_the_root a_changed_file_is_noticed
