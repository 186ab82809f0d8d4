/* SPDX-License-Identifier: MIT */
/* Vocabulary of the compiler: hints, attributes, containers. */
#ifndef OA_CORE_COMPILER_H
#define OA_CORE_COMPILER_H

#include <stddef.h>
#include <stdint.h>

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)

#define __noinline	__attribute__((noinline))
#define __always_inline_oa static inline __attribute__((always_inline))
#define __cold_path	__attribute__((noinline, cold))
#define __noreturn_fn	__attribute__((noreturn))
#define __printf_like(f, a) __attribute__((format(printf, f, a)))
#define __aligned_to(n)	__attribute__((aligned(n)))
#define __unused_arg	__attribute__((unused))

/* Two workers that write next to each other are kept this far apart. */
#define OA_CACHELINE	64
/* ... and this far where the adjacent-line prefetcher would pair the lines. */
#define OA_LINE_PAIR	128

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

#define OA__CAT_(a, b)	a##b
#define OA__CAT(a, b)	OA__CAT_(a, b)
#define OA__PICK_BY(a, op, b, x, y) ({ \
	__typeof__(a) x = (a); __typeof__(b) y = (b); x op y ? x : y; })
#define min_of(a, b)	OA__PICK_BY(a, <, b, OA__CAT(_min_a, __COUNTER__), \
				    OA__CAT(_min_b, __COUNTER__))
#define max_of(a, b)	OA__PICK_BY(a, >, b, OA__CAT(_max_a, __COUNTER__), \
				    OA__CAT(_max_b, __COUNTER__))

#define barrier()	__asm__ volatile("" ::: "memory")

#if defined(__SANITIZE_ADDRESS__)
#define OA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define OA_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define OA_TSAN 1
#endif
#endif

/*
 * What the thread sanitizer is not to see. Its clang has always seen atomic
 * operations, whatever it was told of the others.
 */
#if defined(OA_TSAN) && defined(__clang__) && \
	__has_attribute(disable_sanitizer_instrumentation)
#define __unseen __attribute__((disable_sanitizer_instrumentation))
#else
#define __unseen __attribute__((no_sanitize("thread")))
#endif

/*
 * A look at what others are changing, whose outcome is checked or does not
 * matter: not a race to report.
 */
#define __glance	__unseen __attribute__((noinline))

#endif
