// SPDX-License-Identifier: MIT
/*
 * Trying again what fails: a hundred clients of a server that is there only
 * now and then. Each waits in the handler of the exception that told it so,
 * many at once, and may go on in another thread than the one that threw.
 */
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tasks.h"

namespace {

constexpr int clients = 100, attempts = 5;

struct unavailable : std::runtime_error {
	unavailable(int client, int attempt)
		: std::runtime_error("client " + std::to_string(client)),
		  attempt(attempt)
	{
	}

	int attempt;
};

/* Says that it is gone, and waits for that: destructors may suspend. */
class connection {
public:
	explicit connection(int &open) : open(open) { open++; }

	~connection()
	{
		oa_sleep(OA_MSEC);
		open--;
	}

	int ask(int client, int attempt)
	{
		tasks::check(oa_sleep(OA_MSEC), "sleep");
		if (attempt < client % (attempts + 1))
			throw unavailable(client, attempt);
		return attempt;
	}

private:
	int &open;
};

int with_patience(int client, int &open)
{
	for (int attempt = 0;; attempt++) {
		try {
			return connection(open).ask(client, attempt);
		} catch (const unavailable &e) {
			if (attempt + 1 == attempts)
				throw;
			tasks::check(oa_sleep((1 << attempt) * OA_MSEC), "sleep");
			if (e.what() != "client " + std::to_string(client) ||
			    e.attempt != attempt)
				throw std::logic_error("another's exception");
		}
	}
}

int first()
{
	auto start = [](int client, int &open) {
		return tasks::spawn([client, &open] {
			return with_patience(client, open);
		}, "client");
	};
	std::vector<decltype(start(0, std::declval<int &>()))> running;
	std::vector<int> open(clients);
	int retries = 0, gave_up = 0, leaked = 0;

	running.reserve(clients);
	for (int i = 0; i < clients; i++)
		running.push_back(start(i, open[i]));
	for (int i = 0; i < clients; i++) {
		try {
			retries += running[i].get();
		} catch (const unavailable &e) {
			gave_up++;
			retries += e.attempt;
		}
		leaked += open[i];
	}
	std::printf("%d clients, %d retries, %d gave up, %d left open\n",
		    clients, retries, gave_up, leaked);
	return leaked != 0;
}

} /* namespace */

int main()
{
	try {
		return tasks::run(first);
	} catch (const std::exception &e) {
		std::fprintf(stderr, "retry: %s\n", e.what());
		return 1;
	}
}
