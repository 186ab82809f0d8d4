// SPDX-License-Identifier: MIT
// The oneTBB peer: task groups in an arena of --workers.
#include <atomic>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

#include "common/versus.hh"

using namespace versus;

static const char *const rounds[] = { "first", "second" };

static void spawn()
{
	long n = number("count", 1000000);

	for (auto name : rounds) {
		std::atomic<long> counted{ 0 };
		tbb::task_group g;
		auto begun = clock::now();

		for (long i = 0; i < n; i++)
			g.run([&] {
				counted.fetch_add(1, std::memory_order_relaxed);
			});
		g.wait();
		report(name, ns_since(begun) / (double)n, "ns");
		if (counted != n)
			wrong("miscounted");
	}
}

static void spawn_join()
{
	long n = number("count", 5000000), sum = 0;
	auto begun = clock::now();

	for (long i = 0; i < n; i++) {
		tbb::task_group g;

		g.run([&] { sum++; });
		g.wait();
	}
	report("task", ns_since(begun) / (double)n, "ns");
	if (sum != n)
		wrong("miscounted");
}

static long fib(long n)
{
	long a, b;

	if (n < 2)
		return n;
	tbb::task_group g;
	g.run([&] { a = fib(n - 1); });
	b = fib(n - 2);
	g.wait();
	return a + b;
}

static void fib_jobs()
{
	long n = number("number", 30);
	auto begun = clock::now();
	long got = fib(n);

	report("call", ns_since(begun) / fib_calls(n), "ns");
	if (got != fib_plain(n))
		wrong("a wrong number");
}

static long skynet(long first, long leaves)
{
	const int children = 10;
	long each = leaves / children, part[children], sum = 0;

	if (leaves == 1)
		return first;
	tbb::task_group g;
	for (int i = 0; i < children; i++)
		g.run([&, i] { part[i] = skynet(first + i * each, each); });
	g.wait();
	for (long v : part)
		sum += v;
	return sum;
}

static void skynet_jobs()
{
	long n = number("count", 1000000);

	for (auto name : rounds) {
		auto begun = clock::now();
		long sum = skynet(0, n);

		report(name, ns_since(begun) / 1e6, "ms");
		if (sum != n * (n - 1) / 2)
			wrong("a wrong sum");
	}
}

static void version()
{
	printf("oneTBB %s\n", TBB_runtime_version());
}

int main(int argc, char **argv)
{
	const std::map<std::string, void (*)()> workloads = {
		{ "spawn", spawn }, { "spawn-join", spawn_join },
		{ "fib-jobs", fib_jobs }, { "skynet-jobs", skynet_jobs },
		{ "version", version },
	};
	auto w = workloads.find(parse(argc, argv));

	if (w == workloads.end())
		usage("no such workload");
	int workers = (int)number("workers", 1);
	tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
				  (std::size_t)workers);
	tbb::task_arena(workers).execute(w->second);
	return 0;
}
