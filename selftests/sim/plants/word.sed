# SPDX-License-Identifier: MIT
# Who was woken on two words keeps both wakes.
# source: core/io_futex.c
# test: calls
s/s->by->wake(f->word, 1);/;/
