/* SPDX-License-Identifier: MIT */
/*
 * Constant load for oa-restart. usage: load PORT THREADS [LINES]
 *
 * Each thread connects to 127.0.0.1, sends up to 8 lines (LINES) with pauses,
 * or one without if LINES is 1, checks each answer, says that it has done and
 * reads to the end, again and again, until SIGTERM. It
 * prints "generation N" when one answers for the first time, "failed: WHY" for
 * each failure, and "connections N, failed N" in the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GENERATIONS	100

static in_port_t port;
static int lines = 8;
static atomic_bool over;
static atomic_ullong connections, failed;
static atomic_bool seen[GENERATIONS];

static int fail(const char *what, const char *why)
{
	printf("failed: %s: %s\n", what, why);
	atomic_fetch_add(&failed, 1);
	return -1;
}

/* One line, without its end; "" at the end of all. */
static int get(int fd, char *buf, size_t size)
{
	size_t n = 0;

	do {
		ssize_t got = recv(fd, buf + n, size - 1 - n, 0);

		if (got < 0)
			return fail("recv", strerror(errno));
		if (!got)
			break;
		n += (size_t)got;
	} while (n < size - 1 && buf[n - 1] != '\n');
	buf[n] = '\0';
	if (n && buf[n - 1] != '\n')
		return fail("half a line", buf);
	return 0;
}

static int turn(int fd, unsigned int *generation, unsigned int *seed)
{
	char sent[40], got[80];
	unsigned int g;
	int n = 0;

	snprintf(sent, sizeof(sent), "%u\n", rand_r(seed));
	if (send(fd, sent, strlen(sent), MSG_NOSIGNAL) < 0)
		return fail("send", strerror(errno));
	if (get(fd, got, sizeof(got)))
		return -1;
	if (!*got)
		return fail("cut", "no answer");
	if (sscanf(got, "%u %n", &g, &n) != 1 || strcmp(got + n, sent))
		return fail("answer", got);
	if ((*generation && g != *generation) || g >= GENERATIONS)
		return fail("generation", got);
	*generation = g;
	if (!atomic_exchange(&seen[g], 1))
		printf("generation %u\n", g);
	return 0;
}

static int converse(int fd, unsigned int *seed)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = port,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	unsigned int generation = 0;
	char rest[80];

	if (connect(fd, (struct sockaddr *)&a, sizeof(a)))
		return fail("connect", strerror(errno));
	for (int i = rand_r(seed) % lines; i >= 0; i--) {
		if (turn(fd, &generation, seed))
			return -1;
		/* Some clients take their time: a restart meets them half way. */
		if (lines > 1)
			usleep((useconds_t)rand_r(seed) % 4000);
	}
	shutdown(fd, SHUT_WR);
	if (get(fd, rest, sizeof(rest)))
		return -1;
	if (*rest)
		return fail("too much", rest);
	return 0;
}

static void *load_thread(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	struct timeval patience = { .tv_sec = 20 };

	while (!atomic_load(&over)) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience));
		if (!converse(fd, &seed))
			atomic_fetch_add(&connections, 1);
		close(fd);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	size_t n = argc >= 3 ? (size_t)atoi(argv[2]) : 0;
	pthread_t *threads = calloc(n + 1, sizeof(*threads));
	sigset_t set;
	int signo;

	if (argc == 4)
		lines = atoi(argv[3]);
	if (!n || !threads || lines < 1) {
		fputs("usage: load PORT THREADS [LINES]\n", stderr);
		return 2;
	}
	port = htons((uint16_t)atoi(argv[1]));
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, load_thread,
				   (void *)(uintptr_t)(i + 1)))
			return 2;
	sigwait(&set, &signo);
	atomic_store(&over, 1);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("connections %llu, failed %llu\n", connections, failed);
	free(threads);
	return failed ? 1 : 0;
}
