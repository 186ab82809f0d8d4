/* SPDX-License-Identifier: MIT */
/* What becomes of runtimes in the child of fork(). See core/fork.c. */
#ifndef OA_CORE_FORK_H
#define OA_CORE_FORK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/compiler.h"

/* Is the caller in the frames of a task that called fork(), in the child? */
bool fork_was_in_task(void);
/* Such a task has returned: the child ends, without what its runtime would do. */
void fork_child_ends(void) __noreturn_fn;
/* Grows by one in each child. */
uint32_t fork_generation(void);
struct runtime;
/* Does @rt belong to the parent of this process? */
bool fork_stranded(const struct runtime *rt);
/* Installs the handlers, once. */
void fork_install(void);

#endif
