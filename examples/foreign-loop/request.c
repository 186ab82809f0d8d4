// SPDX-License-Identifier: MIT
/* Lines, and the tasks that answer them. */
#include "request.h"

#include <stdlib.h>
#include <string.h>

#define DELAY_MAX	(24 * 3600 * 1000)	/* ms */

struct request {
	struct conn *c;
	oa_time_t delay;
	char text[LINE_MAX_LEN + 1];	/* with its newline */
};

static void drop(void *arg)
{
	struct request *r = arg;

	conn_let_go(r->c);
}

static void *answer(void *arg)
{
	struct request *r = arg;	/* a copy, ours until we return */

	if (!oa_sleep(r->delay))
		conn_answer(r->c, r->text, strlen(r->text));
	conn_let_go(r->c);
	return NULL;
}

static void start(struct oa_runtime *rt, struct conn *c, const char *line)
{
	struct request r = { .c = c };
	unsigned long ms;
	char *text;

	ms = strtoul(line, &text, 10);
	r.delay = (ms < DELAY_MAX ? (oa_time_t)ms : DELAY_MAX) * OA_MSEC;
	text += *text == ' ';
	memcpy(r.text, text, strlen(text));
	r.text[strlen(text)] = '\n';
	conn_hold(c);
	if (oa_go(answer, &r, .runtime = rt, .copy = sizeof(r),
		  .on_drop = drop))
		conn_let_go(c);
}

void request_bytes(struct oa_runtime *rt, struct conn *c, struct line *l,
		   const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* What is too long is cut. */
		if (bytes[i] != '\n') {
			if (l->n < sizeof(l->text) - 1)
				l->text[l->n++] = bytes[i];
			continue;
		}
		l->text[l->n] = '\0';
		l->n = 0;
		start(rt, c, l->text);
	}
}

void *request_keeper(void *arg)
{
	oa_sleep(OA_FOREVER);
	return arg;
}
