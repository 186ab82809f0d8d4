// SPDX-License-Identifier: MIT
/* Owners of a tasks::task that end while its body is at work. */
#include "cpp_bodies.h"

#include "examples/cpp/tasks.h"

namespace {

class body {
public:
	explicit body(void *arg) : l(static_cast<life *>(arg)) {}
	body(body &&other) noexcept : l(std::exchange(other.l, nullptr)) {}

	~body()
	{
		if (!l)
			return;
		l->freed = true;
		l->freed_early = !l->ended;
	}

	void operator()()
	{
		life *mine = l;

		mine->began = true;
		oa_sleep(OA_FOREVER);
		oa_shield_enter();
		for (int i = 0; i < 20; i++)
			oa_yield();
		oa_shield_leave();
		mine->ended = true;
	}

private:
	life *l;
};

} /* namespace */

void *cpp_sleeps(void *arg)
{
	auto t = tasks::spawn(body(arg));

	oa_sleep(OA_FOREVER);
	return nullptr;
}

void *cpp_gets(void *arg)
{
	auto t = tasks::spawn(body(arg));

	try {
		t.get();
	} catch (const std::system_error &e) {
		return oa_err(-e.code().value());
	}
	return nullptr;
}

void *cpp_is_late(void *arg)
{
	auto t = tasks::spawn(body(arg));
	oa_deadline d;

	while (!static_cast<life *>(arg)->began)
		oa_yield();
	oa_deadline_enter(&d, 0);
	{
		auto gone = std::move(t);
	}
	oa_deadline_leave(&d);
	return nullptr;
}
