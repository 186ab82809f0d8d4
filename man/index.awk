# SPDX-License-Identifier: MIT
# index.html out of the pages' NAME sections.
#	awk -v version=0.1.0 -f index.awk index.list page...
# index.list orders the pages under headings; who is not in it comes last.
FNR == 1 { file = FILENAME; sub(/.*\//, "", file); inside = 0; nfiles++ }

nfiles == 1 {
	if (/^##/)
		next
	if (sub(/^# /, ""))
		head[++n] = $0
	else if (NF)
		item[++n] = $1
	next
}

FNR == 1 { pages[++npages] = file }
/^\.SH/ { inside = $2 == "NAME"; next }
inside && !/^\.\\"/ { text[file] = text[file] (file in text ? " " : "") $0 }

function entry(file,   names, what, i) {
	if (heading != "") {
		print (open ? "</dl>\n" : "") "<h1>" heading "</h1>"
		print "<dl class=\"index\">"
		open = 1
		heading = ""
	}
	done[file] = 1
	i = index(text[file], "\\-")
	names = substr(text[file], 1, i - 1)
	what = substr(text[file], i + 2)
	gsub(/\\/, "", what)
	gsub(/^ +| +$/, "", names)
	sub(/^ +/, "", what)
	printf "<dt><a href=\"%s.html\">%s</a></dt><dd>%s</dd>\n", file,
		names, what
}

END {
	print "<!DOCTYPE html>\n<html lang=\"en\">\n<head>"
	print "<meta charset=\"utf-8\"/>"
	print "<meta name=\"viewport\" content=\"width=device-width\"/>"
	print "<link rel=\"stylesheet\" href=\"style.css\"/>"
	print "<title>liboa manual</title>\n</head>\n<body>"
	print "<nav>liboa " version "</nav>"
	for (i = 1; i <= n; i++) {
		if (i in head)
			heading = head[i]
		else if (item[i] in text)
			entry(item[i])
	}
	heading = "More"
	for (i = 1; i <= npages; i++)
		if (!(pages[i] in done))
			entry(pages[i])
	print (open ? "</dl>\n" : "") "</body>\n</html>"
}
