/* SPDX-License-Identifier: MIT */
#include <linux/openat2.h>
#include <sys/syscall.h>

int main(void)
{
	struct open_how how = { .resolve = RESOLVE_BENEATH };

	return SYS_openat2 + (int)how.flags;
}
