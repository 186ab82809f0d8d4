/* SPDX-License-Identifier: MIT */
/*
 * Tasks that belong together: scopes, which none of their tasks outlives, and
 * tokens, which cancel many at once. See oa_scope(7), oa_cancel(7).
 */
#ifndef OA_SCOPE_H
#define OA_SCOPE_H

#include <stdbool.h>

#include <oa/sync.h>
#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A source of cancellation; all-zero is one that has not been used. */
struct oa_token {
	uint64_t oa__word;
	void *oa__queue;
	uint64_t oa__waits;
	void *oa__members;
	uint64_t oa__reserved[2];
};

#define OA_TOKEN_INIT		{ 0, 0, 0, 0, { 0, 0 } }

OA_API int oa_token_cancel(struct oa_token *token);
OA_API int oa_token_cancelled(const struct oa_token *token);
/* -EBUSY while a task that was started with it has not ended. */
OA_API int oa_token_destroy(struct oa_token *token);

/* Fields are private. Opened and waited for by the same task or thread. */
struct oa_scope {
	void *oa__record;		/* while it is open */
	uint64_t oa__owner;
	int oa__error;
	uint32_t oa__flags;
	uint64_t oa__reserved[2];
};

struct oa_scope_opts {
	uint32_t size;
	bool keep_going;	/* an error of one leaves the others alone */
};

#ifdef __cplusplus
#define OA_SCOPE_OPTS_INIT { sizeof(struct oa_scope_opts), false }
#else
#define OA_SCOPE_OPTS_INIT { .size = sizeof(struct oa_scope_opts) }
#endif

OA_API int oa_scope_open(struct oa_scope *s);
OA_API int oa_scope_open_with(struct oa_scope *s,
			      const struct oa_scope_opts *opts);
OA_API int oa_scope_wait(struct oa_scope *s);
OA_API int oa_scope_cancel(struct oa_scope *s);
/* What the last wait returned, or what has gone wrong since. */
OA_API int oa_scope_error(const struct oa_scope *s);
OA_API int oa_scope_info(const struct oa_scope *s, struct oa_sync_info *info);

OA_API struct oa_scope *oa_scope_begin(struct oa_scope *s,
				       const struct oa_scope_opts *opts);
OA_API void oa_scope_end(struct oa_scope **s);

#define OA__SNAME_(a, b)	a##b
#define OA__SNAME(a, b)		OA__SNAME_(a, b)
#define OA__SCOPE(s, opts, in, once) \
	for (struct oa_scope *in __attribute__((cleanup(oa_scope_end))) = \
			oa_scope_begin(s, opts), *once = in; \
	     once; once = (struct oa_scope *)0)

#ifndef __cplusplus
/*
 * OA_SCOPE(s) { ... }, s a struct oa_scope: its tasks have ended when the block
 * is left, break and return included. Options follow s.
 */
#define OA__SCOPE_PLAIN(s) \
	OA__SCOPE(&(s), NULL, OA__SNAME(oa__scope_, __LINE__), \
		  OA__SNAME(oa__sonce_, __LINE__))
#define OA__SCOPE_WITH(s, ...) \
	OA__SCOPE(&(s), (&(const struct oa_scope_opts){ \
			.size = sizeof(struct oa_scope_opts), __VA_ARGS__ }), \
		  OA__SNAME(oa__scope_, __LINE__), \
		  OA__SNAME(oa__sonce_, __LINE__))
#define OA_SCOPE(...) \
	OA__OPTS_1(OA__SCOPE_PLAIN, OA__SCOPE_WITH, __VA_ARGS__)(__VA_ARGS__)
#define OA__SCOPE_OPEN_WITH(s, ...) \
	oa_scope_open_with(s, &(const struct oa_scope_opts){ \
		.size = sizeof(struct oa_scope_opts), __VA_ARGS__ })
#define oa_scope_open(...) \
	OA__OPTS_1((oa_scope_open), OA__SCOPE_OPEN_WITH, \
		   __VA_ARGS__)(__VA_ARGS__)
#else
#define OA_SCOPE(s) \
	OA__SCOPE(&(s), NULL, OA__SNAME(oa__scope_, __LINE__), \
		  OA__SNAME(oa__sonce_, __LINE__))
#endif

#ifdef __cplusplus
}
#endif

#endif
