/* SPDX-License-Identifier: MIT */
/* Words shared with other processes. See uring/futex.c. */
#ifndef OA_URING_FUTEX_H
#define OA_URING_FUTEX_H

#include "core/poll.h"

extern const struct poll_words futex_words;

#endif
