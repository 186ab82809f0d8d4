// SPDX-License-Identifier: MIT
/*
 * Exceptions that nobody catches. An unwinder first looks for a handler, frame
 * by frame, and undoes nothing; it asks the personality routine of each. That
 * of the outermost has none to offer, but knows what this means: the language
 * ends the program where the exception was thrown, with all frames in place.
 */
#include <unwind.h>

#include "arch/arch.h"

_Unwind_Reason_Code
arch_bottom(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
	    struct _Unwind_Exception *e, struct _Unwind_Context *uc)
	__hidden_symbol;

static void (*uncaught)(void);

void arch_set_uncaught(void (*tell)(void))
{
	/* relaxed: a constant */
	__atomic_store_n(&uncaught, tell, __ATOMIC_RELAXED);
}

_Unwind_Reason_Code
arch_bottom(int version, _Unwind_Action actions, _Unwind_Exception_Class class,
	    struct _Unwind_Exception *e, struct _Unwind_Context *uc)
{
	/* relaxed: see arch_set_uncaught() */
	void (*tell)(void) = __atomic_load_n(&uncaught, __ATOMIC_RELAXED);

	(void)version, (void)class, (void)e, (void)uc;
	if (tell && actions & _UA_SEARCH_PHASE)
		tell();
	return _URC_CONTINUE_UNWIND;
}
