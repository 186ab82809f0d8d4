// SPDX-License-Identifier: MIT
/* A thread for each connection, and for each read under way. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "versus/common/versus.h"
#include "versus/common/work.h"
#include "versus/pthreads/threads.h"

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char b[4096];
	ssize_t n;

	while ((n = recv(fd, b, sizeof(b), 0)) > 0) {
		work_for(b, (size_t)n);
		if (send(fd, b, (size_t)n, MSG_NOSIGNAL) != n)
			break;
	}
	close(fd);
	return NULL;
}

void threads_echo(void)
{
	int fd = versus_listen();

	for (;;) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (c < 0)
			continue;
		pthread_detach(thread_start(serve, (void *)(intptr_t)c));
	}
}

static int file;
static uint64_t blocks, each;

static void *reader(void *arg)
{
	uint64_t x = 88172645463325252ull + (uintptr_t)arg;
	char *b = aligned_alloc(BLOCK, BLOCK);

	for (uint64_t i = 0; b && i < each; i++) {
		uint64_t k = next_random(&x) % blocks;

		check_block(b, pread(file, b, BLOCK, (off_t)(k * BLOCK)), k);
	}
	free(b);
	return NULL;
}

void threads_file(void)
{
	unsigned long n = (unsigned long)opt_number("tasks", 64);
	uint64_t begun;

	file = versus_file(&blocks);
	each = (uint64_t)opt_number("count", 1000000) / n;
	begun = now_ns();
	threads_all(n, reader);
	report("read", (double)(now_ns() - begun) / (double)(n * each), "ns");
}
