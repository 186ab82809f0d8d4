# SPDX-License-Identifier: MIT
# Prints the program of a page's section EXAMPLES, as C:
#	awk -f man/example.awk man/man3/oa_go.3
# It is the first .EX block there that has a main(). Exit status 1: none.
/^\.SH/ { examples = $2 == "EXAMPLES"; next }
!examples || found { next }
$0 == ".EX" { code = ""; inside = 1; next }
$0 == ".EE" {
	inside = 0
	if (code ~ /(^|\n)int main\(/) {
		printf "%s", code
		found = 1
	}
	next
}
inside {
	sub(/^\\&/, "")
	gsub(/\\\(aq/, "'")
	gsub(/\\\(ga/, "`")
	gsub(/\\\(ha/, "^")
	gsub(/\\\(ti/, "~")
	gsub(/\\-/, "-")
	gsub(/\\e/, "\\")
	code = code $0 "\n"
}
END { exit !found }
