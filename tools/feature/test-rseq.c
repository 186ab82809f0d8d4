/* SPDX-License-Identifier: MIT */
#include <sys/rseq.h>

int main(void)
{
	return (int)__rseq_size;
}
