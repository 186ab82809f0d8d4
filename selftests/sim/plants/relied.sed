# SPDX-License-Identifier: MIT
# Who has the token and finds nobody to wake gives it up and does not look for
# what came meanwhile from somebody who relied on the token. (He is slow to do
# it, or it would take a hundred thousand seeds.)
# source: core/idle.c
# test: prepared
/^void idle_need_help/,/^}/{
s/while (still_needed(rt));/while (0);/
s/^\t\ttoken_give(rt, token);/for (int i = 0; i < 500; i++) (void)atomic_load(\&rt->searcher);\n&/
}
