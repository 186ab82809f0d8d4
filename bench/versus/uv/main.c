// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <uv.h>

#include "versus/common/versus.h"
#include "versus/uv/peer.h"

static void version(void)
{
	printf("libuv %s\n", uv_version_string());
}

static const struct workload workloads[] = {
	{ "expiry", loop_expiry },
	{ "arm-cancel", loop_arm_cancel },
	{ "wake", loop_wake },
	{ "file", loop_file },
	{ "echo", loop_echo },
	{ "version", version },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return versus_main(argc, argv, workloads);
}
