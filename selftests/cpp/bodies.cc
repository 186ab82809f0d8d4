// SPDX-License-Identifier: MIT
/* Task bodies that throw and catch. */
#include "bodies.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <exception>
#include <stdexcept>
#include <string>

namespace {

#define CHECK(run, cond) do { \
	if (!(cond)) \
		note(run, __LINE__); \
} while (0)

void note(cxx_run *run, int line)
{
	if (!run->bad++)
		run->line = line;
}

/* A few turns, which may lead to other threads. */
void away(int turns = 3)
{
	while (turns--)
		oa_yield();
}

struct numbered : std::runtime_error {
	explicit numbered(long n)
		: std::runtime_error(std::to_string(n)), n(n)
	{
	}

	long n;
};

/* Suspends where it goes out of scope. */
struct slow {
	cxx_run *run;
	int expected;

	~slow()
	{
		CHECK(run, std::uncaught_exceptions() == expected);
		away(2);
		CHECK(run, std::uncaught_exceptions() == expected);
	}
};

void in_handler(cxx_run *run, const numbered &e, long n)
{
	away();
	CHECK(run, e.n == n);
	CHECK(run, e.what() == std::to_string(n));
	CHECK(run, std::current_exception() != nullptr);
	CHECK(run, std::uncaught_exceptions() == 0);
}

void nest(cxx_run *run, int depth)
{
	long n = run->number * 100 + depth;

	try {
		throw numbered(n);
	} catch (const numbered &e) {
		in_handler(run, e, n);
		if (depth)
			nest(run, depth - 1);
		in_handler(run, e, n);
	}
}

struct crossing {
	cxx_run *run;
	size_t left;
	int cleaned;
};

void *throws_numbered(void *arg)
{
	auto *c = static_cast<crossing *>(arg);
	slow guard = { c->run, 1 };

	away(1);
	CHECK(c->run, oa_stack_left() > c->left);
	throw numbered(c->run->number);
}

/*
 * Both frames of C ask for the same personality routine, the program's and the
 * one in the library, by a word that a linker keeps once.
 */
void *throws_through_c(void *arg)
{
	auto *c = static_cast<crossing *>(arg);

	return through_c(throws_numbered, arg, &c->cleaned);
}

void *catches_in_coroutine(void *arg)
{
	auto *run = static_cast<cxx_run *>(arg);

	try {
		throw numbered(run->number);
	} catch (const numbered &e) {
		oa_coro_suspend(arg);
		in_handler(run, e, run->number);
		oa_coro_suspend(arg);
	}
	CHECK(run, !std::current_exception());
	return nullptr;
}

} /* namespace */

#define BODY(name) \
	static void name##_body(cxx_run *run); \
	void *name(void *arg) \
	{ \
		auto *run = static_cast<cxx_run *>(arg); \
		for (int i = 0; i < run->rounds; i++) { \
			CHECK(run, !std::current_exception()); \
			CHECK(run, !std::uncaught_exceptions()); \
			name##_body(run); \
			CHECK(run, !std::current_exception()); \
			CHECK(run, !std::uncaught_exceptions()); \
		} \
		return arg; \
	} \
	static void name##_body(cxx_run *run)

BODY(cxx_catches)
{
	try {
		throw numbered(run->number);
	} catch (const numbered &e) {
		in_handler(run, e, run->number);
	}
	away(1);
}

BODY(cxx_nests)
{
	nest(run, 5);
}

BODY(cxx_rethrows)
{
	try {
		try {
			throw numbered(run->number);
		} catch (const numbered &e) {
			in_handler(run, e, run->number);
			throw;
		}
	} catch (const numbered &e) {
		in_handler(run, e, run->number);
		try {
			away(1);
			throw run->number;
		} catch (long n) {
			away();
			CHECK(run, n == run->number);
		}
		in_handler(run, e, run->number);
	}
}

BODY(cxx_unwinds)
{
	slow none = { run, 0 };

	try {
		slow outer = { run, 1 };
		try {
			slow first = { run, 1 }, second = { run, 1 };

			throw numbered(run->number);
		} catch (const numbered &e) {
			slow inside = { run, 1 };

			in_handler(run, e, run->number);
			throw numbered(run->number + 1);
		}
	} catch (const numbered &e) {
		in_handler(run, e, run->number + 1);
	}
}

namespace {

struct handed {
	cxx_run *run;
	std::exception_ptr what;
};

void *throws_again(void *arg)
{
	auto *h = static_cast<handed *>(arg);

	CHECK(h->run, !std::current_exception());
	try {
		std::rethrow_exception(h->what);
	} catch (const numbered &e) {
		in_handler(h->run, e, h->run->number);
	}
	return nullptr;
}

} /* namespace */

BODY(cxx_hands_over)
{
	handed h = { run, nullptr };
	oa_task_t t = {};

	try {
		throw numbered(run->number);
	} catch (const numbered &e) {
		h.what = std::current_exception();
		t = oa_spawn(throws_again, &h);
		in_handler(run, e, run->number);
		CHECK(run, !oa_join(t, nullptr));
		in_handler(run, e, run->number);
	}
}

BODY(cxx_grows)
{
	crossing c = { run, oa_stack_left(), 0 };

	try {
		oa_call_grown(throws_numbered, &c, c.left + 4096, 4 * c.left);
		CHECK(run, false);
	} catch (const numbered &e) {
		in_handler(run, e, run->number);
		try {
			oa_call_grown(throws_through_c, &c, c.left + 4096,
				      4 * c.left);
		} catch (const numbered &again) {
			in_handler(run, again, run->number);
		}
		CHECK(run, c.cleaned == 1);
		in_handler(run, e, run->number);
	}
	/* a compiler may have shared what it needs meanwhile */
	CHECK(run, oa_stack_left() + 4096 > c.left);
}

BODY(cxx_resumes)
{
	oa_coro *co = nullptr;

	CHECK(run, !oa_coro_create(&co, catches_in_coroutine, run));
	CHECK(run, oa_coro_resume(co, nullptr) == run);
	CHECK(run, !std::current_exception());
	away();
	try {
		throw numbered(run->number + 1);
	} catch (const numbered &e) {
		CHECK(run, oa_coro_resume(co, nullptr) == run);
		in_handler(run, e, run->number + 1);
	}
	CHECK(run, !oa_coro_resume(co, nullptr));
	CHECK(run, !oa_coro_destroy(co));
}

BODY(cxx_sees_none)
{
	for (int i = 0; i < 4; i++) {
		away(1);
		CHECK(run, !std::current_exception());
		CHECK(run, !std::uncaught_exceptions());
	}
}

namespace {

void *counts(void *arg)
{
	away(1);
	__atomic_add_fetch(static_cast<int *>(arg), 1, __ATOMIC_ACQ_REL);
	return arg;
}

/* The scope waits for its tasks while the exception passes. */
void leaves_scope(cxx_run *run)
{
	oa_task_opts opts = OA_TASK_OPTS_INIT;
	struct oa_scope s;
	int ended = 0;

	opts.scope = &s;
	try {
		OA_SCOPE(s) {
			for (int i = 0; i < 3; i++)
				CHECK(run, !oa_go_with(counts, &ended, &opts));
			throw numbered(run->number);
		}
		CHECK(run, false);
	} catch (const numbered &e) {
		CHECK(run, __atomic_load_n(&ended, __ATOMIC_ACQUIRE) == 3);
		in_handler(run, e, run->number);
	}
}

} /* namespace */

BODY(cxx_leaves_blocks)
{
	oa_deadline d;

	leaves_scope(run);

	try {
		OA_WITHIN(&d, OA_SEC) {
			slow guard = { run, 1 };

			throw numbered(run->number);
		}
		CHECK(run, false);
	} catch (const numbered &e) {
		in_handler(run, e, run->number);
	}
	CHECK(run, !oa_yield());
}

static void *gives_number(void *arg)
{
	return arg;
}

/* The cases whose value is in a union. */
BODY(cxx_selects)
{
	void *result = nullptr;
	oa_task_t t = oa_spawn(gives_number, run);
	int fds[2];
	oa_case by_end[] = {
		OA_CASE_NONE, OA_CASE_JOIN(t, &result),
		OA_CASE_AT(OA_FOREVER),
	};
	oa_case by_time[] = { OA_CASE_NONE, OA_CASE_AT(oa_after(1)) };

	CHECK(run, oa_select(by_end, 3) == 1);
	CHECK(run, result == run);
	CHECK(run, oa_select(by_time, 2) == 1);
	CHECK(run, !pipe(fds));
	oa_case by_room[] = {
		OA_CASE_FD(fds[0], POLLIN), OA_CASE_FD(fds[1], POLLOUT),
	};
	if (oa_worker_id() >= 0) {
		CHECK(run, oa_select(by_room, 2) == 1);
		CHECK(run, by_room[1].res == POLLOUT);
	} else {
		/* Not for threads, nor for tasks on one of their own. */
		CHECK(run, oa_select(by_room, 2) == -EPERM);
	}
	/* Nobody uses them, and the thread sanitizer sees these. */
	CHECK(run, !close(fds[0]));
	CHECK(run, !close(fds[1]));
}

void *cxx_exits(void *arg)
{
	auto *run = static_cast<cxx_run *>(arg);

	CHECK(run, !std::current_exception());
	try {
		throw numbered(run->number);
	} catch (const numbered &e) {
		in_handler(run, e, run->number);
		oa_exit(arg);
	}
}

namespace {

struct exits {
	void *arg;

	~exits()
	{
		away(1);
		/* always; or compilers see that no handler is reached */
		if (!oa_cancelled())
			oa_exit(arg);
	}
};

} /* namespace */

void *cxx_exits_unwinding(void *arg)
{
	auto *run = static_cast<cxx_run *>(arg);

	CHECK(run, !std::uncaught_exceptions());
	try {
		exits last = { arg };

		throw numbered(run->number);
	} catch (const numbered &) {
		CHECK(run, false);
	}
	return nullptr;
}

int cxx_in_handler(int (*fn)(void *arg), void *arg)
{
	try {
		throw numbered(4711);
	} catch (const numbered &e) {
		int bad = fn(arg);

		if (e.n != 4711 || !std::current_exception() ||
		    std::uncaught_exceptions())
			bad++;
		return bad;
	}
}

void *cxx_throws(void *arg)
{
	away(1);
	throw std::runtime_error(arg ? "thrown" : "");
}

void *cxx_throws_in_coroutine(void *arg)
{
	oa_coro_opts opts = OA_CORO_OPTS_INIT;
	oa_coro *co = nullptr;

	opts.name = "inner";
	if (oa_coro_create_with(&co, cxx_throws, arg, &opts))
		return nullptr;
	return oa_coro_resume(co, nullptr);
}

void *cxx_throws_grown(void *arg)
{
	size_t left = oa_stack_left();

	return oa_call_grown(cxx_throws, arg, left + 4096, 4 * left);
}

/* What OA_..._INIT gives here, to be compared with what it gives in C. */

#define INIT(n, type, init) static const struct type init_##n = init;
#include "inits.h"
#undef INIT

const cxx_init cxx_inits[] = {
#define INIT(n, type, init) { #init, &init_##n, sizeof(init_##n) },
#include "inits.h"
#undef INIT
	{ nullptr, nullptr, 0 },
};
