/* SPDX-License-Identifier: MIT */
#include <sys/mman.h>

int main(void)
{
	return MADV_GUARD_INSTALL;
}
