/* SPDX-License-Identifier: MIT */
#define XXH_INLINE_ALL
#include <xxhash.h>

int main(void)
{
	return !XXH3_64bits("", 0);
}
