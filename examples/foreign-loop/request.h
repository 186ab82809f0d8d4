/* SPDX-License-Identifier: MIT */
/*
 * A service in lines: "20 text" is answered by "text" after 20 ms. Each line is
 * a task, which runs on the thread of the event loop, so that it can call what
 * belongs to the loop without a lock.
 */
#ifndef OA_EXAMPLES_REQUEST_H
#define OA_EXAMPLES_REQUEST_H

#include <stddef.h>

#include <oa.h>

#define LINE_MAX_LEN	200

/* The loop's. It stays until as many tasks have let it go as hold it. */
struct conn;
void conn_hold(struct conn *c);
void conn_let_go(struct conn *c);
void conn_answer(struct conn *c, const char *text, size_t n);

/* What has come of a line. */
struct line {
	size_t n;
	char text[LINE_MAX_LEN];
};

/* @n bytes have come: starts a task for each line that is whole. */
void request_bytes(struct oa_runtime *rt, struct conn *c, struct line *l,
		   const char *bytes, size_t n);

/* The first task: keeps the runtime until it is shut down. */
void *request_keeper(void *arg);

#endif
