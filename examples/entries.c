/* SPDX-License-Identifier: MIT */
/*
 * The entries of a directory. io_uring has no request for them, and a disk may
 * take its time: the system call is made on the blocking pool.
 */
#include "entries.h"

#include <errno.h>
#include <string.h>

#include <oa.h>

void entries_begin(struct entries *e, int fd)
{
	e->fd = fd;
	e->err = 0;
	e->at = e->n = 0;
}

static void *fill(void *arg)
{
	struct entries *e = arg;

	e->at = 0;
	e->n = getdents64(e->fd, e->buf, sizeof(e->buf));
	return e->n < 0 ? oa_err(-errno) : NULL;
}

const struct dirent64 *entries_next(struct entries *e)
{
	const struct dirent64 *d;

	do {
		if (e->at >= e->n) {
			e->n = 0;
			e->err = oa_err_code(oa_block(fill, e));
			if (e->err || !e->n)
				return NULL;
		}
		d = (const struct dirent64 *)(e->buf + e->at);
		e->at += d->d_reclen;
	} while (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."));
	return d;
}
