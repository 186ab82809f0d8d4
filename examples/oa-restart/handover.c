/* SPDX-License-Identifier: MIT */
/*
 * From one process to the next: the listening socket, and with it whoever is
 * in its backlog. The new process inherits it and the end of a pipe; it writes
 * a byte when it accepts connections, and not before has the old one stopped.
 * At every moment one of them accepts. If the new one ends or dawdles instead,
 * the old one goes on as if nothing had been.
 */
#include "restart.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cli.h"

#define VARIABLE	"OA_RESTART"
#define PATIENCE	(10 * OA_SEC)

extern char **environ;

static int is_listener(int fd)
{
	socklen_t len = sizeof(int);
	int yes = 0;

	return !getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) && yes;
}

/* 1 if there is something to take, 0 if not, or -EINVAL. */
int handover_take(struct server *srv)
{
	const char *s = getenv(VARIABLE);

	srv->ready = -1;
	srv->generation = 1;
	if (!s)
		return 0;
	if (sscanf(s, "%u,%d,%d", &srv->generation, &srv->listener,
		   &srv->ready) != 3 || !is_listener(srv->listener) ||
	    fcntl(srv->ready, F_SETFD, FD_CLOEXEC) ||
	    fcntl(srv->listener, F_SETFD, FD_CLOEXEC))
		return -EINVAL;
	srv->addr.len = sizeof(srv->addr.sa);
	if (getsockname(srv->listener, (struct sockaddr *)&srv->addr.sa,
			&srv->addr.len))
		return -EINVAL;
	unsetenv(VARIABLE);
	return 1;
}

/* A reader that is gone does not matter: then nobody else accepts. */
void handover_ready(struct server *srv)
{
	if (srv->ready < 0)
		return;
	if (oa_write(srv->ready, "", 1) != 1)
		cli_warn("generation %u is not waited for", srv->generation);
	oa_close(srv->ready);
	srv->ready = -1;
}

/* Ours, and what the new one is to find. The array is the caller's to free. */
static char **new_environment(char *variable)
{
	size_t n = 0, kept = 0;
	char **env;

	while (environ[n])
		n++;
	env = calloc(n + 2, sizeof(*env));
	if (!env)
		return NULL;
	env[kept++] = variable;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], VARIABLE "=", sizeof(VARIABLE)))
			env[kept++] = environ[i];
	return env;
}

struct successor {
	struct server *srv;
	int ready;		/* the end that it is to write to */
	pid_t pid;
	int status;
};

/*
 * On these numbers, without O_CLOEXEC, for this one process. It finds signals
 * as they were, and SIGPIPE not ignored.
 */
static int spawn(struct successor *next, char **env)
{
	const struct server *srv = next->srv;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t reset;
	int err;

	sigemptyset(&reset);
	sigaddset(&reset, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	err = posix_spawn_file_actions_adddup2(&files, srv->listener,
					       srv->listener);
	if (!err)
		err = posix_spawn_file_actions_adddup2(&files, next->ready,
						       next->ready);
	if (!err)
		err = posix_spawnattr_setsigmask(&attr, &srv->mask);
	if (!err)
		err = posix_spawnattr_setsigdefault(&attr, &reset);
	if (!err)
		err = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
						      POSIX_SPAWN_SETSIGDEF);
	if (!err)
		err = posix_spawnp(&next->pid, srv->argv[0], &files, &attr,
				   srv->argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

/* By its name: a program that has been replaced meanwhile is the new one. */
static void *spawn_blocking(void *successor)
{
	struct successor *next = successor;
	char variable[80];
	char **env;
	int err;

	snprintf(variable, sizeof(variable), VARIABLE "=%u,%d,%d",
		 next->srv->generation + 1, next->srv->listener, next->ready);
	env = new_environment(variable);
	if (!env)
		return oa_err(-ENOMEM);
	err = spawn(next, env);
	free(env);
	return oa_err(err);
}

static void *reap_blocking(void *successor)
{
	struct successor *next = successor;

	kill(next->pid, SIGKILL);
	waitpid(next->pid, &next->status, 0);
	return NULL;
}

/* 0 when it accepts; -EPIPE: it has ended; -ETIMEDOUT. */
static int await(int ready)
{
	struct oa_deadline d;
	ssize_t n = -ETIMEDOUT;
	char byte;

	OA_WITHIN(&d, PATIENCE)
		n = oa_read(ready, &byte, 1);
	if (n == 1)
		return 0;
	return n ? (int)n : -EPIPE;
}

static int start(struct successor *next, int *ready)
{
	int ends[2], err;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	*ready = ends[0];
	next->ready = ends[1];
	err = oa_err_code(oa_block(spawn_blocking, next));
	oa_close(ends[1]);
	if (err)
		oa_close(ends[0]);
	return err;
}

/* 0 if another process has taken over. */
int handover_give(struct server *srv)
{
	struct successor next = { .srv = srv };
	int ready = -1, err;

	err = start(&next, &ready);
	if (err) {
		cli_warn("cannot start %s: %s", srv->argv[0],
			 oa_strerror(err));
		return err;
	}
	err = await(ready);
	oa_close(ready);
	if (!err)
		return 0;
	oa_block(reap_blocking, &next);
	cli_warn("process %d %s; generation %u goes on", (int)next.pid,
		 err == -EPIPE ? "has ended" : "does not begin",
		 srv->generation);
	return err;
}
