/* SPDX-License-Identifier: MIT */
/* flags: -luv */
#include <uv.h>

int main(void)
{
	return !uv_default_loop();
}
