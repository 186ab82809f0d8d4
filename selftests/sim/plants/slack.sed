# SPDX-License-Identifier: MIT
# Timers that come thick are put off for longer than they may be.
# source: core/slack.c
# test: sleeps
/^void slack_fired/,/^}/s/now + s->ns/now + 3 * s->ns/
