# SPDX-License-Identifier: MIT
# Two columns out of the lines "#? name<tabs>what it does" of the makefiles; of
# two for the same name the later one holds.
/^#\? / {
	line = $0
	sub(/^#\? /, "", line)
	name = line
	sub(/\t.*/, "", name)
	sub(/^[^\t]*\t+/, "", line)
	if (!(name in text))
		order[++n] = name
	text[name] = line
}

function list(vars,	i) {
	for (i = 1; i <= n; i++)
		if ((order[i] ~ /=/) == vars)
			printf "  %-18s %s\n", order[i], text[order[i]]
}

END {
	print "Targets:"
	list(0)
	print "\nVariables:"
	list(1)
}
