/* SPDX-License-Identifier: MIT */
/* Task bodies in C++; the tests themselves are C. */
#ifndef OA_SELFTESTS_CPP_BODIES_H
#define OA_SELFTESTS_CPP_BODIES_H

#include <oa.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A body's argument: how often, and what went wrong. */
struct cxx_run {
	long number;
	int rounds;
	int bad;		/* checks that failed */
	int line;		/* of the first */
};

/* Throws, suspends in the handler, looks whether it is still its own. */
void *cxx_catches(void *run);
/* Handlers within handlers. */
void *cxx_nests(void *run);
void *cxx_rethrows(void *run);
/* Destructors that suspend while an exception passes. */
void *cxx_unwinds(void *run);
/* exception_ptr to another task, thrown there. */
void *cxx_hands_over(void *run);
/* Through oa_call_grown() and coroutines. */
void *cxx_grows(void *run);
void *cxx_resumes(void *run);
/* Sees nothing of what others catch. */
void *cxx_sees_none(void *run);
/* Ends in the midst of a handler, of a destructor. */
void *cxx_exits(void *run);
void *cxx_exits_unwinding(void *run);
/* By the cases that have their value in a union. */
void *cxx_selects(void *run);
/* Through the cleanup of OA_WITHIN. */
void *cxx_leaves_blocks(void *run);

/* Calls fn(arg) while an exception is being handled; bad checks. */
int cxx_in_handler(int (*fn)(void *arg), void *arg);

/* Throws and does not catch. */
void *cxx_throws(void *arg);
void *cxx_throws_in_coroutine(void *arg);
void *cxx_throws_grown(void *arg);

/* fn(arg), by way of C that counts in *@cleaned when it is left. */
void *through_c(void *(*fn)(void *), void *arg, int *cleaned);

/* What initialisers are in C++. */
struct cxx_init {
	const char *name;
	const void *value;
	size_t size;
};
extern const struct cxx_init cxx_inits[];

#ifdef __cplusplus
}
#endif

#endif
