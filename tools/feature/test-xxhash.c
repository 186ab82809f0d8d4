/* SPDX-License-Identifier: MIT */
/* flags: -lxxhash */
#include <xxhash.h>

int main(void)
{
	return XXH3_128bits("", 0).low64 == 0;
}
