// SPDX-License-Identifier: MIT
/* What this library is and what it runs on. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <oa/inspect.h>
#include <oa/version.h>

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

size_t oa_features(char *buf, size_t n)
{
	struct text t = { buf, buf ? n : 0, 0 };

	poll_default->features(add_line, &t);
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
