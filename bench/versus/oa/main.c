// SPDX-License-Identifier: MIT
/* Ours, in rows for which oa-bench has no bench of the same work. */
#include "versus/common/versus.h"
#include "versus/oa/ours.h"

static const struct workload workloads[] = {
	{ "skynet-channels", ours_skynet },
	{ "sleepers", ours_sleepers },
	{ "file", ours_file },
	{ "echo", ours_echo },
	{ NULL, NULL },
};

void ours_run(oa_fn fn, void *arg)
{
	unsigned int workers = (unsigned int)opt_number("workers", 1);
	int ret = oa_run(fn, arg, .workers = workers);

	if (ret < 0)
		wrong("oa_run: %s", oa_strerror(ret));
}

void ours_go(oa_fn fn, void *arg)
{
	int ret = oa_go(fn, arg);

	if (ret)
		wrong("oa_go: %s", oa_strerror(ret));
}

int main(int argc, char **argv)
{
	return versus_main(argc, argv, workloads);
}
