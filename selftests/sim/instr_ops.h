/* SPDX-License-Identifier: MIT */
/* Operations whose instructions are counted. See instr_ops.c. */
#ifndef OA_SELFTESTS_INSTR_OPS_H
#define OA_SELFTESTS_INSTR_OPS_H

#include <oa.h>

#define TURNS	4000u
#define BATCH	100u

struct instr_op {
	const char *name;
	void (*fn)(void);		/* in a task */
	unsigned int n;			/* so often it does it */
};

/* Each ends with one that has no name. */
extern const struct instr_op instr_job_ops[], instr_sync_ops[],
	instr_chan_ops[];

extern int instr_errors;

static inline void check(int err)
{
	instr_errors += err != 0;
}

#endif
