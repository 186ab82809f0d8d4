# SPDX-License-Identifier: MIT
# Who has filed a timer does not look at its task again.
# source: core/park.c
# test: sleeps
/^static void timer_file/,/^}/s/smp_mb(); .* the filing before the look .*/return;/
