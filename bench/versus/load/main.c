// SPDX-License-Identifier: MIT
/*
 * The client of the rows with a server: that of io/echo, for any server.
 *
 * echo:   64 bytes on each of --conns connections, one under way on each, the
 *         answer compared; --work=100: one of so many wants 5 to 200 us.
 * accept: connect, a byte to and fro, close.
 * With --pid, the CPU time of the server for each request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "versus/load/load.h"

static int number(const char *s, unsigned long *v)
{
	char *end;

	*v = strtoul(s, &end, 10);
	return end == s || *end || *s == '-' || *v > 1000000000 ? -1 : 0;
}

/* --name=value, or def */
static unsigned long option(int argc, char **argv, const char *name,
			    unsigned long def)
{
	size_t n = strlen(name);
	unsigned long v;

	for (int i = 2; i < argc; i++) {
		if (strncmp(argv[i], name, n) || argv[i][n] != '=')
			continue;
		if (number(argv[i] + n + 1, &v)) {
			fprintf(stderr, "bad option '%s'\n", argv[i]);
			exit(2);
		}
		return v;
	}
	return def;
}

static void all_files(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim))
		return;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
}

static void line(const char *name, double v, const char *unit)
{
	printf("%s\t%.6g\t%s\n", name, v, unit);
}

static void tell(const struct echo_load *l)
{
	const struct hist *h = &l->r->out->hist;
	double n = (double)l->requests, ns = (double)l->ns;

	line("requests", n * 1e9 / ns, "1/s");
	line("p50", (double)hist_percentile(h, .5) / 1e3, "us");
	line("p99", (double)hist_percentile(h, .99) / 1e3, "us");
	line("p999", (double)hist_percentile(h, .999) / 1e3, "us");
	line("client_busy", (double)l->client_cpu / ns, "share");
	if (!l->server)
		return;
	line("server_cpu", (double)l->server_cpu / n, "ns");
	line("server_busy", (double)l->server_cpu / ns, "share");
}

int main(int argc, char **argv)
{
	struct settings set = { .ncpu = 1 };
	struct sample *out = calloc(1, sizeof(*out));
	struct run r = { .set = &set, .out = out };
	struct echo_load l = { .r = &r };
	int (*load)(struct echo_load *l) = NULL;
	int ret;

	if (argc > 1 && !strcmp(argv[1], "echo"))
		load = echo_load;
	else if (argc > 1 && !strcmp(argv[1], "accept"))
		load = accept_load;
	if (!load || !out) {
		fprintf(stderr, "usage: versus-load echo|accept --port=N "
			"[--conns=64] [--bytes=64] [--ms=1000] [--warmup=300] "
			"[--work=0] [--pid=N]\n");
		return 2;
	}
	all_files();
	l.at.sin_family = AF_INET;
	l.at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l.at.sin_port = htons((uint16_t)option(argc, argv, "--port", 0));
	l.conns = (unsigned int)option(argc, argv, "--conns", 64);
	l.bytes = (unsigned int)option(argc, argv, "--bytes", 64);
	l.run_ns = option(argc, argv, "--ms", 1000) * 1000000;
	l.warmup_ns = option(argc, argv, "--warmup", 300) * 1000000;
	l.work_every = (unsigned int)option(argc, argv, "--work", 0);
	l.server = (pid_t)option(argc, argv, "--pid", 0);
	ret = load(&l);
	if (ret) {
		fprintf(stderr, "versus-load: %s\n", out->error);
		return 1;
	}
	tell(&l);
	fflush(stdout);
	_Exit(0);	/* it takes along what was not freed */
}
