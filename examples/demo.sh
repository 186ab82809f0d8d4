#!/bin/bash
# SPDX-License-Identifier: MIT
# Serve the manual with oa-httpd and load it for some seconds.
# usage: demo.sh BUILD-DIR
set -u

build=$1
html=$build/man/html
httpd=$build/examples/oa-httpd
seconds=${SECONDS_OF_LOAD:-5}
connections=64

die()
{
	echo "demo: $*" >&2
	exit 1
}

for tool in curl wrk; do
	command -v $tool >/dev/null ||
		die "$tool is not installed: scripts/setup installs it"
done
[ -d "$html" ] || die "$html is missing: make man renders it"
page=index.html
[ -e "$html/$page" ] ||
	page=$(cd "$html" && find . -name '*.html' | sort | sed -n '1s,^\./,,p')
[ "$page" ] || die "there is no page in $html"

tmp=$(mktemp -d)
server=
clean_up()
{
	[ -z "$server" ] || kill -KILL "$server" 2>/dev/null
	rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

mkfifo "$tmp/says"
"$httpd" -p 0 --stats "$html" >"$tmp/says" &
server=$!
exec {says}<"$tmp/says"
read -r _ _ url <&"$says" || die "oa-httpd did not start"
echo "The manual is served at $url"

curl -sf --max-time 10 -o "$tmp/page" "$url$page" || die "curl cannot fetch $page"
cmp -s "$tmp/page" "$html/$page" || die "$page is not what is on the disk"
echo "curl got $page: the $(stat -c %s "$html/$page") bytes that are on the disk"

echo "$connections connections load it for $seconds seconds ..."
wrk -t 2 -c $connections -d "$seconds" --latency "$url$page" >"$tmp/wrk" ||
	die "wrk failed"
cat <<EOF

Requests per second  $(sed -n 's,^Requests/sec: *,,p' "$tmp/wrk")
Latency          50% $(awk '$1 == "50%" { print $2 }' "$tmp/wrk")
                 99% $(awk '$1 == "99%" { print $2 }' "$tmp/wrk")

EOF
grep -E 'Socket errors|Non-2xx' "$tmp/wrk" && die "not every request went well"

kill -TERM $server
cat <&"$says"
wait $server
status=$?
server=
[ $status = 0 ] || die "oa-httpd ended with $status"
echo
echo "oa-httpd has ended by itself. To look around in the manual:"
echo "  $httpd -p 8080 $html"
