// SPDX-License-Identifier: MIT
/*
 * An exception that leaves the body of a task ends the program, as one that
 * leaves a thread does; before that, a line names the task.
 */
#include "core/uncaught.h"

#include <oa/coro.h>

#include <stdio.h>
#include <unistd.h>

#include "arch/coro.h"
#include "core/runtime.h"

static int put_coro(char *buf, size_t size, const struct oa_coro *co)
{
	return snprintf(buf, size, "coroutine \"%s\" (%p)", oa_coro_name(co),
			(const void *)co);
}

static int put_task(char *buf, size_t size, const struct task *t)
{
	return snprintf(buf, size,
			"task \"%s\" (handle %#llx), started at %p, function %p",
			task_name(t), (unsigned long long)task_handle(t).id,
			t->site, (void *)(uintptr_t)t->fn);
}

/* Where it was thrown, on the stack of that. */
static void tell(void)
{
	struct oa_coro *co = coro_running();
	struct task *t = task_self();
	char buf[320];
	int n;

	n = snprintf(buf, sizeof(buf), "liboa: an exception leaves ");
	if (co)
		n += put_coro(buf + n, sizeof(buf) - (size_t)n, co);
	if (co && t)
		n += snprintf(buf + n, sizeof(buf) - (size_t)n, " in ");
	if (t)
		n += put_task(buf + n, sizeof(buf) - (size_t)n, t);
	buf[n++] = '\n';
	if (write(STDERR_FILENO, buf, (size_t)n) < 0)
		return;
}

void uncaught_install(void)
{
	arch_set_uncaught(tell);
}
