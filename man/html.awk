# SPDX-License-Identifier: MIT
# What mandoc's HTML of a page still lacks: a line to the index, and links.
#	awk -v self=oa_go.3 -f html.awk names page.html
# "names" has a line "name.section page.section" for each page and alias. A
# reference to a page of ours that does not exist is an error.
NR == FNR { page[$1] = $2; next }

function link(name, sect, text,   key) {
	key = name "." sect
	if (!(key in page)) {
		if (name ~ /^oa[_-]/ || name == "oa") {
			printf "%s: no page %s(%s)\n", self, name, sect \
				>"/dev/stderr"
			bad = 1
		}
		return text
	}
	if (page[key] == self)
		return text
	return "<a href=\"" page[key] ".html\">" text "</a>"
}

{
	rest = $0
	out = ""
	while (match(rest, /<b>[A-Za-z_][A-Za-z0-9_.-]*<\/b>\([1-8]\)/)) {
		text = substr(rest, RSTART, RLENGTH)
		name = text
		sub(/^<b>/, "", name)
		sub(/<\/b>.*$/, "", name)
		sect = substr(text, RLENGTH - 1, 1)
		out = out substr(rest, 1, RSTART - 1) link(name, sect, text)
		rest = substr(rest, RSTART + RLENGTH)
	}
	print out rest
}

/^<body>/ {
	print "<nav><a href=\"index.html\">liboa</a> " \
		"<a href=\"oa.7.html\">the way in</a> " \
		"<a href=\"oa_hazards.7.html\">hazards</a> " \
		"<a href=\"oa_design.7.html\">design</a></nav>"
}

END { exit bad }
