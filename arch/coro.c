/* SPDX-License-Identifier: MIT */
/*
 * The public coroutines: stacks that callers switch to and back from.
 *
 * Roles. The resumer is whoever is inside oa_coro_resume(): a thread, a task
 * or another coroutine. The body runs on the coroutine's own stack.
 *
 * States. CREATED or SUSPENDED -> RUNNING by the resumer's compare-and-swap,
 * which makes it the owner: everything else in the struct is the owner's.
 * RUNNING -> SUSPENDED or DONE by the resumer again, after the switch back,
 * so that nobody can resume a stack that is still being left; the release
 * store hands everything on to the next resumer, in whichever thread.
 *
 * Chain. oa_coro_suspend() finds the running coroutine through the slot that
 * belongs to the caller's task or thread; .outer leads to the one that
 * resumed it. No address of thread-local storage is kept over a switch.
 */
#include "arch/coro.h"

#include "arch/arch.h"
#include "arch/cxx.h"
#include "arch/san.h"

#include <oa/coro.h>

#include <errno.h>
#include <linux/futex.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CORO_STACK_DEFAULT	(256u << 10)
#define CORO_STACK_MIN		(16u << 10)
#define CORO_NAME_MAX		32

#ifdef OA_ASAN
#define CORO_STACK_FACTOR	2	/* red zones around every local */
#else
#define CORO_STACK_FACTOR	1
#endif

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102	/* Linux 6.13 */
#endif

/* Lies at the top of its own stack. */
struct oa_coro {
	struct arch_ctx ctx;		/* its stack while it is suspended */
	struct arch_ctx resumer;	/* the other's while it runs */
	struct oa_coro *outer;
	int state;			/* enum oa_coro_state, see above */
	bool returned;
	struct arch_fpctl fpctl;
	struct cxx_state cxx;
	oa_fn fn;
	void *arg;
	struct san_ctx san;
	struct san_ctx resumer_san;
	void *map;			/* guard page, stack, this struct */
	size_t map_size;
	unsigned int stack_id;
	void *grown;			/* of core/grown.c */
	void *inner, *base;		/* of core/deadline.c */
	char name[CORO_NAME_MAX];
};

extern __thread struct oa_coro *coro_thread_chain __hidden_symbol;
__thread struct oa_coro *coro_thread_chain __attribute__((used));

static coro_slot_fn coro_slot;

void coro_set_slot(coro_slot_fn slot)
{
	__atomic_store_n(&coro_slot, slot, __ATOMIC_RELAXED);
}

static coro_turn_fn coro_enter, coro_exit;

void coro_set_turns(coro_turn_fn enter, coro_turn_fn leave)
{
	__atomic_store_n(&coro_enter, enter, __ATOMIC_RELAXED);
	__atomic_store_n(&coro_exit, leave, __ATOMIC_RELAXED);
}

static void coro_turn(coro_turn_fn *fn, struct oa_coro *co)
{
	coro_turn_fn turn = __atomic_load_n(fn, __ATOMIC_RELAXED);

	if (turn)
		turn(&co->inner, &co->base);
}

static struct oa_coro **coro_task_slot(void)
{
	coro_slot_fn slot = __atomic_load_n(&coro_slot, __ATOMIC_RELAXED);

	return slot ? slot() : NULL;
}

static struct oa_coro *coro_chain(void)
{
	struct oa_coro **slot = coro_task_slot();

	return slot ? *slot : arch_tls_load(coro_thread_chain);
}

static void coro_chain_set(struct oa_coro *co)
{
	struct oa_coro **slot = coro_task_slot();

	if (slot)
		*slot = co;
	else
		arch_tls_store(coro_thread_chain, co);
}

static size_t coro_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

struct oa_coro *coro_running(void)
{
	return coro_chain();
}

struct oa_coro *coro_outer(const struct oa_coro *co)
{
	return co->outer;
}

void coro_bounds(const struct oa_coro *co, const char **low, const char **high)
{
	*low = (const char *)co->map + coro_page();
	*high = (const char *)co;
}

void **coro_grown(struct oa_coro *co)
{
	return &co->grown;
}

struct san_ctx *coro_san(struct oa_coro *co)
{
	return &co->san;
}

static void (*coro_drop)(struct oa_coro *co);

void coro_set_drop(void (*drop)(struct oa_coro *co))
{
	/* relaxed: whoever has grown one has called this */
	__atomic_store_n(&coro_drop, drop, __ATOMIC_RELAXED);
}

static void coro_entry(void *payload)
{
	struct oa_coro *co = payload;
	void *result;

	san_arrive(&co->san, &co->resumer_san);
	result = co->fn(co->arg);
	co->returned = true;
	san_leave_last(&co->resumer_san);
	arch_jump(&co->resumer, result);
}

/* Emulators take any advice and do nothing: only a trap proves a guard. */
static bool coro_traps(void *page)
{
	/* waits for nothing if it can be read: it holds 0 */
	return syscall(SYS_futex, page, FUTEX_WAIT_PRIVATE, 1, NULL) < 0 &&
	       errno == EFAULT;
}

/* The first page traps. Below Linux 6.13 that costs a mapping of its own. */
static int coro_guard(void *map, size_t page)
{
	if (!madvise(map, page, MADV_GUARD_INSTALL) && coro_traps(map))
		return 0;
	return mprotect(map, page, PROT_NONE);
}

static void *coro_map(size_t size, size_t page)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	/* a huge page would make the whole stack resident */
	madvise(map, size, MADV_NOHUGEPAGE);
	if (coro_guard(map, page) < 0) {
		munmap(map, size);
		return NULL;
	}
	return map;
}

/*
 * Where the struct goes and the stack begins. Stacks lie at round distances:
 * by a varying offset not all of them fall into the same cache lines.
 */
static struct oa_coro *coro_place(void *map, size_t size)
{
	static unsigned int turn;
	unsigned int colour = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED);
	uintptr_t top = (uintptr_t)map + size - sizeof(struct oa_coro);

	top &= ~(uintptr_t)(OA_CACHELINE - 1);
	return (struct oa_coro *)(top - colour % 16 * OA_CACHELINE);
}

static int coro_new(struct oa_coro **out, oa_fn fn, void *arg,
		    size_t stack_size, const char *name)
{
	size_t page = coro_page();
	size_t size, usable;
	struct oa_coro *co;
	char *map;

	if (!stack_size)
		stack_size = CORO_STACK_DEFAULT;
	if (stack_size < CORO_STACK_MIN)
		return -EINVAL;
	if (stack_size > SIZE_MAX / 4)
		return -ENOMEM;
	/* beside the guard a page for the struct and its offset */
	size = (stack_size * CORO_STACK_FACTOR + 3 * page - 1) & ~(page - 1);
	map = coro_map(size, page);
	if (!map)
		return -ENOMEM;

	co = coro_place(map, size);
	usable = (size_t)((char *)co - map) - page;
	co->fn = fn;
	co->arg = arg;
	co->map = map;
	co->map_size = size;
	co->stack_id = san_stack_add(map + page, size - page);
	if (name)
		strncpy(co->name, name, CORO_NAME_MAX - 1);
	arch_fpctl_save(&co->fpctl);
	arch_ctx_init(&co->ctx, co, coro_entry);
	san_ctx_init(&co->san, map + page, usable);
	*out = co;
	return 0;
}

int oa_coro_create_with(struct oa_coro **co, oa_fn fn, void *arg,
			const struct oa_coro_opts *opts)
{
	struct oa_coro_opts o = { 0 };
	int saved = errno;
	int ret;

	if (!co || !fn || (opts && opts->size < sizeof(opts->size)))
		return -EINVAL;
	if (opts)
		memcpy(&o, opts, min_of(sizeof(o), (size_t)opts->size));
	ret = coro_new(co, fn, arg, o.stack_size, o.name);
	errno = saved;
	return ret;
}

int (oa_coro_create)(struct oa_coro **co, oa_fn fn, void *arg)
{
	return oa_coro_create_with(co, fn, arg, NULL);
}

/* Become the owner of a coroutine that nobody runs. */
static int coro_claim(struct oa_coro *co, int *was)
{
	*was = __atomic_load_n(&co->state, __ATOMIC_RELAXED);
	do {
		if (*was == OA_CORO_RUNNING)
			return -EBUSY;
		/* [coro-own] pairs with the release in oa_coro_resume() */
	} while (!__atomic_compare_exchange_n(&co->state, was, OA_CORO_RUNNING,
					      true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return 0;
}

/* Each side keeps its floating-point control and its C++ exceptions. */
static void *coro_switch(struct oa_coro *co, void *payload)
{
	struct cxx_state cxx;
	struct arch_fpctl fpctl;

	arch_fpctl_save(&fpctl);
	if (!arch_fpctl_equal(&fpctl, &co->fpctl))
		arch_fpctl_load(&co->fpctl);
	if (cxx_present())
		cxx_state_swap(&cxx, &co->cxx);

	san_leave(&co->resumer_san, &co->san);
	payload = arch_switch(&co->resumer, &co->ctx, payload);
	san_arrive(&co->resumer_san, &co->san);

	if (cxx_present())
		cxx_state_swap(&co->cxx, &cxx);
	arch_fpctl_save(&co->fpctl);
	if (!arch_fpctl_equal(&fpctl, &co->fpctl))
		arch_fpctl_load(&fpctl);
	return payload;
}

static __noinline void *coro_run(struct oa_coro *co, void *payload)
{
	co->outer = coro_chain();
	coro_chain_set(co);
	coro_turn(&coro_enter, co);
	payload = coro_switch(co, payload);
	coro_turn(&coro_exit, co);
	coro_chain_set(co->outer);
	/* [coro-own] hands the coroutine to the next who claims it */
	__atomic_store_n(&co->state,
			 co->returned ? OA_CORO_DONE : OA_CORO_SUSPENDED,
			 __ATOMIC_RELEASE);
	return arch_return(payload);
}

void *oa_coro_resume(struct oa_coro *co, void *value)
{
	int was;
	int ret;

	if (!co)
		return oa_err(-EINVAL);
	ret = coro_claim(co, &was);
	if (ret < 0)
		return oa_err(ret);
	if (was == OA_CORO_DONE) {
		__atomic_store_n(&co->state, was, __ATOMIC_RELEASE);
		return oa_err(-ESRCH);
	}
	return coro_run(co, was == OA_CORO_CREATED ? co : value);
}

static __noinline void *coro_leave(struct oa_coro *co, void *value)
{
	san_leave(&co->san, &co->resumer_san);
	value = arch_switch(&co->ctx, &co->resumer, value);
	san_arrive(&co->san, &co->resumer_san);
	return arch_return(value);
}

void *oa_coro_suspend(void *value)
{
	struct oa_coro *co = coro_chain();

	return co ? coro_leave(co, value) : oa_err(-EPERM);
}

int oa_coro_state(const struct oa_coro *co)
{
	if (!co)
		return -EINVAL;
	return __atomic_load_n(&co->state, __ATOMIC_ACQUIRE);
}

const char *oa_coro_name(const struct oa_coro *co)
{
	return co ? co->name : oa_err(-EINVAL);
}

int oa_coro_destroy(struct oa_coro *co)
{
	size_t size, page = coro_page();
	char *map;
	int was;
	int ret;

	if (!co)
		return -EINVAL;
	ret = coro_claim(co, &was);
	if (ret < 0)
		return ret;
	/* relaxed: see coro_set_drop() */
	if (co->grown)
		__atomic_load_n(&coro_drop, __ATOMIC_RELAXED)(co);
	san_ctx_fini(&co->san);
	map = co->map;
	size = co->map_size;
	san_stack_remove(co->stack_id, map + page, size - page);
	munmap(map, size);
	return 0;
}
