/* SPDX-License-Identifier: MIT */
/* liboa: virtual threads for Linux. See oa(7). */
#ifndef OA_H
#define OA_H

#include <oa/block.h>
#include <oa/chan.h>
#include <oa/coro.h>
#include <oa/deadline.h>
#include <oa/futex.h>
#include <oa/future.h>
#include <oa/inspect.h>
#include <oa/io.h>
#include <oa/job.h>
#include <oa/runtime.h>
#include <oa/scope.h>
#include <oa/select.h>
#include <oa/sync.h>
#include <oa/task.h>
#include <oa/types.h>
#include <oa/version.h>

#endif
