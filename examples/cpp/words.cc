// SPDX-License-Identifier: MIT
/*
 * Counts words, as wc -w does: each file in a task of its own. What goes wrong
 * with one is an exception there, and comes out where its result is asked for.
 */
#include <cctype>
#include <cstdio>
#include <mutex>
#include <string>
#include <vector>

#include "tasks.h"

namespace {

struct total {
	tasks::mutex lock;
	long words = 0;
};

long count(const char *path, total &all)
{
	tasks::file in(path);
	std::vector<char> buf(64 << 10);
	bool inside = false;
	long words = 0;

	while (size_t n = in.read(buf.data(), buf.size())) {
		for (size_t i = 0; i < n; i++) {
			bool letter = !std::isspace(
				static_cast<unsigned char>(buf[i]));

			words += letter && !inside;
			inside = letter;
		}
	}
	std::lock_guard<tasks::mutex> guard(all.lock);
	all.words += words;
	return words;
}

int count_all(int n, char **paths)
{
	auto start = [](const char *path, total &all) {
		return tasks::spawn([path, &all] { return count(path, all); },
				    path);
	};
	std::vector<decltype(start(nullptr, std::declval<total &>()))> running;
	total all;
	int failed = 0;

	running.reserve(static_cast<size_t>(n));
	for (int i = 0; i < n; i++)
		running.push_back(start(paths[i], all));
	for (int i = 0; i < n; i++) {
		try {
			std::printf("%7ld %s\n", running[i].get(), paths[i]);
		} catch (const std::system_error &e) {
			std::fflush(stdout);
			std::fprintf(stderr, "words: %s: %s\n", paths[i],
				     e.code().message().c_str());
			failed = 1;
		}
	}
	if (n > 1)
		std::printf("%7ld total\n", all.words);
	return failed;
}

} /* namespace */

int main(int argc, char **argv)
{
	if (argc < 2) {
		std::fprintf(stderr, "usage: words file...\n");
		return 2;
	}
	try {
		return tasks::run([&] { return count_all(argc - 1, argv + 1); });
	} catch (const std::exception &e) {
		std::fprintf(stderr, "words: %s\n", e.what());
		return 2;
	}
}
