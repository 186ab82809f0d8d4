/* SPDX-License-Identifier: MIT */
/* Words in memory shared between processes. See oa_futex_wait(3). */
#ifndef OA_FUTEX_H
#define OA_FUTEX_H

#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OA_FUTEX_WAITV_MAX	128

struct oa_futex_word {
	uint32_t *word;
	uint32_t value;		/* waits while *word is this */
	uint32_t oa__reserved;
};

/* 0: woken; -EAGAIN: *word is not value. */
OA_API int oa_futex_wait(uint32_t *word, uint32_t value);
OA_API int oa_futex_wait_until(uint32_t *word, uint32_t value,
			       oa_time_t deadline);
/* The index of a word that was woken. */
OA_API int oa_futex_waitv(const struct oa_futex_word *words, unsigned int n,
			  oa_time_t deadline);
/* How many waiters it woke. */
OA_API int oa_futex_wake(uint32_t *word, int n);

#ifdef __cplusplus
}
#endif

#endif
