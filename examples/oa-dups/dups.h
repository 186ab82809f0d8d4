/* SPDX-License-Identifier: MIT */
/*
 * What the steps share. One task makes them one after the other, each on all
 * workers by oa_parallel_for():
 *
 *	walk.c	 what is below the directories, level by level
 *	hash.c	 the files whose size another has too
 *	groups.c (by that task alone) sorts, before and after, and prints
 *
 * A worker whose job waits for a disk takes the next, so that as many would wait
 * as there are: permits bound what is open, and the memory that is read into.
 */
#ifndef OA_EXAMPLES_DUPS_H
#define OA_EXAMPLES_DUPS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

#include <oa.h>

#define OPEN	64	/* files and directories */
#define BUFFERS	32

struct options {
	unsigned int workers;
	uint64_t min;		/* smaller files do not count */
	bool progress;
	bool stats;
	char **args;		/* ended by NULL */
};

/* A list owns what is in it. */
struct files {
	struct file **at;
	size_t n, room;
};

struct file {
	uint64_t size, dev, ino;
	union {
		struct files below;	/* of a directory */
		XXH128_hash_t hash;
	};
	unsigned int mode;	/* 0: not known */
	bool named;		/* on the command line */
	bool failed;
	char path[];
};

struct dups {
	struct options opt;
	struct files files;
	struct oa_sem open, buffers;	/* permits */
	struct oa_event over;
	oa_task_t finder;
	int signals;
	int signal;		/* that ended it early */
	int err;		/* for which not all was printed */
	uint64_t groups, spare;	/* bytes that are there once more */
	/* For the progress line, so whoever adds to them may be late. */
	atomic_ullong found, bytes, read, failed;
};

int files_add(struct files *l, struct file *f);
void files_free(struct files *l);

/* Each goes on with d->files, and returns 0 or what ended it early. */
int walk(struct dups *d);
int hash_all(struct dups *d);
int print_groups(struct dups *d);

/* Of what has been found, what has to be read. */
void keep_candidates(struct dups *d);

/* Tells of it, unless it is a cancel, and goes on without this file. */
void failed(struct dups *d, const char *path, int err);

/* On standard error, until the event `over`. */
void *progress_task(void *dups);
void progress_clear(struct dups *d);

#endif
