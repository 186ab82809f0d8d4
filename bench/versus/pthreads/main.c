// SPDX-License-Identifier: MIT
/* Threads of the kernel with what POSIX gives them to wait by. */
#include "versus/common/versus.h"
#include "versus/pthreads/threads.h"

static const struct workload workloads[] = {
	{ "yield", threads_yield },
	{ "spawn", threads_spawn },
	{ "spawn-join", threads_spawn_join },
	{ "pingpong", threads_pingpong },
	{ "queue", threads_queue },
	{ "mutex", threads_mutex },
	{ "mutex-contended", threads_mutex_contended },
	{ "memory", threads_memory },
	{ "wake", threads_wake },
	{ "file", threads_file },
	{ "echo", threads_echo },
	{ NULL, NULL },
};

int main(int argc, char **argv)
{
	return versus_main(argc, argv, workloads);
}
