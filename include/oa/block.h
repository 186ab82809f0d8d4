/* SPDX-License-Identifier: MIT */
/* Calls that block, and what belongs to one task. See oa_block(3). */
#ifndef OA_BLOCK_H
#define OA_BLOCK_H

#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Runs fn(arg) on the blocking pool while the caller waits; its result. */
OA_API void *oa_block(oa_fn fn, void *arg);

/* Task-local storage. See oa_key_create(3). */
#define OA_KEYS_MAX	128

typedef struct oa_key {
	uint32_t id;
} oa_key_t;

OA_API OA_MUST_CHECK int oa_key_create(oa_key_t *key,
				       void (*destructor)(void *value));
OA_API int oa_key_delete(oa_key_t key);
OA_API int oa_setspecific(oa_key_t key, void *value);
OA_API void *oa_getspecific(oa_key_t key);

#ifdef __cplusplus
}
#endif

#endif
