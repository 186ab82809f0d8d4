/* SPDX-License-Identifier: MIT */
/* What the environment asks for. See core/env.c. */
#ifndef OA_CORE_ENV_H
#define OA_CORE_ENV_H

#include <stdbool.h>

#include "core/poll.h"

/* Is @word one of the words, with commas between them, of the variable? */
bool env_lists(const char *name, const char *word);
/* What OA_WORKERS says, or 0. */
unsigned int env_workers(void);
/* A line for each word that means nothing: it is ignored. */
void env_complain(poll_tell *tell, void *arg);

#endif
