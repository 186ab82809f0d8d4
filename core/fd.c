// SPDX-License-Identifier: MIT
/*
 * Closing a descriptor that others still use. The kernel would let a request
 * live on after close(2), and cancel-by-descriptor finds nothing once the
 * number is used again; so a close first ends every request on it, by request.
 *
 * One word per descriptor number, process-wide, type-stable:
 * generation << 32 | FINAL | CLOSING | a bit for each worker that used it
 * (number of the worker modulo FD_BITS: too many are asked, never too few).
 *
 *   start:  word has our bit and is open: go on. Else set the bit by one
 *           atomic that tells CLOSING of the same instant [fd].
 *   close:  CLOSING by compare-and-swap (who is second gets -EBADF); then ask
 *           each worker in the set to end its requests of this generation and
 *           wait for their last completions; then FINAL, close(2), and a new
 *           generation, open, with no bits.
 *
 * A start that passed before CLOSING on worker W is found by W: it is on W's
 * list before W looks at its inbox. One that comes after W looked meets
 * CLOSING, for the message carried it there.
 *
 * Who starts a request on a number that is closed has it looked up when the
 * kernel is given it: it may be another file by then, in the next generation.
 * The close of that ends it, too.
 *
 * In FINAL the number may already be somebody's new descriptor: a start then
 * waits until the close is done, rather than fail. Calls of ours that get a
 * number from the kernel end the old generation themselves (fd_opened), for
 * getting it proves that the close is done.
 *
 * Model: selftests/models/close.pml.
 */
#include "core/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <oa/io.h>

#include "core/idle.h"
#include "core/mem.h"
#include "core/park.h"
#include "core/rcu.h"
#include "core/runtime.h"
#include "core/sched.h"

#define FD_CLOSING	0x80000000u
#define FD_FINAL	0x40000000u
#define FD_HINT		0x20000000u	/* see fd_hint(); only a guess */
#define FD_LOOKED	0x10000000u	/* what follows is known; or was */
#define FD_DIRECT	0x08000000u	/* O_DIRECT; likewise only a guess */
#define FD_KIND		0x04000000u	/* the same for what follows, and ->file */
#define FD_STREAM	0x02000000u	/* has no positions */
#define FD_BITS		25u
#define FD_GEN_SHIFT	32
#define FD_USERS	((1u << FD_BITS) - 1)

#define CLOSE_TRIES	16
#define PAGE_FDS	1024u
#define MAX_PAGES	16384u

struct fd_page {
	uint64_t word[PAGE_FDS];
	uint64_t file[PAGE_FDS];	/* A; a regular one, if FD_KIND; or 0 */
};

static struct fd_page *fd_pages[MAX_PAGES];
SIM_STATE(fd_pages);

static struct fd_page *page_make(unsigned int i)
{
	struct fd_page *page = mem_map(sizeof(*page)), *was = NULL;

	/* [fd] */
	if (page && !atomic_cas(&fd_pages[i], &was, page)) {
		mem_unmap(page, sizeof(*page));
		return was;
	}
	if (page)
		mem_kept(sizeof(*page));
	return page;
}

static inline uint64_t *word_of(int fd)
{
	unsigned int i = (unsigned int)fd / PAGE_FDS;
	struct fd_page *page;

	if (unlikely(i >= MAX_PAGES))
		return NULL;
	page = atomic_load_acq(&fd_pages[i]); /* [fd] */
	if (unlikely(!page)) {
		page = page_make(i);
		if (!page)
			return NULL;
	}
	return page->word + (unsigned int)fd % PAGE_FDS;
}

/* Of a number that has a word. */
static inline uint64_t *file_of(int fd)
{
	/* [fd] */
	struct fd_page *page =
		atomic_load_acq(&fd_pages[(unsigned int)fd / PAGE_FDS]);

	return page->file + (unsigned int)fd % PAGE_FDS;
}

void fd_forked(void)
{
	uint64_t *page, v;

	for (unsigned int i = 0; i < MAX_PAGES; i++) {
		page = fd_pages[i] ? fd_pages[i]->word : NULL;
		for (unsigned int k = 0; page && k < PAGE_FDS; k++) {
			v = page[k];
			if (v & (FD_CLOSING | FD_FINAL))
				page[k] = ((v >> FD_GEN_SHIFT) + 1)
					  << FD_GEN_SHIFT;
		}
	}
}

static inline uint32_t bit_of(const struct worker *w)
{
	return 1u << (w->id % FD_BITS);
}

static inline uint32_t gen_of(uint64_t word)
{
	return (uint32_t)(word >> FD_GEN_SHIFT);
}

static void link_op(struct worker *w, struct op *op, struct fd_link *l, int fd,
		    uint32_t gen)
{
	struct fd_link **head = &w->fds[(unsigned int)fd % FD_BUCKETS].first;

	l->op = op;
	l->fd = fd;
	l->gen = gen;
	l->next = *head;
	l->pprev = head;
	if (*head)
		(*head)->pprev = &l->next;
	*head = l;
}

static __cold_path int start_slow(struct worker *w, struct op *op,
				  struct fd_link *l, int fd,
				  uint64_t *word)
{
	uint64_t v = atomic_or(word, (uint64_t)bit_of(w)); /* [fd] */

	if (v & FD_CLOSING)
		return -EBADF;
	if (v & FD_FINAL)
		return -EAGAIN;
	link_op(w, op, l, fd, gen_of(v));
	return 0;
}

/* -EAGAIN: the number is just being given back; give way and try again. */
static inline int start_once(struct worker *w, struct op *op,
			     struct fd_link *l, int fd, uint64_t *word)
{
	uint64_t v = atomic_load_acq(word); /* [fd] */

	if (unlikely((v & (FD_CLOSING | FD_FINAL | bit_of(w))) != bit_of(w)))
		return start_slow(w, op, l, fd, word);
	link_op(w, op, l, fd, gen_of(v));
	return 0;
}

int fd_start(struct worker *w, struct op *op, struct fd_link *l, int fd)
{
	uint64_t *word;

	if (fd < 0)
		return 0; /* the kernel will say what it thinks of it */
	word = word_of(fd);
	if (!word)
		return (unsigned int)fd / PAGE_FDS >= MAX_PAGES ? 0 : -ENOMEM;
	return start_once(w, op, l, fd, word);
}

int fd_use(struct worker *w, int fd)
{
	uint64_t *word = fd >= 0 ? word_of(fd) : NULL;
	uint64_t v;

	if (!word)
		return 0;
	v = atomic_load_acq(word); /* [fd] */
	if (likely((v & (FD_CLOSING | FD_FINAL | bit_of(w))) == bit_of(w)))
		return 0;
	v = atomic_or(word, (uint64_t)bit_of(w)); /* [fd] */
	if (v & FD_CLOSING)
		return -EBADF;
	return v & FD_FINAL ? -EAGAIN : 0;
}

uint32_t fd_gen(int fd)
{
	uint64_t *word = fd >= 0 ? word_of(fd) : NULL;

	return word ? gen_of(READ_ONCE(*word)) : 0;
}

bool fd_is(int fd, uint32_t gen)
{
	uint64_t *word = fd >= 0 ? word_of(fd) : NULL;

	return !word || gen_of(READ_ONCE(*word)) == gen;
}

bool fd_hint(int fd)
{
	uint64_t *word = fd >= 0 ? word_of(fd) : NULL;

	return word && READ_ONCE(*word) & FD_HINT;
}

void fd_set_hint(int fd, bool is)
{
	uint64_t *word = fd >= 0 ? word_of(fd) : NULL;

	if (!word || !(READ_ONCE(*word) & FD_HINT) == !is)
		return;
	if (is)
		atomic_or(word, (uint64_t)FD_HINT); /* [fd] a guess */
	else
		atomic_and(word, ~(uint64_t)FD_HINT); /* [fd] a guess */
}

static __cold_path uint64_t look_direct(int fd, uint64_t *word)
{
	int flags = fcntl(fd, F_GETFL);
	bool is = flags >= 0 && flags & O_DIRECT;

	/* [fd] a guess: who opens one anew by other means is slower by it */
	atomic_or(word, (uint64_t)FD_LOOKED | (is ? FD_DIRECT : 0));
	return is ? FD_DIRECT : 0;
}

bool fd_direct(int fd)
{
	uint64_t *word = fd >= 0 ? word_of(fd) : NULL;
	uint64_t v = word ? READ_ONCE(*word) : FD_LOOKED;

	return (likely(v & FD_LOOKED) ? v : look_direct(fd, word)) & FD_DIRECT;
}

#if defined(OA_SIM) && OA_SIM == 1
/* Its numbers are none of the process. */
static bool which_file(int fd, bool *stream, uint64_t *file)
{
	(void)fd;
	*stream = false;
	*file = 0;
	return true;
}
#else
/*
 * What the kernel knows of itself: fstat(2) would ask a server of the file, and
 * have what was written reach it first.
 */
static int look_at(int fd, struct stat *st)
{
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		  STATX_TYPE | STATX_INO, &x))
		return fstat(fd, st);	/* there are filters that know no statx */
	st->st_mode = x.stx_mode;
	st->st_ino = x.stx_ino;
	st->st_dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	return 0;
}

static bool which_file(int fd, bool *stream, uint64_t *file)
{
	struct stat st;

	/*
	 * A regular file may be a stream as well. Reading nothing tells, and
	 * unlike lseek(2) waits for nobody who uses the position; the raw
	 * call, for libc's is a cancellation point of threads. It comes
	 * first: writes to streams that go by request ask each time.
	 */
	*stream = syscall(SYS_preadv2, fd, NULL, 0l, 0l, 0l, 0l) < 0 &&
		  errno == ESPIPE;
	*file = 0;
	if (*stream)
		return true;
	if (look_at(fd, &st))
		return false;
	/* Two that share a number wait for each other; 0 is none. */
	if (S_ISREG(st.st_mode))
		*file = (st.st_ino ^ st.st_dev * 0x9e3779b97f4a7c15ull) ?: 1;
	return true;
}
#endif

static __cold_path uint64_t look_kind(int fd, uint64_t *word)
{
	uint64_t file;
	bool stream;

	if (!which_file(fd, &stream, &file))
		return FD_STREAM;
	WRITE_ONCE(*file_of(fd), file);
	/* [fd] the file before the word; else a guess, as above */
	return atomic_or(word, (uint64_t)FD_KIND | (stream ? FD_STREAM : 0)) |
	       (stream ? FD_STREAM : 0);
}

static inline uint64_t kind_of(int fd)
{
	uint64_t *word = fd >= 0 ? word_of(fd) : NULL;
	uint64_t v = word ? atomic_load_acq(word) : FD_STREAM; /* [fd] */

	return !word || likely(v & FD_KIND) ? v : look_kind(fd, word);
}

bool fd_stream(int fd)
{
	return kind_of(fd) & FD_STREAM;
}

uint64_t fd_file(int fd)
{
	return likely(kind_of(fd) & FD_STREAM) ? 0 : READ_ONCE(*file_of(fd));
}

bool fd_file_is(int fd, uint64_t file)
{
	uint64_t now = 0, *word = fd >= 0 ? word_of(fd) : NULL;
	bool stream;

	if (!word || (which_file(fd, &stream, &now) && now == file))
		return true;
	/* [fd] what was known of the number is of one that is gone */
	atomic_and(word, ~(uint64_t)(FD_KIND | FD_STREAM | FD_LOOKED |
				     FD_DIRECT));
	return false;
}

void fd_done(struct op *op)
{
	fd_unlink(&op->link);
	if (unlikely(op->second != NULL))
		fd_unlink(op->second);
}

/*
 * Who used the number since it was closed, by mistake or before it had heard of
 * that, may have a request in hand which the kernel will find to be about the
 * new file. So its worker is asked when that is closed.
 */
static inline uint64_t reopened(uint64_t v)
{
	uint64_t used = v & FD_FINAL ? 0 : v & FD_USERS;

	return (uint64_t)(gen_of(v) + 1) << FD_GEN_SHIFT | used;
}

void fd_opened(int fd)
{
	uint64_t *word = fd >= 0 ? word_of(fd) : NULL;
	uint64_t v;

	if (!word)
		return;
	v = atomic_load_acq(word); /* [fd] */
	/* [fd] a closer that is not done yet finds another generation */
	while (unlikely((uint32_t)v != 0) && !atomic_cas(word, &v, reopened(v)))
		;
}

/*
 * Of two descriptors both may be closed, or one of an earlier generation with
 * that of a later. False: it knows of @c, or of two others, and does not hold up
 * a third.
 */
static bool tell_closer(struct op *op, struct closer *c)
{
	if (!op->closer) {
		op->closer = c;
		op->also = NULL;
		return true;
	}
	if (op->closer == c || op->also)
		return false;
	op->also = c;
	return true;
}

/* Owner: asks the requests on a descriptor to end; c->left: how many may. */
static void ask_all(struct worker *w, struct closer *c)
{
	struct fd_link *l = w->fds[(unsigned int)c->fd % FD_BUCKETS].first;
	struct fd_link *next;

	for (; l; l = next) {
		/* It may end at once, and be gone with all its links. */
		next = l->next;
		if (next && next->op == l->op)
			next = next->next;
		/* Of an earlier one, see reopened(); not of a later. */
		if (l->fd != c->fd || (int32_t)(c->gen - l->gen) < 0 ||
		    !tell_closer(l->op, c))
			continue;
		c->left++;
		op_ask(w, l->op, OP_REASON_CLOSE);
	}
}

void fd_ask_all(struct worker *w)
{
	struct fd_link *l, *next;

	for (unsigned int i = 0; i < FD_BUCKETS; i++)
		for (l = w->fds[i].first; l; l = next) {
			/* As above. */
			next = l->next;
			if (next && next->op == l->op)
				next = next->next;
			op_ask(w, l->op, OP_REASON_CANCEL);
		}
}

/* What has come, leaving @instead; nothing comes after CLOSES_END. */
static struct closer *take_closes(struct worker *w, struct closer *instead)
{
	struct closer *c = atomic_load_rlx(&w->closes); /* relaxed: swapped below */

	do {
		if (c == CLOSES_END || (!c && !instead))
			return NULL;
		/* [inbox] pairs with the swap in ask_worker() */
	} while (!atomic_cas(&w->closes, &c, instead));
	return c;
}

bool fd_closes(struct worker *w)
{
	struct closer *c, *next;

	/* relaxed: looked at again before sleeping */
	if (likely(!READ_ONCE(w->closes)))
		return false;
	for (c = take_closes(w, NULL); c; c = next) {
		next = c->next;
		ask_all(w, c);
		if (!--c->left)
			park_wake(c->task, c->epoch, WAIT_WOKEN);
	}
	return true;
}

void fd_closes_end(struct worker *w)
{
	struct closer *c, *next;

	/* It has no requests, or ends none. */
	for (c = take_closes(w, CLOSES_END); c; c = next) {
		next = c->next;
		park_wake(c->task, c->epoch, WAIT_WOKEN);
	}
}

/* Sends @c to worker number @id. False: there is none, or no more. */
static bool ask_worker(struct closer *c, uint32_t id)
{
	struct worker *to;
	struct closer *top;

	rcu_read_lock();
	to = worker_by_id(id);
	if (to) {
		/* relaxed: the swap checks it */
		top = atomic_load_rlx(&to->closes);
		do {
			c->next = top;
		} while (top != CLOSES_END &&
			 !atomic_cas(&to->closes, &top, c)); /* [inbox] */
		if (top == CLOSES_END)
			to = NULL;
		else
			idle_kick(to);
	}
	rcu_read_unlock();
	return to;
}

/* Ends the requests that worker number @id holds; suspends. */
static void end_requests(struct task *t, struct closer *c, uint32_t id)
{
	struct worker *w = worker_self();

	c->left = 1;
	/* Each time: see core/prioq.c. */
	WRITE_ONCE(t->wait_on, NULL);
	c->epoch = park_begin(t, 0, OA_FOREVER);
	if (w && w->id == id) {
		ask_all(w, c);
		if (!--c->left) {
			park_abandon(t, c->epoch);
			return;
		}
	} else if (!ask_worker(c, id)) {
		park_abandon(t, c->epoch);
		return;
	}
	park_wait(t);
}

/*
 * close(2) itself, by request: what has to be written back may take time. The
 * kernel may want a thread for that, and end the request when none can be made
 * just then: nobody else cancels it, so it has not begun, and begins anew. But
 * what closes may say so of its own as well, and then the number is gone.
 */
static int close_number(struct task *t, int fd, uint32_t gen)
{
	struct worker *w;
	struct op op;

	for (int i = 0; i < CLOSE_TRIES; i++) {
		op_init(&op, OP_CLOSE, fd);
		WRITE_ONCE(t->wait_on, NULL);
		w = worker_self();
		if (!w)
			break;
		op_start(w, t, &op, park_begin(t, WAIT_OP, OA_FOREVER));
		park_wait(t);
		if (likely(op.res != -ECANCELED) || !fd_is(fd, gen) ||
		    fcntl(fd, F_GETFD) < 0)
			return op.res;
	}
	return op_plain(&op);
}

static void give_way(struct task *t)
{
	struct worker *w = worker_self();

	if (w)
		sched_give_way(w, t);
	else
		poll_thread_yield();
}

/*
 * The right to close. False: somebody else has it. While a number is being
 * given back it may be a new descriptor already, to be closed a little later.
 */
static bool claim_close(struct task *t, uint64_t *word, uint64_t *v)
{
	for (;;) {
		*v = atomic_load_acq(word); /* [fd] */
		if (*v & FD_CLOSING)
			return false;
		if (*v & FD_FINAL)
			give_way(t);
		else if (atomic_cas(word, v, *v | FD_CLOSING)) /* [fd] */
			return true;
	}
}

/*
 * A runtime that ends at once leaves its tasks where they stand. What they
 * would still do to the word is done for them then: fd_abandon().
 */
static void closer_add(struct closer *c)
{
	struct runtime *rt = c->task->rt;

	if (c->task->flags & TASK_THREAD)
		return;
	spin_lock(&rt->closers_lock);
	c->later = rt->closers;
	c->pprev = &rt->closers;
	if (c->later)
		c->later->pprev = &c->later;
	rt->closers = c;
	spin_unlock(&rt->closers_lock);
}

static void closer_del(struct closer *c)
{
	struct runtime *rt = c->task->rt;

	if (c->task->flags & TASK_THREAD)
		return;
	spin_lock(&rt->closers_lock);
	*c->pprev = c->later;
	if (c->later)
		c->later->pprev = c->pprev;
	spin_unlock(&rt->closers_lock);
}

void fd_abandon(const struct closer *c)
{
	uint64_t *word = word_of(c->fd), v = atomic_load_acq(word), to; /* [fd] */

	do {
		if (gen_of(v) != c->gen)
			return;
		to = v & FD_FINAL ? (uint64_t)(c->gen + 1) << FD_GEN_SHIFT
				  : v & ~(uint64_t)FD_CLOSING;
	} while (!atomic_cas(word, &v, to)); /* [fd] */
}

int oa_close(int fd)
{
	struct task *t = task_self();
	struct closer c = { .task = t, .fd = fd };
	uint64_t *word, v;
	uint32_t id, max;
	int err;

	if (!t)
		return -EPERM;
	word = fd >= 0 ? word_of(fd) : NULL;
	if (!word)
		return fd >= 0 ? close_number(t, fd, 0) : -EBADF;
	if (!claim_close(t, word, &v))
		return -EBADF;
	c.gen = gen_of(v);
	closer_add(&c);
	max = worker_max_id();
	for (id = 0; id <= max && (uint32_t)v & FD_USERS; id++)
		if ((uint32_t)v & 1u << (id % FD_BITS))
			end_requests(t, &c, id);
	v = (uint64_t)c.gen << FD_GEN_SHIFT;
	/* [fd] nobody but us changes a closing word, but for its bits */
	atomic_store(word, v | FD_FINAL);
	err = close_number(t, fd, c.gen);
	v = atomic_load_acq(word); /* [fd] */
	while (gen_of(v) == c.gen &&
	       !atomic_cas(word, &v, (uint64_t)(c.gen + 1) << FD_GEN_SHIFT))
		; /* [fd] */
	closer_del(&c);
	return err;
}
