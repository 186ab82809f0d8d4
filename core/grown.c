// SPDX-License-Identifier: MIT
/*
 * Calls on a stack of their own. It is a call, not a switch: unwinders,
 * exceptions and frame pointers lead on to the caller's frames, and the task
 * stays what it was; where it is suspended is for arch_ctx to know.
 *
 * Chains. Those that are open, innermost first, belong to the coroutine in
 * which they were called, which takes them along; else to the task; else to
 * the thread. The head's address is kept in each, for who returns may be on
 * another thread. A program that switches stacks by its own means may return
 * out of order, so who returns looks for itself in the chain.
 *
 * Stacks. Where the runtime's own are large enough, a task takes one of those
 * that its worker has ready, and gives it to the worker that it is on in the
 * end; others are made and unmapped, at several system calls each.
 *
 * Lifetime. The call frees its stack when it returns or an exception comes
 * through; oa_exit() frees them all, once it is back on the stack where the
 * task began (grown_leave); a coroutine that is destroyed its own.
 */
#include "core/grown.h"

#include <errno.h>
#include <pthread.h>

#include "arch/coro.h"
#include "core/bug.h"
#include "core/overflow.h"
#include "core/runtime.h"

#define SIZE_DEFAULT	(256 * 1024)
/* The guard, what its descriptors take at most, and calls of ours. */
#define BESIDE		(STACK_GUARD + 8 * 1024)

struct extent {
	const char *low;
	const char *high;
};

/* What grown_leave() has to tell to the other side. */
struct left {
	void (*then)(struct task *t, void *result);
	struct task *task;
	void *result;
	struct san_ctx from;
};

static __thread void *thread_grown;
static __thread struct extent thread_extent;

static struct extent stack_extent(const struct stack *s)
{
	return (struct extent){ s->low, (const char *)s };
}

/* What cannot be found out is a stack without room. */
static __cold_path void look_at_thread(void)
{
	static char unknown;
	pthread_attr_t a;
	void *low = &unknown;
	size_t size = 0;
	int saved = errno;

	if (!pthread_getattr_np(pthread_self(), &a)) {
		pthread_attr_getstack(&a, &low, &size);
		pthread_attr_destroy(&a);
	}
	thread_extent.low = low;
	thread_extent.high = (char *)low + size;
	errno = saved;
}

static struct extent own_extent(const struct task *t)
{
	if (t && !(t->flags & TASK_THREAD))
		return stack_extent(t->stack);
	if (!thread_extent.low)
		look_at_thread();
	return thread_extent;
}

/* The innermost coroutine of @t, or of a thread without one. */
static struct oa_coro *inside(const struct task *t)
{
	return t ? t->coro : coro_running();
}

static bool holds(const struct extent *e, const char *sp)
{
	return sp > e->low && sp <= e->high;
}

/* The first of @t, or the thread, on which @sp is; longjmp() may leave some. */
static size_t room(struct task *t, const char *sp)
{
	struct oa_coro *co = inside(t);
	const struct grown *g;
	struct extent e;

	if (co)
		g = *coro_grown(co);
	else if (t)
		g = t->flags & TASK_GROWN ? t->ext->grown : NULL;
	else
		g = thread_grown;
	for (; g; g = g->outer) {
		e = stack_extent(g->stack);
		if (likely(holds(&e, sp)))
			return (size_t)(sp - e.low);
	}
	if (co)
		coro_bounds(co, &e.low, &e.high);
	else
		e = own_extent(t);
	/* else a signal's stack, or one that the program made */
	return holds(&e, sp) ? (size_t)(sp - e.low) : 0;
}

size_t oa_stack_left(void)
{
	return room(task_self(), __builtin_frame_address(0));
}

/* One that @w has ready, or NULL. What rests on it is the sanitizer's. */
static struct stack *take_ready(struct worker *w, const struct task *t,
				size_t size)
{
	struct stack *s;

#ifdef OA_TSAN
	return NULL;
#endif
	if (!w || w->rt != t->rt || size > w->rt->stacks.size)
		return NULL;
	s = stack_get(&w->stacks);
	if (s)
		san_stack_clean(s->low, stack_room(s));
	return s;
}

/* @list: where to put it for later; NULL: it goes at once. */
static void give_back(struct grown *g, struct stack *list[2])
{
	struct worker *w = worker_self();
	struct stack *s = g->stack;
	struct task *t = g->task;

	if (!g->shared && list) {
		s->next = list[t != NULL];
		list[t != NULL] = s;
		return;
	}
	if (!g->shared) {
		stack_free_own(t ? t->rt->stacks.alloc : NULL, s);
		return;
	}
	san_ctx_fini(&s->san);
	san_stack_clean(s->low, stack_room(s));
	/* else it goes with the runtime, which is being torn down */
	if (w && w->rt == t->rt)
		stack_put(&w->rt->stacks, &w->stacks, s);
}

/* @base: of the stack on which the outermost was called. */
static void free_chain(void **head, struct san_ctx *base,
		       struct stack *list[2])
{
	struct grown *g = *head, *outer;

	for (; g; g = outer) {
		outer = g->outer;
		if (outer || base)
			san_inherit(outer ? &outer->stack->san : base,
				    &g->from);
		WRITE_ONCE(*head, outer);
		give_back(g, list);
	}
}

/* A suspended coroutine goes. */
static void drop_coro(struct oa_coro *co)
{
	struct grown *g = *coro_grown(co);

	san_inherit(&g->stack->san, coro_san(co));
	free_chain(coro_grown(co), coro_san(co), NULL);
}

static void **chain_of(struct task *t)
{
	struct oa_coro *co = inside(t);

	if (co) {
		coro_set_drop(drop_coro);
		return coro_grown(co);
	}
	if (!t)
		return &thread_grown;
	return task_need_ext(worker_self(), t) ? &t->ext->grown : NULL;
}

static void chain_add(struct grown *g, void **head)
{
	g->head = head;
	g->outer = *head;
	WRITE_ONCE(*head, g);
	if (g->task)
		task_set(g->task, TASK_GROWN);
}

static void chain_del(struct grown *g)
{
	void **at = g->head;

	while (*at != g)
		at = &((struct grown *)*at)->outer;
	WRITE_ONCE(*at, g->outer);
	if (g->task && !*g->head)
		WRITE_ONCE(g->task->flags,
			   g->task->flags & ~(uint32_t)TASK_GROWN);
}

/* Before and after, the task may be on different threads: errno is each's. */
static __noinline struct grown *open_grown(struct task *t, size_t size)
{
	struct task *of = t && !inside(t) ? t : NULL;
	void **head = chain_of(t);
	struct stack *s = NULL;
	bool ready;
	struct grown *g;
	int saved = errno;

	if (of && head)
		s = take_ready(worker_self(), of, size);
	ready = s;
	if (!s && head)
		s = stack_alloc_own(of ? of->rt->stacks.alloc : NULL, size);
	errno = saved;
	if (!s)
		return NULL;
	san_ctx_init(&s->san, s->low, stack_room(s));
	g = (struct grown *)((uintptr_t)(s->top - sizeof(*g)) &
			     ~(uintptr_t)63);
	*g = (struct grown){
		.task = of, .stack = s, .shared = ready,
	};
	chain_add(g, head);
	return g;
}

/* By return, or while an exception is on its way through. */
static __noinline void close_grown(struct grown **at)
{
	struct grown *g = *at;
	struct stack *s;
	int saved = errno;

	if (!g)
		return;
	if (!g->returned) {
		san_call_end(&g->from);
		san_call_back(&g->from);
		san_call_unwound();
	}
	s = g->stack;
	if (unlikely(s->bare && stack_overrun(s)))
		overflow_found(task_self(), s);
	chain_del(g);
	give_back(g, NULL);
	errno = saved;
}

static void *call(void *arg)
{
	struct grown *g = arg;
	void *result;

	san_call_begin(&g->from);
	result = g->fn(g->arg);
	san_call_end(&g->from);
	return result;
}

static __noinline void *grow(struct task *t, oa_fn fn, void *arg, size_t size)
{
	struct grown *g __attribute__((cleanup(close_grown))) =
		open_grown(t, size);
	void *result;

	if (!g)
		return oa_err(-ENOMEM);
	g->fn = fn;
	g->arg = arg;
	g->under = __builtin_frame_address(0);
	san_call_leave(&g->from, &g->stack->san);
	result = arch_call_on(g, call, g);
	san_call_back(&g->from);
	g->returned = true;
	return result;
}

/* As much as tasks have; stacks of a runtime are as small as it wants. */
static size_t default_size(const struct task *t)
{
	size_t size = t ? t->rt->stacks.size : SIZE_DEFAULT;

	return size < STACK_MIN + BESIDE ? STACK_MIN : size - BESIDE;
}

void *oa_call_grown(oa_fn fn, void *arg, size_t red_zone, size_t size)
{
	struct task *t = task_self();

	if (!size)
		size = default_size(t);
	if (!fn || size < STACK_MIN || size <= red_zone)
		return oa_err(-EINVAL);
	if (room(t, __builtin_frame_address(0)) >= red_zone)
		return fn(arg);
	if (size > SIZE_MAX / 4)
		return oa_err(-ENOMEM);
	size = (size + BESIDE + 4095) & ~(size_t)4095;
	return grow(t, fn, arg, size);
}

/* The outermost grown stack of @t, in coroutines or not; NULL: none. */
static struct grown *outermost(const struct task *t)
{
	struct grown *g = NULL;

	if (t->flags & TASK_GROWN)
		g = t->ext->grown;
	for (struct oa_coro *co = g ? NULL : t->coro; co; co = coro_outer(co))
		if (*coro_grown(co))
			g = *coro_grown(co);
	while (g && g->outer)
		g = g->outer;
	return g;
}

void grown_bury(struct task *t, struct stack *list[2])
{
	for (struct oa_coro *co = t->coro; co; co = coro_outer(co))
		free_chain(coro_grown(co), coro_san(co), list);
	if (t->flags & TASK_GROWN)
		free_chain(&t->ext->grown, NULL, list);
	WRITE_ONCE(t->flags, t->flags & ~(uint32_t)TASK_GROWN);
}

void grown_drop(struct task *t)
{
	grown_bury(t, NULL);
}

static void keep_chain(const struct grown *g)
{
	for (; g; g = g->outer)
		g->stack->keep = true;
}

void grown_keep(struct task *t)
{
	for (struct oa_coro *co = t->coro; co; co = coro_outer(co))
		keep_chain(*coro_grown(co));
	if (t->flags & TASK_GROWN)
		keep_chain(t->ext->grown);
}

static void on_first_stack(void *payload)
{
	struct left l = *(struct left *)payload;

	san_call_back(&l.from);
	grown_drop(l.task);
	l.task->coro = NULL;
	l.then(l.task, l.result);
	OA_BUG("came back from an end");
}

void grown_leave(struct task *t, void (*then)(struct task *t, void *result),
		 void *result)
{
	struct grown *g = outermost(t);
	struct san_ctx from;
	struct extent dead;
	struct left *l;

	if (!g)
		return;
	/* grow() is the last that its caller's stack has */
	dead = (struct extent){ g->under - 1024, g->under };
	from = g->from;
	if (!(t->flags & TASK_THREAD)) {
		dead = (struct extent){ t->stack->low, t->stack->top };
		san_ctx_init(&from, t->stack->low, stack_room(t->stack));
		if (t->flags & TASK_GROWN)
			san_inherit(&from, &g->from);
	}
	san_stack_clean((void *)dead.low, (size_t)(dead.high - dead.low));
	l = (struct left *)((uintptr_t)(dead.high - sizeof(*l)) &
			    ~(uintptr_t)63);
	*l = (struct left){ then, t, result, from };
	san_call_end(&l->from);
	arch_restart(l, on_first_stack, l);
}

static const struct stack *guard_in(const struct grown *g, const char *at)
{
	for (; g; g = g->outer)
		if (at < g->stack->low && at >= g->stack->low - STACK_GUARD)
			return g->stack;
	return NULL;
}

const struct stack *grown_guard(const struct task *t, const char *at)
{
	const struct stack *s = NULL;

	if (t->flags & TASK_GROWN)
		s = guard_in(t->ext->grown, at);
	for (struct oa_coro *co = t->coro; co && !s; co = coro_outer(co))
		s = guard_in(*coro_grown(co), at);
	return s;
}
