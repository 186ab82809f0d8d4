// SPDX-License-Identifier: MIT
/* The structs that programs embed: sizes, places of fields, first values. */
#include "sync_test.h"

#define SIZE(type, size) \
	EXPECT_EQ((size_t)(size), sizeof(struct oa_##type)); \
	EXPECT_EQ(8ul, _Alignof(struct oa_##type))
#define AT(type, field, offset) \
	EXPECT_EQ((size_t)(offset), offsetof(struct oa_##type, field))

TEST(are_what_programs_were_built_with)
{
	SIZE(sync_info, 48);
	SIZE(mutex, 48);
	SIZE(rwlock, 48);
	SIZE(cond, 32);
	SIZE(sem, 32);
	SIZE(event, 40);
	SIZE(waitgroup, 32);
	SIZE(latch, 40);
	SIZE(barrier, 48);
	SIZE(once, 40);
	SIZE(backpressure, 48);
	SIZE(spinlock, 8);
	SIZE(future, 72);
}

#define HEAD(type) \
	AT(type, oa__word, 0); \
	AT(type, oa__queue, 8); \
	AT(type, oa__waits, 16)

TEST(have_their_fields_where_the_initialisers_put_them)
{
	HEAD(mutex);
	AT(mutex, oa__flags, 24);
	AT(mutex, oa__depth, 26);
	AT(mutex, oa__inside, 28);
	AT(mutex, oa__uses, 32);
	AT(mutex, oa__coming, 40);
	AT(mutex, oa__who, 44);
	HEAD(rwlock);
	AT(rwlock, oa__owner, 24);
	AT(rwlock, oa__reserved, 32);
	HEAD(cond);
	AT(cond, oa__reserved, 24);
	HEAD(sem);
	AT(sem, oa__reserved, 24);
	HEAD(event);
	AT(event, oa__auto, 24);
	AT(event, oa__reserved, 28);
	HEAD(waitgroup);
	AT(waitgroup, oa__reserved, 24);
	HEAD(latch);
	AT(latch, oa__goal, 24);
	AT(latch, oa__reserved, 32);
	HEAD(barrier);
	AT(barrier, oa__goal, 24);
	AT(barrier, oa__rounds, 32);
	AT(barrier, oa__reserved, 40);
	HEAD(once);
	AT(once, oa__owner, 24);
	AT(once, oa__reserved, 32);
	HEAD(backpressure);
	AT(backpressure, oa__max, 24);
	AT(backpressure, oa__refused, 32);
	AT(backpressure, oa__reserved, 40);
	AT(spinlock, oa__word, 0);
	HEAD(future);
	AT(future, oa__value, 24);
	AT(future, oa__task, 32);
	AT(future, oa__start, 40);
	AT(future, oa__refs, 48);
	AT(future, oa__reserved, 56);
}

TEST(tell_of_themselves_in_known_places)
{
	AT(sync_info, size, 0);
	AT(sync_info, waiters, 4);
	AT(sync_info, value, 8);
	AT(sync_info, limit, 16);
	AT(sync_info, uses, 24);
	AT(sync_info, waits, 32);
	AT(sync_info, owner, 40);
}

/* Static storage and calloc() do where nothing else is said. */
#define ALL_ZERO(type, ...) ({ \
	struct oa_##type _o = __VA_ARGS__, _zero; \
	memset(&_zero, 0, sizeof(_zero)); \
	EXPECT_MEMEQ(&_zero, &_o, sizeof(_o)); })

TEST(begin_as_all_zero)
{
	ALL_ZERO(mutex, OA_MUTEX_INIT);
	ALL_ZERO(rwlock, OA_RWLOCK_INIT);
	ALL_ZERO(cond, OA_COND_INIT);
	ALL_ZERO(sem, OA_SEM_INIT(0));
	ALL_ZERO(event, OA_EVENT_INIT);
	ALL_ZERO(waitgroup, OA_WAITGROUP_INIT);
	ALL_ZERO(once, OA_ONCE_INIT);
	ALL_ZERO(spinlock, OA_SPINLOCK_INIT);
	ALL_ZERO(future, OA_FUTURE_INIT);
}

/* The calls and the initialisers make the same. */
#define MADE_ALIKE(type, init, ...) ({ \
	struct oa_##type _a = init, _b; \
	memset(&_b, 0xee, sizeof(_b)); \
	EXPECT_OK(oa_##type##_init(&_b, __VA_ARGS__)); \
	EXPECT_MEMEQ(&_a, &_b, sizeof(_a)); })

TEST(begin_alike_by_call_and_by_initialiser)
{
	static const uint32_t some[] = { 1, 2, 255, 256, 70000, UINT32_MAX };

	MADE_ALIKE(sem, OA_SEM_INIT(0), 0);
	for (size_t i = 0; i < ARRAY_N(some); i++) {
		uint32_t n = some[i];

		MADE_ALIKE(sem, OA_SEM_INIT(n), n);
		MADE_ALIKE(latch, OA_LATCH_INIT(n), n);
		MADE_ALIKE(barrier, OA_BARRIER_INIT(n), n);
		MADE_ALIKE(backpressure, OA_BACKPRESSURE_INIT(n), n,
			   OA_BACKPRESSURE_LOSSLESS);
		MADE_ALIKE(backpressure, OA_BACKPRESSURE_LOSSY_INIT(n), n,
			   OA_BACKPRESSURE_LOSSY);
	}
}

HARNESS_MAIN
