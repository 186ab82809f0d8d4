// SPDX-License-Identifier: MIT
#include <boost/version.hpp>
#include <functional>
#include <thread>

#include "fibers.hh"

static const std::map<std::string, void (*)()> workloads = {
	{ "yield", yield_ }, { "spawn", spawn }, { "spawn-join", spawn_join },
	{ "fib-tasks", fib_tasks }, { "skynet-joins", skynet_joins },
	{ "skynet-channels", skynet_channels }, { "memory", memory },
	{ "pingpong", pingpong }, { "queue", queue }, { "mutex", mutex },
	{ "mutex-contended", mutex_contended }, { "sleepers", sleepers },
	{ "expiry", expiry },
};

/* The others steal until the process ends. */
static void start_others()
{
	for (long i = 1; i < workers; i++)
		std::thread([] {
			bf::mutex never;
			bf::condition_variable cond;
			std::unique_lock<bf::mutex> l(never);

			bf::use_scheduling_algorithm<bf::algo::work_stealing>(
				(std::uint32_t)workers, true);
			cond.wait(l, [] { return false; });
		}).detach();
	if (workers > 1)
		bf::use_scheduling_algorithm<bf::algo::work_stealing>(
			(std::uint32_t)workers, true);
}

int main(int argc, char **argv)
{
	std::string name = parse(argc, argv);
	auto w = workloads.find(name);

	if (name == "version") {
		printf("Boost %s\n", BOOST_LIB_VERSION);
		return 0;
	}
	workers = number("workers", 1);
	if (name == "wake") {
		wake();
		return 0;
	}
	if (w == workloads.end())
		usage("no such workload");
	/* deep recursion through libraries wants more than two pages */
	if (name == "fib-tasks" && workers > 1)
		stack_size = 65536;
	start_others();
	bf::fiber(bf::launch::post, std::allocator_arg,
		  bf::fixedsize_stack(256 * 1024), w->second).join();
	fflush(stdout);
	_Exit(0);
}
