/* SPDX-License-Identifier: MIT */
#include <valgrind/valgrind.h>

int main(void)
{
	return (int)VALGRIND_STACK_REGISTER(0, 0);
}
