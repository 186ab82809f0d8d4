/* SPDX-License-Identifier: MIT */
#include <linux/futex.h>
#include <sys/syscall.h>

int main(void)
{
	struct futex_waitv w = { .flags = FUTEX_32 };

	return SYS_futex_waitv + (int)w.val;
}
