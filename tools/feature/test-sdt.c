/* SPDX-License-Identifier: MIT */
#include <sys/sdt.h>

int main(void)
{
	DTRACE_PROBE(liboa, probe);
	return 0;
}
