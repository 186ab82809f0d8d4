# SPDX-License-Identifier: MIT
# The lock is given up before the task is off its stack: who serves it finds no
# wait to end, and what it was to get is another's.
# source: core/park.c
# test: chans
/^void park_commit_locked/,/^}/{
	/bool asked = commit_unseen/i\
	spin_unlock(w->commit_lock);
}
