/* SPDX-License-Identifier: MIT */
/* Deadlines over a stretch of code. See oa_deadline_enter(3). */
#ifndef OA_DEADLINE_H
#define OA_DEADLINE_H

#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Lives in the caller's frame from enter to leave; fields are private. */
struct oa_deadline {
	oa_time_t at;
	oa_time_t effective;
	struct oa_deadline *up;
	uint32_t fired;
	uint32_t entered;
};

OA_API int oa_deadline_enter(struct oa_deadline *d, oa_time_t deadline);
OA_API int oa_deadline_leave(struct oa_deadline *d);
OA_API int oa_deadline_fired(const struct oa_deadline *d);

OA_API struct oa_deadline *oa_within_begin(struct oa_deadline *d,
					   oa_time_t timeout);
OA_API void oa_within_end(struct oa_deadline **d);

/*
 * OA_WITHIN(&d, timeout) { ... }: the deadline is left however the block is,
 * break and return included.
 */
#define OA_WITHIN(d, timeout) \
	OA__WITHIN(d, timeout, OA__NAME(oa__within_, __LINE__), \
		   OA__NAME(oa__once_, __LINE__))
#define OA__NAME_(a, b)	a##b
#define OA__NAME(a, b)	OA__NAME_(a, b)
#define OA__WITHIN(d, timeout, in, once) \
	for (struct oa_deadline *in __attribute__((cleanup(oa_within_end))) = \
			oa_within_begin(d, timeout), *once = in; \
	     once; once = (struct oa_deadline *)0)

#ifdef __cplusplus
}
#endif

#endif
