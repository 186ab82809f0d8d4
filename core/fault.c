// SPDX-License-Identifier: MIT
/* Counts events and fails the one that OA_FAULT names. */
#include "core/fault.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/atomic.h"

static const char *const names[FAULT_KINDS] = {
	[FAULT_ALLOC] = "alloc",
	[FAULT_MMAP] = "mmap",
	[FAULT_SLAB] = "slab",
	[FAULT_STACK] = "stack",
	[FAULT_GUARD] = "guard",
	[FAULT_THREAD] = "thread",
	[FAULT_RING] = "ring",
	[FAULT_EVENTFD] = "eventfd",
	[FAULT_EPOLL] = "epoll",
	[FAULT_TIMERFD] = "timerfd",
	[FAULT_REGISTER] = "register",
	[FAULT_SQE] = "sqe",
	[FAULT_ENTER] = "enter",
	[FAULT_MSG] = "msg",
	[FAULT_CANCEL] = "cancel",
	[FAULT_DROP] = "drop",
};

static struct {
	uint64_t at;		/* 0: never */
	uint64_t seen;
	uint64_t last;		/* as all up to this one */
} faults[FAULT_KINDS];

bool fault_any;

/* relaxed, all of them: a test that changes faults may be met half way */
#define GET(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define PUT(x, v)	__atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

__attribute__((constructor)) void fault_read(void)
{
	const char *s = secure_getenv("OA_FAULT");
	uint64_t at, last;
	char *end;

	PUT(fault_any, false);
	for (int k = 0; k < FAULT_KINDS; k++) {
		PUT(faults[k].at, 0);
		PUT(faults[k].seen, 0);
	}
	while (s && *s) {
		for (int k = 0; k < FAULT_KINDS; k++) {
			size_t n = strlen(names[k]);

			if (strncmp(s, names[k], n) || s[n] != ':')
				continue;
			at = last = strtoull(s + n + 1, &end, 10);
			if (*end == '+')
				last = UINT64_MAX;
			else if (*end == '-')
				last = strtoull(end + 1, NULL, 10);
			PUT(faults[k].last, last);
			PUT(faults[k].at, at);
			PUT(fault_any, true);
			break;
		}
		s = strchr(s, ',');
		if (s)
			s++;
	}
}

#if defined(OA_SIM) && OA_SIM == 1
bool sim_fault(enum fault_kind kind);

bool fault_count(enum fault_kind kind)
{
	return sim_fault(kind);
}
#else
bool fault_count(enum fault_kind kind)
{
	uint64_t at = GET(faults[kind].at), seen;

	if (!at)
		return false;
	/* relaxed: counter only */
	seen = __atomic_add_fetch(&faults[kind].seen, 1, __ATOMIC_RELAXED);
	return seen >= at && seen <= GET(faults[kind].last);
}
#endif
