/* SPDX-License-Identifier: MIT */
/* liboa: virtual threads for Linux. See oa(7). */
#ifndef OA_H
#define OA_H

#include <oa/coro.h>
#include <oa/deadline.h>
#include <oa/inspect.h>
#include <oa/io.h>
#include <oa/runtime.h>
#include <oa/task.h>
#include <oa/types.h>
#include <oa/version.h>

#endif
