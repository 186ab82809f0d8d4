/* SPDX-License-Identifier: MIT */
/* What the peers in C++ share: as versus.h. */
#ifndef OA_BENCH_VERSUS_HH
#define OA_BENCH_VERSUS_HH

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <sched.h>
#include <string>
#include <vector>

namespace versus {

using clock = std::chrono::steady_clock;
using instant = clock::time_point;
using std::chrono::nanoseconds;

inline std::map<std::string, std::string> options;

[[noreturn]] inline void wrong(const char *why)
{
	fprintf(stderr, "%s\n", why);
	_Exit(1);
}

[[noreturn]] inline void usage(const char *why)
{
	fprintf(stderr, "%s\nusage: PROGRAM WORKLOAD --workers=N "
		"[--param=...]\n", why);
	_Exit(2);
}

/* The workload; of options of one name the first holds. */
inline std::string parse(int argc, char **argv)
{
	if (argc < 2)
		usage("no workload");
	for (int i = 2; i < argc; i++) {
		std::string a = argv[i];
		auto at = a.find('=');

		if (a.compare(0, 2, "--") || at == std::string::npos)
			usage("a bad option");
		options.emplace(a.substr(2, at - 2), a.substr(at + 1));
	}
	return argv[1];
}

inline long number(const char *name, long def)
{
	auto o = options.find(name);
	char *end;

	if (o == options.end())
		return def;
	long v = strtol(o->second.c_str(), &end, 10);
	if (o->second.empty() || *end || v < 0)
		usage("a bad number");
	return v;
}

inline void report(const std::string &name, double v, const char *unit)
{
	printf("%s\t%.6g\t%s\n", name.c_str(), v, unit);
	fflush(stdout);
}

inline double ns_since(instant begun)
{
	using ns = std::chrono::duration<double, std::nano>;

	return ns(clock::now() - begun).count();
}

inline double cpu_ns()
{
	timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Resident memory and the page tables below it. */
inline double resident()
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	double sum = 0, kib;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %lf kB", &kib) == 1 ||
		    sscanf(line, "VmPTE: %lf kB", &kib) == 1)
			sum += kib;
	if (f)
		fclose(f);
	return sum * 1024;
}

inline void pin_to(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

inline void spin(std::chrono::microseconds d)
{
	for (auto end = clock::now() + d; clock::now() < end;)
		;
}

inline void latencies(const std::string &name, std::vector<double> &ns)
{
	std::sort(ns.begin(), ns.end());
	if (ns.front() < 0)
		wrong("early");
	report(name + "_p50", ns[ns.size() / 2] / 1e3, "us");
	report(name + "_p99", ns[ns.size() * 99 / 100] / 1e3, "us");
}

struct random {
	std::uint64_t x = 88172645463325252ull;

	std::uint64_t next()
	{
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		return x;
	}
};

inline long fib_plain(long n)
{
	long a = 0, b = 1;

	while (n-- > 0) {
		long c = a + b;

		a = b;
		b = c;
	}
	return a;
}

inline double fib_calls(long n)
{
	return 2.0 * (double)fib_plain(n + 1) - 1;
}

}

#endif
