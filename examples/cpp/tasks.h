// SPDX-License-Identifier: MIT
/*
 * Tasks in the manner of C++: bodies are callables, results are values or
 * exceptions, a lock is one for std::lock_guard. A start for wrappers of your
 * own: it is part of the examples, not of the library.
 */
#ifndef EXAMPLES_CPP_TASKS_H
#define EXAMPLES_CPP_TASKS_H

#include <exception>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

#include <fcntl.h>

#include <oa.h>

namespace tasks {

/* Negative error numbers become exceptions; anything else goes through. */
template <typename T> T check(T result, const char *what)
{
	if (result < 0)
		throw std::system_error(static_cast<int>(-result),
					std::generic_category(), what);
	return result;
}

/* What a body returned or threw. */
template <typename T> class outcome {
public:
	template <typename F> void of(F &fn) noexcept
	{
		try {
			value.emplace(fn());
		} catch (...) {
			error = std::current_exception();
		}
	}

	T take()
	{
		if (error)
			std::rethrow_exception(std::move(error));
		return std::move(*value);
	}

private:
	std::optional<T> value;
	std::exception_ptr error;
};

template <> class outcome<void> {
public:
	template <typename F> void of(F &fn) noexcept
	{
		try {
			fn();
		} catch (...) {
			error = std::current_exception();
		}
	}

	void take()
	{
		if (error)
			std::rethrow_exception(std::move(error));
	}

private:
	std::exception_ptr error;
};

/*
 * A running body, of the task that started it. Who does not want its result
 * cancels it and waits.
 */
template <typename F> class task {
public:
	using result = std::invoke_result_t<F &>;

	task(F fn, const char *name) : body(new state{ std::move(fn), {}, {} })
	{
		oa_task_opts opts = OA_TASK_OPTS_INIT;

		/* if there is no memory for it, the start fails */
		oa_scope_open_with(&body->scope, nullptr);
		opts.scope = &body->scope;
		opts.name = name;
		handle = oa_spawn_with(run, body.get(), &opts);
		check(oa_task_error(handle), "oa_spawn");
	}

	task(task &&other) noexcept
		: body(std::move(other.body)), handle(other.handle)
	{
	}

	task &operator=(task &&) = delete;

	~task()
	{
		if (body)
			oa_detach(handle);
	}

	result get()
	{
		void *dropped = nullptr;

		check(oa_join(handle, &dropped), "oa_join");
		auto done = std::move(body);

		/* it may have been cancelled before it began */
		check(oa_err_code(dropped), "task");
		return done->end.take();
	}

private:
	/*
	 * A join fails at once in a task that was cancelled, or whose time is
	 * over, while the body goes on; the wait for a scope does not.
	 */
	struct state {
		~state()
		{
			oa_scope_cancel(&scope);
			oa_scope_wait(&scope);
		}

		F fn;
		outcome<result> end;
		oa_scope scope;
	};

	static void *run(void *arg)
	{
		auto *s = static_cast<state *>(arg);

		s->end.of(s->fn);
		return nullptr;
	}

	std::unique_ptr<state> body;
	oa_task_t handle = {};
};

template <typename F> task<std::decay_t<F>> spawn(F &&fn, const char *name = "")
{
	return { std::forward<F>(fn), name };
}

/* A runtime whose first task is @fn; what that throws is thrown here. */
template <typename F> auto run(F fn, unsigned int workers = 0)
{
	struct first {
		F &fn;
		outcome<std::invoke_result_t<F &>> end;
	} f = { fn, {} };
	oa_config cfg = OA_CONFIG_INIT;

	cfg.workers = workers;
	check(oa_run_with([](void *arg) -> void * {
		auto *self = static_cast<first *>(arg);

		self->end.of(self->fn);
		return nullptr;
	}, &f, &cfg), "oa_run");
	return f.end.take();
}

/* For std::lock_guard and std::unique_lock. */
class mutex {
public:
	void lock() { check(oa_mutex_lock(&m), "oa_mutex_lock"); }
	bool try_lock() { return oa_mutex_trylock(&m) == 0; }
	void unlock() { oa_mutex_unlock(&m); }

private:
	oa_mutex m = {};
};

/* A descriptor, closed where its owner goes; that may suspend. */
class file {
public:
	explicit file(const char *path)
		: fd(check(oa_openat(AT_FDCWD, path, O_RDONLY, 0), path))
	{
	}

	file(const file &) = delete;
	file &operator=(const file &) = delete;

	~file() { oa_close(fd); }

	size_t read(void *buf, size_t size)
	{
		return static_cast<size_t>(check(oa_read(fd, buf, size), "read"));
	}

private:
	int fd;
};

} /* namespace tasks */

#endif
