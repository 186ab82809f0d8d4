// SPDX-License-Identifier: MIT
/* The kernel's own calls in C, with no runtime: the floor of a row. */
#include "versus/common/versus.h"
#include "versus/raw/raw.h"

static const struct workload workloads[] = {
	{ "file", raw_file },
	{ "echo", raw_echo },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return versus_main(argc, argv, workloads);
}
