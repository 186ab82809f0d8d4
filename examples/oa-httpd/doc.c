/* SPDX-License-Identifier: MIT */
#include "doc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "date.h"
#include "mime.h"

/* A rename beside us makes a walk with RESOLVE_IN_ROOT start again. */
#define OPEN_TRIES	8

static int open_below(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -EAGAIN;

	for (int i = 0; i < OPEN_TRIES && fd == -EAGAIN; i++)
		fd = oa_openat2(root, path, &how, sizeof(how));
	return fd;
}

int doc_open_dir(int root, const char *path)
{
	return open_below(root, *path ? path : ".", O_RDONLY | O_DIRECTORY);
}

static int64_t nanoseconds(struct statx_timestamp t)
{
	return t.tv_sec * 1000000000 + t.tv_nsec;
}

static int identify(int fd, struct doc_id *id)
{
	struct statx st;
	int err = oa_statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st);

	if (err < 0)
		return err;
	if (S_ISDIR(st.stx_mode))
		return -EISDIR;
	if (!S_ISREG(st.stx_mode))
		return -EACCES;
	*id = (struct doc_id){
		.dev = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor,
		.ino = st.stx_ino,
		.size = st.stx_size,
		.mtime = nanoseconds(st.stx_mtime),
		.ctime = nanoseconds(st.stx_ctime),
	};
	return 0;
}

static bool same_id(const struct doc_id *a, const struct doc_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime == b->mtime && a->ctime == b->ctime;
}

/* A file from the future would make caches believe it for too long. */
static int64_t told_mtime(int64_t mtime_ns)
{
	int64_t s = mtime_ns / 1000000000 - (mtime_ns % 1000000000 < 0);
	int64_t now = time(NULL);

	return s < now ? s : now;
}

static void describe(struct doc *d)
{
	char modified[DATE_LEN + 1] = { 0 };
	int n;

	d->size = d->id.size;
	d->mtime = told_mtime(d->id.mtime);
	snprintf(d->etag, sizeof(d->etag), "\"%llx-%llx\"",
		 (unsigned long long)d->id.mtime,
		 (unsigned long long)d->id.size);
	date_format(modified, d->mtime);
	n = snprintf(d->head, sizeof(d->head),
		     "Content-Type: %s\r\nLast-Modified: %s\r\nETag: %s\r\n"
		     "Accept-Ranges: bytes\r\n",
		     mime_type(d->key), modified, d->etag);
	d->head_len = (size_t)n;
}

/* Shorter than it was a moment ago: somebody is writing, it has no one state. */
static int read_all(int fd, char *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = oa_pread(fd, p + done, n - done, (off_t)done);

		if (got == -EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? (int)got : -EAGAIN;
		done += (size_t)got;
	}
	return 0;
}

/* Takes fd over. */
static int doc_make(int fd, const char *path, const struct doc_id *id,
		    struct doc **out)
{
	size_t key_len = strlen(path);
	size_t held = id->size <= DOC_HELD_MAX ? id->size : 0;
	struct doc *d = malloc(sizeof(*d) + key_len + 1 + held);
	int err = 0;

	if (!d) {
		oa_close(fd);
		return -ENOMEM;
	}
	memset(d, 0, sizeof(*d));
	atomic_init(&d->refs, 1);
	d->fd = fd;
	d->id = *id;
	d->key_len = (uint32_t)key_len;
	memcpy(d->key, path, key_len + 1);
	describe(d);
	if (id->size <= DOC_HELD_MAX) {
		d->data = d->key + key_len + 1;
		err = read_all(fd, d->data, held);
		oa_close(fd);
		d->fd = -1;
	}
	if (err)
		free(d);
	else
		*out = d;
	return err;
}

int doc_open(int root, const char *path, struct doc *old, struct doc **out)
{
	struct doc_id id;
	int fd, err;

	/* Not waiting for the other end of a FIFO. */
	fd = open_below(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	err = identify(fd, &id);
	if (!err && !(old && same_id(&id, &old->id)))
		return doc_make(fd, path, &id, out);
	oa_close(fd);
	if (!err) {
		doc_get(old);
		*out = old;
	}
	return err;
}

void doc_put(struct doc *d)
{
	if (atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
		return;
	/* Without a reference no request is under way: nothing to wait for. */
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}
