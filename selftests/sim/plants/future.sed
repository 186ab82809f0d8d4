# SPDX-License-Identifier: MIT
# The value is written when those who wait for it have been woken.
# source: sync/future.c
# test: futures
/^static int publish/,/^}/{
/f->oa__value = value;/d
s/^	wakes_run(&wk);/&\n	f->oa__value = value;/
}
