/* SPDX-License-Identifier: MIT */
/*
 * The exceptions that a stack has caught or is unwinding for. The C++ runtime
 * keeps them per thread, so a stack that suspends inside a catch block or a
 * destructor has to take them along. Without a C++ runtime in the process
 * there is nothing to do; the library itself needs none.
 */
#ifndef OA_ARCH_CXX_H
#define OA_ARCH_CXX_H

#include "core/compiler.h"

/* __cxa_eh_globals of the Itanium C++ ABI; all-zero: no exceptions. */
struct cxx_state {
	void *caught;
	unsigned int uncaught;
};

extern struct cxx_state *__cxa_get_globals(void) __attribute__((weak));

__always_inline_oa int cxx_present(void)
{
	return unlikely(__cxa_get_globals != NULL);
}

static inline int cxx_busy(const struct cxx_state *now)
{
	return now->caught || now->uncaught;
}

/* The thread has none from here on; NULL: there is no C++ runtime. */
static inline struct cxx_state *cxx_lay_aside(struct cxx_state *held)
{
	struct cxx_state *now;

	if (!cxx_present())
		return NULL;
	now = __cxa_get_globals();
	*held = *now;
	*now = (struct cxx_state){ 0 };
	return now;
}

/* What was laid aside is the thread's again. */
static inline void cxx_take_up(const struct cxx_state *held)
{
	if (cxx_present())
		*__cxa_get_globals() = *held;
}

/* The thread's state becomes @in, what it was goes to @out. */
static inline void cxx_state_swap(struct cxx_state *out,
				  const struct cxx_state *in)
{
	struct cxx_state *now = __cxa_get_globals();
	struct cxx_state next = *in;

	*out = *now;
	*now = next;
}

#endif
