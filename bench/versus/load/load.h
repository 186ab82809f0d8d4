/* SPDX-License-Identifier: MIT */
#ifndef OA_BENCH_VERSUS_LOAD_H
#define OA_BENCH_VERSUS_LOAD_H

#include "echo.h"

/* Connections, a byte to and fro on each; --conns of them at once. */
int accept_load(struct echo_load *l);

#endif
