/* SPDX-License-Identifier: MIT */
/* A broken invariant ends the process, saying which one. */
#ifndef OA_CORE_BUG_H
#define OA_CORE_BUG_H

#include "core/compiler.h"

void oa_bug_at(const char *file, int line, const char *what)
	__noreturn_fn __cold_path;

#define OA_BUG(what)	oa_bug_at(__FILE__, __LINE__, (what))
#define OA_BUG_ON(cond) \
	do { \
		if (unlikely(cond)) \
			OA_BUG(#cond); \
	} while (0)

#endif
