# SPDX-License-Identifier: MIT
# An unlock is content with one waiter, even if he has given up.
# source: sync/mutex.c
# test: mutexes
/^static bool unlock_slow/,/^}/s/continue;/break;/
