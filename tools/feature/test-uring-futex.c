/* SPDX-License-Identifier: MIT */
#include <liburing.h>

int main(void)
{
	return IORING_OP_FUTEX_WAIT == 0;
}
