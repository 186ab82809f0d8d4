/* SPDX-License-Identifier: MIT */
/* The entries of a directory, read on the blocking pool. */
#ifndef OA_EXAMPLES_ENTRIES_H
#define OA_EXAMPLES_ENTRIES_H

#include <dirent.h>
#include <sys/types.h>

struct entries {
	int fd;
	int err;
	ssize_t at, n;		/* in buf */
	_Alignas(struct dirent64) char buf[32768];
};

/* fd is a directory's; it stays the caller's. */
void entries_begin(struct entries *e, int fd);

/* The next but . and .., good until the next call; NULL: the end, or err. */
const struct dirent64 *entries_next(struct entries *e);

#endif
