/* SPDX-License-Identifier: MIT */
#include <liburing.h>

int main(void)
{
	return IORING_OP_WAITID == 0;
}
