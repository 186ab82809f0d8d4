# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the tests of oa-httpd share: sourced. A server of their own, with files
# of their own, in a folder that goes away.

# shellcheck source=selftests/examples/server.bash
. "${BASH_SOURCE[0]%/*}/server.bash"

needs oa-httpd
command -v curl >/dev/null || skip_all "curl is not installed"
root=$tmp/root
mkdir "$root"

# serve OPTION...: as start, the files below $root
serve()
{
	start "$@" "$root"
}

get()
{
	curl -s --max-time 60 "$@"
}

# code ARGUMENT...: the status that curl is answered with
code()
{
	get -o /dev/null -w '%{http_code}' --path-as-is "$@"
}

# header NAME <HEADERS: its value
header()
{
	tr -d '\r' | sed -n "s/^$1: //Ip" | head -1
}

# answers FD: all that comes until the server closes
answers()
{
	timeout 60 cat <&"$1" | tr -d '\r'
}

# raw: sends standard input on a connection of its own, prints the answers
raw()
{
	local fd

	connect fd
	cat >&"$fd"
	answers "$fd"
	exec {fd}>&-
}

# statuses <ANSWERS: the numbers, in one line
statuses()
{
	sed -n 's,^HTTP/1.1 \([0-9]*\) .*,\1,p' | paste -sd' '
}
