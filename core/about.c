// SPDX-License-Identifier: MIT
/* What this library is and what it runs on. */
#include "core/about.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <oa/inspect.h>
#include <oa/version.h>

#include "core/atomic.h"
#include "core/compiler.h"
#include "core/env.h"

const char *oa_version(void)
{
	return OA_VERSION;
}

struct text {
	char *buf;
	size_t room;
	size_t len;
};

static void add_line(void *arg, const char *line, bool lacks)
{
	struct text *t = arg;
	size_t at = min_of(t->len, t->room);
	int k = snprintf(t->buf ? t->buf + at : NULL, t->room - at, "%s\n",
			 line);

	(void)lacks;
	t->len += k > 0 ? (size_t)k : 0;
}

static int last_start;
SIM_STATE(last_start);

void about_started(int err)
{
	WRITE_ONCE(last_start, err);
}

/* The limit that the last runtime met when it was to start. */
static const char *start_reason(void)
{
	switch (READ_ONCE(last_start)) {
	case -ENOMEM:
		return "no memory: see RLIMIT_MEMLOCK, RLIMIT_AS and the "
		       "limit of the control group";
	case -EMFILE:
	case -ENFILE:
		return "no descriptor left: raise RLIMIT_NOFILE";
	case -EAGAIN:
		return "no thread: see RLIMIT_NPROC, RLIMIT_AS and the limit "
		       "of the control group";
	default:
		return NULL;
	}
}

static void tell_start(struct text *t)
{
	const char *reason = start_reason();
	char line[160];

	if (!reason)
		return;
	snprintf(line, sizeof(line), "start: no, %s", reason);
	add_line(t, line, true);
}

size_t oa_features(char *buf, size_t n)
{
	struct text t = { buf, buf ? n : 0, 0 };

	poll_default->features(add_line, &t);
	tell_start(&t);
	env_complain(add_line, &t);
	return t.len;
}

const char *oa_strerror(int err)
{
	const char *s = NULL;

	/* The least number has no positive counterpart. */
	if (err > -INT_MAX)
		s = strerrordesc_np(err < 0 ? -err : err);
	return s ? s : "Unknown error";
}
