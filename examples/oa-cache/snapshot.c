/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: the requests that make the data, in the form in which a client
 * sends them. It takes the place of the old one when it is complete, on disk.
 */
#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define WRITE		(64 << 10)

struct writer {
	struct client c;	/* its replies are the requests */
	struct entry *key;
	int err;
};

static void spill(struct writer *w, size_t min)
{
	size_t done = 0;
	ssize_t n;

	while (w->c.out_len > min && !w->err && done < w->c.out_len) {
		n = write(w->c.fd, w->c.out + done, w->c.out_len - done);
		if (n < 0 && errno != EINTR)
			w->err = -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	w->c.out_len = done ? 0 : w->c.out_len;
}

/* A command on the key, with n more arguments that are to follow. */
static void request(struct writer *w, const char *name, int n)
{
	spill(w, WRITE);
	reply_head(&w->c, '*', n + 2);
	reply_word(&w->c, name);
	reply_bulk(&w->c, w->key->data, w->key->klen);
}

static void put_element(struct entry *e, void *writer)
{
	struct writer *w = writer;
	bool set = w->key->type == T_SET;

	request(w, set ? "SADD" : "HSET", set ? 1 : 2);
	reply_bulk(&w->c, e->data, e->klen);
	if (!set)
		reply_value(&w->c, e);
}

static void put_key(struct entry *e, void *writer)
{
	struct writer *w = writer;
	uint64_t cursor = 0;
	char s[24];

	w->key = e;
	if (e->type == T_STRING) {
		request(w, "SET", 1);
		reply_value(&w->c, e);
	} else if (e->type == T_LIST) {
		struct list *l = e->obj;

		for (size_t i = 0; i < l->len; i++) {
			request(w, "RPUSH", 1);
			reply_bulk(&w->c, (*list_at(l, i))->at,
				   (*list_at(l, i))->len);
		}
	} else {
		do {
			cursor = table_scan(e->obj, cursor, put_element, w);
		} while (cursor);
	}
	if (e->expires) {
		request(w, "PEXPIREAT", 1);
		reply_bulk(&w->c, s, (size_t)sprintf(s, "%lld",
						     (long long)e->expires));
	}
}

int snapshot_write(void)
{
	struct writer w = { .c.fd = -1 };
	uint64_t cursor = 0;
	char tmp[4096];

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", server.file) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	w.c.fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (w.c.fd < 0)
		return -errno;
	do {
		cursor = table_scan(&db.keys, cursor, put_key, &w);
	} while (cursor && !w.err);
	spill(&w, 0);
	if (!w.err && fsync(w.c.fd))
		w.err = -errno;
	if (close(w.c.fd) && !w.err)
		w.err = -errno;
	if (!w.err && rename(tmp, server.file))
		w.err = -errno;
	if (w.err)
		unlink(tmp);
	free(w.c.out);
	return w.err;
}

/* Under the lock. The child's process number, or an error. */
int snapshot_fork(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(snapshot_write() ? 1 : 0);
	if (pid < 0)
		return -errno;
	server.child = pid;
	return pid;
}

/* For its end; 0, or why there is no new snapshot. */
int snapshot_wait(int pid)
{
	int status = 1, err, fd = pidfd_open(pid, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return -errno;
	err = oa_poll(&p, 1, -1);
	oa_close(fd);
	if (err < 0)
		return err;
	waitpid(pid, &status, 0);
	server.child = 0;
	if (status)
		return -EIO;
	server.saved = now_ms() / 1000;
	return 0;
}

/* Before there is a runtime. No file is no error. */
int snapshot_load(void)
{
	int fd = open(server.file, O_RDONLY | O_CLOEXEC);
	static char buf[WRITE];
	struct client c;
	bool ok;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ok = conn_open(&c, -1);
	while (ok && (n = read(fd, buf, sizeof(buf))) > 0)
		ok = conn_feed(&c, buf, (size_t)n);
	ok = ok && !n && !c.inside;
	conn_close(&c);
	close(fd);
	return ok ? 0 : -EBADMSG;
}
