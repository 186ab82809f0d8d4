/* SPDX-License-Identifier: MIT */
/* Owners of a tasks::task; the tests themselves are C. */
#ifndef OA_SELFTESTS_EXAMPLES_CPP_BODIES_H
#define OA_SELFTESTS_EXAMPLES_CPP_BODIES_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of a body, which takes its time when it is cancelled. */
struct life {
	bool began, ended;
	bool freed, freed_early;	/* what it is a call of */
};

/* Until they are cancelled; with what that leaves undone they end. */
void *cpp_sleeps(void *life);
void *cpp_gets(void *life);
/* When the body has begun, its time is over. */
void *cpp_is_late(void *life);

#ifdef __cplusplus
}
#endif

#endif
