// SPDX-License-Identifier: MIT
/* oa_post(): work from threads that the runtime does not own. */
#include <errno.h>
#include <string.h>

#include "core/fork.h"
#include "core/spawn.h"
#include "core/thread.h"

/* One more that waits or runs; false: too many do. */
static bool room_take(struct runtime *rt)
{
	/* [credit] counter only */
	if (atomic_add(&rt->posts, (uint64_t)1) < rt->cfg.max_posts)
		return true;
	atomic_sub(&rt->posts, (uint64_t)1); /* [credit] */
	return false;
}

static int start(struct runtime *rt, const struct task_args *a)
{
	int err = room_take(rt) ? 0 : -EAGAIN;

	if (!err) {
		err = task_start(rt, a, NULL);
		if (err)
			atomic_sub(&rt->posts, (uint64_t)1); /* [credit] */
	}
	/* What was let in is counted there: it may be the end of the runtime. */
	if (err == -EAGAIN || err == -ESHUTDOWN)
		/* [credit] counter only */
		atomic_add(&rt->posts_refused, (uint64_t)1);
	return err;
}

static int post(struct runtime *rt, oa_fn fn, const void *data, size_t len,
		const struct oa_post_opts *p, const void *site)
{
	struct task_args a = {
		.fn = fn, .arg = len ? (void *)(uintptr_t)data : NULL,
		.site = site, .post = p, .copy = len,
	};
	struct task *self;

	if (!fn || (len && !data) ||
	    !PRIO_IS_GOOD(p->prio))
		return -EINVAL;
	if (!rt) {
		self = task_self();
		rt = self ? self->rt : thread_runtime();
	}
	if (!rt || rt->generation != fork_generation())
		return -EPERM;
	if (len > (size_t)1 << 30)
		return -E2BIG;
	return start(rt, &a);
}

int oa_post(struct oa_runtime *rt, oa_fn fn, const void *data, size_t len)
{
	static const struct oa_post_opts none;

	return post((struct runtime *)rt, fn, data, len, &none,
		    __builtin_return_address(0));
}

int oa_post_opts(struct oa_runtime *rt, oa_fn fn, const void *data, size_t len,
		 const struct oa_post_opts *opts)
{
	struct oa_post_opts p;

	if (!opts || !opts->size || opts->size > 4096)
		return -EINVAL;
	/* An older program's smaller struct, completed by zeroes. */
	memset(&p, 0, sizeof(p));
	memcpy(&p, opts, min_of((size_t)opts->size, sizeof(p)));
	return post((struct runtime *)rt, fn, data, len, &p,
		    __builtin_return_address(0));
}
