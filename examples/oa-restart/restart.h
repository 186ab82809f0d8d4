/* SPDX-License-Identifier: MIT */
/* What all of oa-restart shares. */
#ifndef RESTART_H
#define RESTART_H

#include <signal.h>
#include <stdatomic.h>

#include <oa.h>

#include "../addr.h"

struct server {
	char **argv;		/* to be started with again */
	sigset_t mask;		/* ... and with these signals blocked */
	struct addr addr;
	oa_time_t grace;	/* for what is connected at the end */
	oa_time_t work;		/* that a line takes */
	unsigned int workers;

	unsigned int generation;	/* counted from 1 */
	int listener;
	int signals;
	int ready;		/* a byte into it: goes on from here; or -1 */
	int err;		/* why it could not begin */

	struct oa_scope acceptors, connections;
	atomic_ullong served, cut;
};

/* main.c */
void tell(const struct server *srv, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The next one, or a negative errno. */
int signals_next(const struct server *srv);

/* handover.c */
int handover_take(struct server *srv);
void handover_ready(struct server *srv);
int handover_give(struct server *srv);

/* serve.c */
int serve_listen(struct server *srv);
int serve_begin(struct server *srv);
void serve_end(struct server *srv);

#endif
