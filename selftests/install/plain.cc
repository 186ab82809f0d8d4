// SPDX-License-Identifier: MIT
/* The headers from C++: every structure, initialiser and macro that it has. */
#include <oa.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {

struct state {
	oa_task_t joined = {};
	int ended = 0;
	int told = 0;
};

void *sleeps(void *arg)
{
	oa_deadline d;

	OA_WITHIN(&d, OA_MSEC)
		if (oa_sleep(OA_FOREVER) != -ETIMEDOUT)
			return oa_err(-EINVAL);
	return oa_deadline_fired(&d) == 1 ? arg : oa_err(-ETIME);
}

void *counts(void *)
{
	for (intptr_t i = 1; i < 4; i++)
		oa_coro_suspend(reinterpret_cast<void *>(i));
	return nullptr;
}

int count_up()
{
	oa_coro_opts opts = OA_CORO_OPTS_INIT;
	oa_coro *co = nullptr;
	intptr_t sum = 0;

	opts.name = "counts";
	if (oa_coro_create_with(&co, counts, nullptr, &opts))
		return -1;
	while (void *v = oa_coro_resume(co, nullptr))
		sum += reinterpret_cast<intptr_t>(v);
	return oa_coro_destroy(co) ? -1 : static_cast<int>(sum);
}

int look(const oa_task_info *info, void *arg)
{
	auto *s = static_cast<state *>(arg);

	s->told += info->state == OA_TASK_RUNNING;
	return 0;
}

void *first(void *arg)
{
	auto *s = static_cast<state *>(arg);
	oa_task_opts opts = OA_TASK_OPTS_INIT;
	struct oa_stats st = OA_STATS_INIT;
	void *result = nullptr;

	opts.name = "sleeps";
	s->joined = oa_spawn_with(sleeps, s, &opts);
	if (oa_task_error(s->joined) || oa_join(s->joined, &result))
		return nullptr;
	if (oa_is_err(result) || result != arg || count_up() != 6)
		return nullptr;
	if (oa_stats(nullptr, &st) || st.spawned < 1)
		return nullptr;
	if (oa_tasks(nullptr, look, s) || s->told < 1)
		return nullptr;
	s->ended = 1;
	return nullptr;
}

} /* namespace */

int main()
{
	oa_config cfg = OA_CONFIG_INIT;
	oa_ended ended = {};
	state s;

	cfg.workers = 2;
	cfg.ended = &ended;
	int err = oa_run_with(first, &s, &cfg);

	if (err) {
		std::fprintf(stderr, "oa_run_with: %s\n", oa_strerror(err));
		return 2;
	}
	if (std::strcmp(oa_version(), OA_VERSION))
		return 3;
	return s.ended && ended.ran == 2 ? 0 : 1;
}
