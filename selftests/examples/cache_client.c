/* SPDX-License-Identifier: MIT */
/*
 * cache_client PORT [PIECE]: sends the commands on standard input, one a line,
 * to a server on loopback, PIECE bytes at a time (0: all at once), while it
 * reads the replies, and prints each of them on a line.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <hiredis/sds.h>

static void die(const char *what)
{
	fprintf(stderr, "cache_client: %s\n", what);
	exit(1);
}

static sds requests(int *count)
{
	sds all = sdsempty();
	char *line = NULL, *one;
	size_t room = 0;
	int argc, n;

	while (getline(&line, &room, stdin) > 0) {
		sds *words = sdssplitargs(line, &argc);
		size_t lens[256];

		if (!words || !argc || argc > 256)
			die("a line that is no command");
		for (int i = 0; i < argc; i++)
			lens[i] = sdslen(words[i]);
		n = (int)redisFormatCommandArgv(&one, argc, (const char **)words,
						lens);
		all = sdscatlen(all, one, (size_t)n);
		free(one);
		sdsfreesplitres(words, argc);
		++*count;
	}
	free(line);
	return all;
}

static void print(const redisReply *r)
{
	switch (r->type) {
	case REDIS_REPLY_STRING:
		printf("\"%s\"", r->str);
		break;
	case REDIS_REPLY_STATUS:
		printf("%s", r->str);
		break;
	case REDIS_REPLY_ERROR:
		printf("-%s", r->str);
		break;
	case REDIS_REPLY_INTEGER:
		printf("%lld", r->integer);
		break;
	case REDIS_REPLY_NIL:
		printf("nil");
		break;
	default:
		printf("[");
		for (size_t i = 0; i < r->elements; i++) {
			fputs(i ? " " : "", stdout);
			print(r->element[i]);
		}
		printf("]");
	}
}

/* Prints what has come; how many that were. */
static int replies(redisContext *c)
{
	redisReply *r;
	int n = 0;

	if (redisBufferRead(c))
		die(c->errstr);
	while (!redisGetReplyFromReader(c, (void **)&r) && r) {
		print(r);
		putchar('\n');
		freeReplyObject(r);
		n++;
	}
	return n;
}

static void talk(redisContext *c, const char *s, size_t left, size_t piece,
		 int count)
{
	struct pollfd p = { .fd = c->fd };

	while (count) {
		p.events = POLLIN | (left ? POLLOUT : 0);
		if (poll(&p, 1, 60000) <= 0)
			die("no reply");
		if (p.revents & (POLLIN | POLLHUP | POLLERR))
			count -= replies(c);
		if (left && p.revents & POLLOUT) {
			ssize_t n = send(c->fd, s, piece && piece < left ?
					 piece : left, MSG_DONTWAIT |
					 MSG_NOSIGNAL);

			if (n < 0 && errno != EAGAIN)
				die(strerror(errno));
			s += n > 0 ? n : 0;
			left -= n > 0 ? (size_t)n : 0;
		}
	}
}

int main(int argc, char **argv)
{
	int count = 0;
	redisContext *c;
	sds all;

	if (argc < 2)
		die("usage: cache_client PORT [PIECE]");
	c = redisConnect("127.0.0.1", atoi(argv[1]));
	if (!c || c->err)
		die(c ? c->errstr : "no memory");
	redisEnableKeepAlive(c);
	all = requests(&count);
	talk(c, all, sdslen(all), argc > 2 ? (size_t)atoi(argv[2]) : 0, count);
	sdsfree(all);
	redisFree(c);
	return 0;
}
