// SPDX-License-Identifier: MIT
/*
 * By raw calls: what follows the program's descriptors through libc, such as
 * the thread sanitizer, would see a number of the program's in our hands as
 * soon as it is free, and take that for a race of the program's.
 */
#ifndef OA_SIM
#include "core/procfile.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

size_t procfile_read(const char *path, char *buf, size_t room)
{
	long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	long n;

	if (fd < 0)
		return 0;
	n = syscall(SYS_read, fd, buf, room - 1);
	syscall(SYS_close, fd);
	if (n < 0)
		n = 0;
	buf[n] = '\0';
	return (size_t)n;
}
#endif
