/* SPDX-License-Identifier: MIT */
#include <linux/futex.h>
#include <sys/syscall.h>

int main(void)
{
	return SYS_futex_wait + FUTEX2_SIZE_U32;
}
