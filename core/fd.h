/* SPDX-License-Identifier: MIT */
/* What the process knows of its descriptors. Protocol in core/fd.c. */
#ifndef OA_CORE_FD_H
#define OA_CORE_FD_H

#include "core/op.h"
#include "core/worker.h"

/*
 * Mostly one descriptor in each: a chain goes through the stacks of tasks that
 * wait, which with 10,000 connections have left the caches.
 */
#define FD_BUCKETS 32768u

/* In ->closes of a worker that has ended, or was left behind. */
#define CLOSES_END ((struct closer *)1)

struct fd_bucket {
	struct fd_link *first;
};

/* Somebody closes a descriptor; in his frame. */
struct closer {
	struct closer *next;		/* link in a worker's ->closes */
	struct closer *later, **pprev;	/* L:closers_lock of its runtime */
	struct task *task;		/* I */
	uint64_t epoch;			/* T */
	uint32_t left;			/* W of the worker asked */
	int fd;				/* I */
	uint32_t gen;			/* I */
};

/*
 * Running task. Before a request on @fd is started from @w: 0, or -EBADF when
 * it is being closed. Links it, so that a close finds it.
 */
int fd_start(struct worker *w, struct op *op, struct fd_link *l, int fd);
/*
 * Running task. Before a system call on @fd that does not wait, made on this
 * worker before the next suspension: a close by others waits for it.
 */
int fd_use(struct worker *w, int fd);

/* After fd_use(), until the next suspension: which opening of the number. */
uint32_t fd_gen(int fd);
/* Likewise: is it still that one? */
bool fd_is(int fd, uint32_t gen);

/*
 * The kernel's last word: more can be received at once. Of what listens:
 * nobody waits to be accepted.
 */
bool fd_hint(int fd);
void fd_set_hint(int fd, bool is);

/*
 * After fd_use(). Is it to be read and written past the cache? The kernel waits
 * for that even when it is told not to.
 */
bool fd_direct(int fd);
/* Has it no positions? A request takes no notice of one then. */
bool fd_stream(int fd);
/* The regular file that it is open on, whose position others may move; or 0. */
uint64_t fd_file(int fd);
/* Looks again. False: it is another by now, as fd_file() then knows. */
bool fd_file_is(int fd, uint64_t file);

/* Owner: its last completion has come. */
void fd_done(struct op *op);

static inline void fd_unlink(struct fd_link *l)
{
	if (!l->pprev)
		return;
	*l->pprev = l->next;
	if (l->next)
		l->next->pprev = l->pprev;
	l->pprev = NULL;
}

/* A call of ours got @fd from the kernel: whatever was known of it is over. */
void fd_opened(int fd);

/* In a child: who was closing is not here. */
void fd_forked(void);

/* Owner, shut down at once: asks every request on a descriptor to end. */
void fd_ask_all(struct worker *w);

/* Owner: requests that other workers' closes wait for. */
bool fd_closes(struct worker *w);
/* Owner, or who has left it behind: nobody asks this worker any more. */
void fd_closes_end(struct worker *w);
/*
 * Under closers_lock: the task of @c never runs again. Its number can be used
 * again, whatever has become of the descriptor.
 */
void fd_abandon(const struct closer *c);

#endif
