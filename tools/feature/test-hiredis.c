/* SPDX-License-Identifier: MIT */
/* flags: -lhiredis */
#include <hiredis/hiredis.h>
#include <hiredis/sds.h>

int main(void)
{
	sdsfree(sdsempty());
	redisReaderFree(redisReaderCreateWithFunctions(0));
	return 0;
}
