// SPDX-License-Identifier: MIT
#include <atomic>
#include <thread>

#include "fibers.hh"

using status = bf::channel_op_status;
using rendezvous = bf::unbuffered_channel<long>;

static void echo(rendezvous &there, rendezvous &back)
{
	long v;

	while (there.pop(v) == status::success)
		back.push(v + 1);
}

void pingpong()
{
	long n = number("count", 1000000), v = 0;
	rendezvous there, back;
	bf::fiber f = go([&] { echo(there, back); });
	auto begun = clock::now();

	for (long i = 0; i < n; i++) {
		there.push(v);
		v = back.value_pop();
	}
	report("trip", ns_since(begun) / (double)n, "ns");
	there.close();
	f.join();
	if (v != n)
		wrong("a wrong number");
}

void queue()
{
	long producers = number("producers", 1);
	long consumers = number("consumers", 1);
	long each = number("count", 8000000) / producers;
	bf::buffered_channel<long> ch{ 128 };
	std::vector<bf::fiber> p, c;
	std::atomic<long> total{ 0 };
	auto begun = clock::now();

	for (long i = 0; i < producers; i++)
		p.push_back(go([&] {
			for (long k = 0; k < each; k++)
				ch.push(k);
		}));
	for (long i = 0; i < consumers; i++)
		c.push_back(go([&] {
			long v, sum = 0;

			while (ch.pop(v) == status::success)
				sum += v;
			total += sum;
		}));
	for (auto &f : p)
		f.join();
	ch.close();
	for (auto &f : c)
		f.join();
	report("message", ns_since(begun) / (double)(producers * each), "ns");
	if (total != producers * (each * (each - 1) / 2))
		wrong("elements are wrong");
}

static void lockers(long tasks, long each)
{
	bf::mutex m;
	long x = 0;
	std::vector<bf::fiber> f;
	auto begun = clock::now();

	for (long i = 0; i < tasks; i++)
		f.push_back(go([&] {
			for (long k = 0; k < each; k++) {
				std::lock_guard<bf::mutex> l(m);

				x++;
			}
		}));
	for (auto &t : f)
		t.join();
	report("pair", ns_since(begun) / (double)(tasks * each), "ns");
	if (x != tasks * each)
		wrong("miscounted");
}

void mutex()
{
	lockers(1, number("count", 20000000));
}

void mutex_contended()
{
	long tasks = number("tasks", 8);

	lockers(tasks, number("count", 8000000) / tasks);
}

/* Two threads with a scheduler each, a CPU each; both park. */
void wake()
{
	long n = number("count", 3000);
	rendezvous there, back;
	std::vector<double> trip;
	std::thread other([&] {
		pin_to(0);
		echo(there, back);
	});

	pin_to(1);
	for (long i = 0; i < n; i++) {
		spin(std::chrono::microseconds(200));
		auto begun = clock::now();

		there.push(i);
		if (back.value_pop() != i + 1)
			wrong("a wrong number");
		trip.push_back(ns_since(begun));
	}
	there.close();
	other.join();
	latencies("trip", trip);
}

/*
 * A hundred thousand sleepers, since each has a stack of two pages; the CPU
 * time is scaled to a million.
 */
static long sleepers_of(double *scale)
{
	long n = std::min(number("count", 1000000), 100000l);

	*scale = (double)number("count", 1000000) / (double)n;
	return n;
}

void sleepers()
{
	double scale;
	long n = sleepers_of(&scale);
	std::vector<double> late((std::size_t)n);

	for (std::string name : { "first", "second" }) {
		double cpu = cpu_ns();
		std::vector<bf::fiber> f;
		versus::random x;

		f.reserve((std::size_t)n);
		for (auto &l : late)
			f.push_back(go([&l, d = std::chrono::microseconds(
						    x.next() % 1000000)] {
				auto at = clock::now() + d;

				boost::this_fiber::sleep_for(d);
				l = ns_since(at);
			}));
		for (auto &t : f)
			t.join();
		report(name + "_cpu", (cpu_ns() - cpu) * scale / 1e6, "ms");
		latencies(name, late);
	}
}

void expiry()
{
	double scale, cpu;
	long n = sleepers_of(&scale), there = 0;
	std::vector<double> late((std::size_t)n);
	std::vector<bf::fiber> f;
	versus::random x;
	auto base = clock::now() + nanoseconds(n * 10000 + 500000000);

	f.reserve((std::size_t)n);
	for (auto &l : late)
		f.push_back(go([&, at = base + nanoseconds(x.next() %
							   1000000000)] {
			there++;
			boost::this_fiber::sleep_until(at);
			l = ns_since(at);
		}));
	while (there < n)
		boost::this_fiber::yield();
	if (clock::now() > base)
		wrong("not all were asleep in time");
	boost::this_fiber::sleep_until(base - std::chrono::milliseconds(5));
	cpu = cpu_ns();
	for (auto &t : f)
		t.join();
	report("cpu", (cpu_ns() - cpu) / (double)n, "ns");
	latencies("late", late);
}
