/* SPDX-License-Identifier: MIT */
/* A file that can be sent: its bytes or its descriptor, and its headers. */
#ifndef DOC_H
#define DOC_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <oa.h>

#define DOC_HELD_MAX	(64 << 10)	/* up to this, the bytes are held */

/* When this is the same, so are the bytes. */
struct doc_id {
	uint64_t dev, ino, size;
	int64_t mtime, ctime;		/* in nanoseconds */
};

/* Constant once made; shared by reference. */
struct doc {
	atomic_uint refs;
	int fd;			/* -1: the bytes are at data */
	char *data;
	uint64_t size;
	int64_t mtime;		/* as Last-Modified tells it */
	struct doc_id id;
	char etag[40];		/* with its quotes */
	char head[256];		/* header lines of every answer with it */
	size_t head_len;

	/* The cache's, under its lock. */
	struct doc *next;
	struct doc *newer, *older;
	int64_t checked;	/* in which second */
	uint32_t hash;
	uint32_t key_len;
	char key[];		/* the path it was found by */
};

/*
 * Opens the regular file at path below root; nothing outside of root is
 * reached, whatever links there are. If it still is old, *out is old, with a
 * reference more. -EISDIR for a directory, -EACCES for other kinds of file.
 */
int doc_open(int root, const char *path, struct doc *old, struct doc **out);

/* The directory at path ("" is the root itself), for reading: a descriptor. */
int doc_open_dir(int root, const char *path);

static inline void doc_get(struct doc *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
}

/* The last one closes and frees: from anywhere, but not under a lock. */
void doc_put(struct doc *d);

#endif
