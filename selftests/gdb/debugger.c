/* SPDX-License-Identifier: MIT */
#include "debugger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define MARK		"==%d=="

/* Beside this program. */
static void find(char *path, size_t size, const char *name)
{
	ssize_t n = readlink("/proc/self/exe", path, size - strlen(name) - 1);
	char *slash;

	ASSERT_GT(n, 0);
	path[n] = '\0';
	slash = strrchr(path, '/');
	ASSERT_NOT_NULL(slash);
	strcpy(slash + 1, name);
}

static void run_victim(const struct victim *v, const char *dir, long more,
		       int in, int out)
{
	char number[32];

	snprintf(number, sizeof(number), "%ld", more);
	if (chdir(dir))
		_exit(1);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	execl(v->path, v->path, number, NULL);
	_exit(1);
}

void victim_start(struct victim *v, const char *name, const char *dir,
		  long more)
{
	int in[2], out[2];
	char line[64];
	FILE *f;

	find(v->path, sizeof(v->path), name);
	if (access(v->path, X_OK))
		SKIP("no %s beside this test", name);
	ASSERT_EQ(pipe2(in, O_CLOEXEC), 0);
	ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
	v->pid = fork();
	ASSERT_GE(v->pid, 0);
	if (!v->pid)
		run_victim(v, dir, more, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	v->in = in[1];
	f = fdopen(out[0], "r");
	ASSERT_NOT_NULL(f);
	ASSERT_TRUE(fgets(line, sizeof(line), f) != NULL);
	ASSERT_EQ(sscanf(line, "ready %llx", &v->sleeper), 1);
	fclose(f);
}

int victim_end(struct victim *v)
{
	int status;

	ASSERT_EQ(write(v->in, "x", 1), 1);
	ASSERT_EQ(waitpid(v->pid, &status, 0), v->pid);
	close(v->in);
	return status;
}

void debugger_needed(void)
{
	/* an emulated process cannot be traced */
	if (ptrace(PTRACE_PEEKUSER, getpid(), NULL, NULL) < 0 &&
	    errno == ENOSYS)
		SKIP("ptrace");
	if (access(OA_GDB_SCRIPT, R_OK))
		SKIP("the source of the library: " OA_GDB_SCRIPT);
	if (system("gdb -batch -nx -ex 'python print(gdb.TargetConnection)'"
		   " 2>/dev/null | grep -q TargetConnection"))
		SKIP("gdb 11 or newer, with Python");
}

/* gdb's arguments: what to look at, and each command behind a mark. */
static void run_gdb(const struct victim *v, const char *core,
		    const char *const *commands, int out)
{
	static char marks[SAID_MAX][32], pid[32];
	const char *argv[4 * SAID_MAX + 32];
	int n = 0;

#define ARG(arg)	(argv[n++] = (arg))
	ARG("gdb"), ARG("-batch"), ARG("-nx");
	ARG("-ex"), ARG("set width 0");
	ARG("-ex"), ARG("set backtrace limit 100");
	ARG("-ex"), ARG("set debuginfod enabled off");
	ARG(v->path);
	if (core) {
		ARG(core);
	} else {
		snprintf(pid, sizeof(pid), "%d", v->pid);
		ARG("-p"), ARG(pid);
	}
	ARG("-ex"), ARG("source " OA_GDB_SCRIPT);
	for (int i = 0; commands[i]; i++) {
		snprintf(marks[i], sizeof(marks[i]), "echo " MARK "\\n", i);
		ARG("-ex"), ARG(marks[i]);
		ARG("-ex"), ARG(commands[i]);
	}
	ARG(NULL);
#undef ARG
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp("gdb", (char *const *)argv);
	_exit(127);
}

static void read_all(int fd, char *text, size_t size)
{
	size_t done = 0;
	ssize_t n;

	while (done < size - 1 && (n = read(fd, text + done, size - 1 - done)))
		if (n > 0)
			done += (size_t)n;
		else
			ASSERT_EQ(errno, EINTR);
	text[done] = '\0';
}

/* Cuts the text at its marks. */
static void cut(struct said *s)
{
	char mark[32];

	for (int i = 0; s->commands[i]; i++) {
		snprintf(mark, sizeof(mark), MARK "\n", i);
		s->to[i] = strstr(s->text, mark);
		if (!s->to[i])
			FAIL("gdb gave no answer to \"%s\": %s",
			     s->commands[i], s->text);
	}
	for (int i = 0; s->commands[i]; i++) {
		*s->to[i] = '\0';
		s->to[i] = strchr(s->to[i] + 1, '\n') + 1;
	}
}

void debug(struct said *s, const struct victim *v, const char *core,
	   const char *const *commands)
{
	int out[2];
	pid_t pid;

	ASSERT_EQ(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		run_gdb(v, core, commands, out[1]);
	close(out[1]);
	read_all(out[0], s->text, sizeof(s->text));
	close(out[0]);
	ASSERT_EQ(waitpid(pid, NULL, 0), pid);
	if (strstr(s->text, "ptrace: Operation not permitted"))
		SKIP("ptrace");
	s->commands = commands;
	cut(s);
}

const char *said_to(const struct said *s, const char *command)
{
	for (int i = 0; s->commands[i]; i++)
		if (!strcmp(s->commands[i], command))
			return s->to[i];
	FAIL("gdb was never told \"%s\"", command);
}

static void expect_behind(const char *file, int line, const char *text,
			  const char *at, const char *const *words)
{
	for (; *words; words++) {
		at = strstr(at, *words);
		if (!at) {
			harness_log(file, line, "no \"%s\" in: %s", *words,
				    text);
			EXPECT_TRUE(!"gdb says what is expected");
			return;
		}
		at += strlen(*words);
	}
}

void expect_in_order(const char *file, int line, const char *text,
		     const char *const *words)
{
	expect_behind(file, line, text, text, words);
}

void expect_line(const char *file, int line, const char *text,
		 const char *const *words)
{
	const char *at = strstr(text, words[0]);
	char copy[512] = "";

	if (at)
		snprintf(copy, sizeof(copy), "%.*s", (int)strcspn(at, "\n"),
			 at);
	expect_behind(file, line, text, copy, words);
}
