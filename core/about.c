// SPDX-License-Identifier: MIT
/* What this library is and what it runs on. */
#include <limits.h>
#include <string.h>

#include <oa/inspect.h>
#include <oa/version.h>

#include "core/poll.h"

const char *oa_version(void)
{
	return OA_VERSION;
}

size_t oa_features(char *buf, size_t n)
{
	return poll_default->features(buf, n);
}

const char *oa_strerror(int err)
{
	const char *s = NULL;

	/* The least number has no positive counterpart. */
	if (err > -INT_MAX)
		s = strerrordesc_np(err < 0 ? -err : err);
	return s ? s : "Unknown error";
}
