// SPDX-License-Identifier: MIT
/* echo: a task for each connection; file: a task for each read under way. */
#include <stdlib.h>
#include <sys/socket.h>

#include "versus/common/versus.h"
#include "versus/common/work.h"
#include "versus/oa/ours.h"

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char b[4096];
	ssize_t n;

	while ((n = oa_recv(fd, b, sizeof(b), 0)) > 0) {
		work_for(b, (size_t)n);
		if (oa_send_all(fd, b, (size_t)n, NULL))
			break;
	}
	oa_close(fd);
	return NULL;
}

static void *take_all(void *arg)
{
	for (;;) {
		int fd = oa_accept4((int)(intptr_t)arg, NULL, NULL,
				    SOCK_CLOEXEC);

		if (fd >= 0)
			ours_go(serve, (void *)(intptr_t)fd);
	}
	return NULL;
}

/* As in oa-echo: an acceptor on each worker. */
static void *acceptors(void *arg)
{
	int workers = (int)opt_number("workers", 1);

	for (int i = 0; i < workers; i++)
		if (oa_go(take_all, arg, .worker = OA_WORKER(i)))
			wrong("oa_go fails");
	oa_sleep_until(OA_FOREVER);
	return NULL;
}

void ours_echo(void)
{
	ours_run(acceptors, (void *)(intptr_t)versus_listen());
}

static int file;
static uint64_t blocks, each;

static void *reader(void *arg)
{
	uint64_t x = 88172645463325252ull + (uintptr_t)arg;
	char *b = aligned_alloc(BLOCK, BLOCK);

	for (uint64_t i = 0; b && i < each; i++) {
		uint64_t k = next_random(&x) % blocks;

		check_block(b, oa_pread(file, b, BLOCK, (off_t)(k * BLOCK)),
			    k);
	}
	free(b);
	return NULL;
}

static void *readers(void *arg)
{
	uint64_t n = (uint64_t)opt_number("tasks", 64), begun;
	oa_task_t *t = calloc(n, sizeof(*t));

	each = (uint64_t)opt_number("count", 1000000) / n;
	begun = now_ns();
	for (uint64_t i = 0; t && i < n; i++)
		t[i] = oa_spawn(reader, (void *)(uintptr_t)i);
	for (uint64_t i = 0; t && i < n; i++)
		if (oa_join(t[i], NULL))
			wrong("a task is lost");
	report("read", (double)(now_ns() - begun) / (double)(n * each), "ns");
	free(t);
	return arg;
}

void ours_file(void)
{
	file = versus_file(&blocks);
	ours_run(readers, NULL);
}
