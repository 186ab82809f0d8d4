# SPDX-License-Identifier: MIT
# A mutex is shared without telling the worker that it was biased to.
# source: sync/mutex.c
# test: mutexes
/^__cold_path void mutex_share/,/^}/s/bias_end(.*/(void)0;/
