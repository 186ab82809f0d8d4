/* SPDX-License-Identifier: MIT */
/* What the watch has told, for its tests. */
#ifndef OA_SELFTESTS_WATCH_TEST_H
#define OA_SELFTESTS_WATCH_TEST_H

#include "api_test.h"

#define HEARD_MAX	16

/* Events of one kind, in the order they came; the first HEARD_MAX are kept. */
struct heard {
	int kind;
	const char *only;		/* if their text has it; NULL: all */
	unsigned int others;		/* that had it not */
	unsigned int n;			/* told last */
	struct {
		int worker;
		oa_task_t task;
		int64_t value;
		char text[4096];
	} ev[HEARD_MAX];
	void (*then)(void *arg);	/* on the watch's thread */
	void *arg;
};

/* For .on_event, with a struct heard in .user. */
static void HARNESS_UNUSED hear(const struct oa_runtime_event *ev, void *user)
{
	struct heard *h = user;
	unsigned int n;

	if ((int)ev->kind != SEEN(h->kind))
		return;
	if (SEEN(h->only) && !(ev->text && strstr(ev->text, SEEN(h->only)))) {
		TELL(h->others, SEEN(h->others) + 1);
		return;
	}
	n = SEEN(h->n);
	if (n < HEARD_MAX) {
		h->ev[n].worker = ev->worker;
		h->ev[n].task = ev->task;
		h->ev[n].value = ev->value;
		if (ev->text)
			strncpy(h->ev[n].text, ev->text,
				sizeof(h->ev[n].text) - 1);
	}
	TELL(h->n, n + 1);
	if (h->then)
		h->then(h->arg);
}

#define EXPECT_SAYS(text, what) do { \
	if (!strstr(text, what)) \
		FAIL("\"%s\" is not in: %s", what, text); \
} while (0)

#define EXPECT_SAYS_NOT(text, what) do { \
	if (strstr(text, what)) \
		FAIL("\"%s\" is in: %s", what, text); \
} while (0)

#endif
