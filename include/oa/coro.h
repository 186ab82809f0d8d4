/* SPDX-License-Identifier: MIT */
/* Coroutines and generators; they need no runtime. See oa_coro_create(3). */
#ifndef OA_CORO_H
#define OA_CORO_H

#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct oa_coro;

enum oa_coro_state {
	OA_CORO_CREATED = 0,	/* never resumed */
	OA_CORO_RUNNING,	/* it, or one that it has resumed */
	OA_CORO_SUSPENDED,
	OA_CORO_DONE,		/* its body has returned */
};

/* Begins with its size, so that it can grow; all-zero fields mean default. */
struct oa_coro_opts {
	uint32_t size;
	size_t stack_size;	/* 0: 256 KiB; of address space, used lazily */
	const char *name;	/* 31 bytes are copied */
};

#ifdef __cplusplus
#define OA_CORO_OPTS_INIT { sizeof(struct oa_coro_opts), 0, nullptr }
#else
#define OA_CORO_OPTS_INIT { .size = sizeof(struct oa_coro_opts) }
#endif

OA_API OA_MUST_CHECK int
oa_coro_create_with(struct oa_coro **co, oa_fn fn, void *arg,
		    const struct oa_coro_opts *opts);
OA_API OA_MUST_CHECK int
oa_coro_create(struct oa_coro **co, oa_fn fn, void *arg);

/* What it hands out by oa_coro_suspend() or returns, or an oa_err(). */
OA_API void *oa_coro_resume(struct oa_coro *co, void *value);

/* Inside one: what the next oa_coro_resume() hands in, or an oa_err(). */
OA_API void *oa_coro_suspend(void *value);

/* An enum oa_coro_state, or a negative errno. */
OA_API int oa_coro_state(const struct oa_coro *co);
OA_API const char *oa_coro_name(const struct oa_coro *co);
OA_API int oa_coro_destroy(struct oa_coro *co);

#ifndef __cplusplus
#define OA__CORO_CREATE_WITH(co, fn, arg, ...) \
	oa_coro_create_with(co, fn, arg, &(const struct oa_coro_opts){ \
		.size = sizeof(struct oa_coro_opts), __VA_ARGS__ })
#define oa_coro_create(...) \
	OA__OPTS_3((oa_coro_create), OA__CORO_CREATE_WITH, \
		   __VA_ARGS__)(__VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif

#endif
