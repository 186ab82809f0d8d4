/* SPDX-License-Identifier: MIT */
/*
 * The content of the files in 128 bits. A loop goes through them, the largest
 * first; a large one is split in halves besides, for whoever has nothing to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "dups.h"

#define MIB	((uint64_t)1 << 20)
#define SPLIT	(16 * MIB)	/* parts that are larger, */
#define PARTS	256		/* but into no more than these */

/* Of a file; in the frame of who joins it. */
struct part {
	struct dups *d;
	int fd;
	int err;
	uint64_t from, size;
	uint64_t split;		/* if it is larger; the same for a size */
	XXH128_hash_t hash;
};

static int read_part(struct part *p, XXH3_state_t *state, void *buf)
{
	uint64_t at = p->from, end = at + p->size;

	while (at < end) {
		size_t want = end - at < MIB ? end - at : MIB;
		ssize_t n = oa_pread(p->fd, buf, want, (off_t)at);

		if (n <= 0)	/* it has become shorter? */
			return n < 0 ? (int)n : -ENODATA;
		XXH3_128bits_update(state, buf, (size_t)n);
		atomic_fetch_add(&p->d->read, (size_t)n);
		at += (uint64_t)n;
		oa_yield_point();
	}
	p->hash = XXH3_128bits_digest(state);
	return 0;
}

static void hash_piece(struct part *p)
{
	XXH3_state_t *state;
	void *buf;

	p->err = oa_sem_wait(&p->d->buffers);
	if (p->err)
		return;
	state = XXH3_createState();
	buf = malloc(p->size < MIB ? p->size + 1 : MIB);
	p->err = -ENOMEM;
	if (state && buf && XXH3_128bits_reset(state) == XXH_OK)
		p->err = read_part(p, state, buf);
	free(buf);
	XXH3_freeState(state);
	oa_sem_post(&p->d->buffers);
}

/* Of what is split the hash is that of its halves' hashes. */
static void *hash_part(void *part)
{
	struct part *p = part, first = *p, second = *p;
	struct oa_job job;

	if (p->size <= p->split) {
		hash_piece(p);
		return NULL;
	}
	first.size = p->size / 2 & ~(MIB - 1);
	second.size -= first.size;
	second.from += first.size;
	oa_job_fork(&job, hash_part, &second);
	hash_part(&first);
	oa_job_join(&job);
	p->err = first.err ? first.err : second.err;
	p->hash = XXH3_128bits((XXH128_hash_t[]){ first.hash, second.hash },
			       2 * sizeof(p->hash));
	return NULL;
}

static int hash_file(struct dups *d, struct file *f)
{
	struct part all = { .d = d, .size = f->size };

	all.split = f->size / PARTS > SPLIT ? f->size / PARTS : SPLIT;
	all.fd = oa_openat(AT_FDCWD, f->path,
			   O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (all.fd < 0)
		return all.fd;
	hash_part(&all);
	oa_close(all.fd);
	f->hash = all.hash;
	return all.err;
}

static void hash_files(size_t begin, size_t end, void *dups)
{
	struct dups *d = dups;

	for (size_t i = begin; i < end; i++) {
		struct file *f = d->files.at[i];
		int err = oa_sem_wait(&d->open);

		if (!err) {
			err = hash_file(d, f);
			oa_sem_post(&d->open);
		}
		f->failed = err < 0;
		if (err < 0)
			failed(d, f->path, err);
	}
}

int hash_all(struct dups *d)
{
	return oa_parallel_for(0, d->files.n, 1, hash_files, d);
}
