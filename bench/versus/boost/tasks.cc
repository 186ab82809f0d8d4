// SPDX-License-Identifier: MIT
#include <atomic>

#include "fibers.hh"

static const char *const rounds[] = { "first", "second" };

void yield_()
{
	long n = number("count", 4000000) / 2, done[2] = { 0, 0 };
	std::vector<bf::fiber> f;
	auto begun = clock::now();

	for (int i = 0; i < 2; i++)
		f.push_back(go([&, i] {
			for (long k = 0; k < n; k++) {
				done[i]++;
				boost::this_fiber::yield();
			}
		}));
	for (auto &x : f)
		x.join();
	report("switch", ns_since(begun) / (2.0 * (double)n), "ns");
	if (done[0] != n || done[1] != n)
		wrong("miscounted");
}

/* A hundred thousand: each of them has its stack from the beginning. */
void spawn()
{
	long n = std::min(number("count", 100000), 100000l);

	for (auto name : rounds) {
		std::atomic<long> counted{ 0 };
		std::vector<bf::fiber> f;
		auto begun = clock::now();

		f.reserve((std::size_t)n);
		for (long i = 0; i < n; i++)
			f.push_back(go([&] { counted++; }));
		for (auto &x : f)
			x.join();
		report(name, ns_since(begun) / (double)n, "ns");
		if (counted != n)
			wrong("miscounted");
	}
}

void spawn_join()
{
	long n = number("count", 1000000), sum = 0;
	auto begun = clock::now();

	for (long i = 0; i < n; i++)
		go([&] { sum++; }).join();
	report("task", ns_since(begun) / (double)n, "ns");
	if (sum != n)
		wrong("miscounted");
}

static long fib(long n)
{
	long a, b;

	if (n < 2)
		return n;
	bf::fiber f = go([&] { a = fib(n - 1); });
	b = fib(n - 2);
	f.join();
	return a + b;
}

void fib_tasks()
{
	long n = number("number", 20);
	auto begun = clock::now();
	long got = fib(n);

	report("call", ns_since(begun) / fib_calls(n), "ns");
	if (got != fib_plain(n))
		wrong("a wrong number");
}

static const int children = 10;

static long by_joins(long first, long leaves)
{
	long each = leaves / children, part[children], sum = 0;
	bf::fiber f[children];

	if (leaves == 1)
		return first;
	for (int i = 0; i < children; i++)
		f[i] = go([&, i] { part[i] = by_joins(first + i * each, each); });
	for (int i = 0; i < children; i++) {
		f[i].join();
		sum += part[i];
	}
	return sum;
}

using channel = bf::buffered_channel<long>;

static void by_channels(channel &up, long first, long leaves)
{
	long each = leaves / children, sum = first;

	if (leaves > 1) {
		channel ch{ 16 };

		sum = 0;
		for (int i = 0; i < children; i++)
			go([&, i] {
				by_channels(ch, first + i * each, each);
			}).detach();
		for (int i = 0; i < children; i++)
			sum += ch.value_pop();
	}
	up.push(sum);
}

static long tree_of_channels(long n)
{
	channel up{ 2 };

	go([&] { by_channels(up, 0, n); }).detach();
	return up.value_pop();
}

static void trees(long (*tree)(long))
{
	long n = number("count", 1000000);

	for (auto name : rounds) {
		auto begun = clock::now();
		long sum = tree(n);

		report(name, ns_since(begun) / 1e6, "ms");
		if (sum != n * (n - 1) / 2)
			wrong("a wrong sum");
	}
}

void skynet_joins()
{
	trees([](long n) {
		long sum;

		go([&] { sum = by_joins(0, n); }).join();
		return sum;
	});
}

void skynet_channels()
{
	trees(tree_of_channels);
}

void memory()
{
	long n = std::min(number("count", 100000), 100000l), there = 0;
	bf::mutex m;
	bf::condition_variable cond;
	std::vector<bf::fiber> f;

	f.reserve((std::size_t)n);
	double before = resident();
	for (long i = 0; i < n; i++)
		f.push_back(go([&] {
			std::unique_lock<bf::mutex> l(m);

			there++;
			cond.wait(l, [] { return false; });
		}));
	if (!there)
		report("unstarted", (resident() - before) / (double)n, "bytes");
	while (there < n)
		boost::this_fiber::yield();
	report("suspended", (resident() - before) / (double)n, "bytes");
	_Exit(0);
}
