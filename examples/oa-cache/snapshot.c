/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: the requests that make the data, in the form in which a client
 * sends them. It takes the place of the old one when it is complete, on disk.
 */
#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct writer {
	FILE *f;
	const struct entry *key;
};

static void put(const struct writer *w, const char *s, size_t n)
{
	fprintf(w->f, "$%zu\r\n", n);
	fwrite(s, 1, n, w->f);
	fputs("\r\n", w->f);
}

/* A request of n arguments: its name, the key, and what follows. */
static void begin(const struct writer *w, int n, const char *name)
{
	fprintf(w->f, "*%d\r\n", n);
	put(w, name, strlen(name));
	put(w, w->key->data, w->key->klen);
}

static void put_field(struct entry *e, void *writer)
{
	begin(writer, 4, "HSET");
	put(writer, e->data, e->klen);
	put(writer, e->data + e->klen, e->vlen);
}

static void put_key(struct entry *e, void *writer)
{
	struct writer *w = writer;
	char s[24];

	w->key = e;
	if (e->type == T_STRING) {
		begin(w, 3, "SET");
		put(w, e->data + e->klen, e->vlen);
	} else if (e->type == T_HASH) {
		table_each(e->table, put_field, w);
	}
	for (size_t i = 0; e->type == T_LIST && i < e->table->count; i++) {
		struct entry *element = *list_at(e->table, i);

		begin(w, 3, "RPUSH");
		put(w, element->data + element->klen, element->vlen);
	}
	if (e->expires) {
		begin(w, 3, "PEXPIREAT");
		put(w, s, (size_t)sprintf(s, "%" PRId64, e->expires));
	}
}

int snapshot_write(void)
{
	char tmp[4096];
	struct writer w = { NULL, NULL };
	bool bad;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", server.file) < (int)sizeof(tmp))
		w.f = fopen(tmp, "we");
	if (!w.f)
		return -errno;
	table_each(&db.keys, put_key, &w);
	bad = fflush(w.f) || ferror(w.f) || fsync(fileno(w.f));
	bad |= fclose(w.f) != 0;
	if (!bad && !rename(tmp, server.file))
		return 0;
	unlink(tmp);
	return -EIO;
}

/* Under the lock. The number of the child, which writes, or an error. */
int snapshot_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(snapshot_write() ? 1 : 0);
	server.child = pid < 0 ? 0 : pid;
	return pid < 0 ? -errno : pid;
}

/* For its end; 0, or why there is no new snapshot. */
int snapshot_wait(int pid)
{
	int status = 1, fd = pidfd_open(pid, 0), err;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	err = fd < 0 ? -errno : oa_poll(&p, 1, -1);
	oa_close(fd);
	if (err < 0)
		return err;
	waitpid(pid, &status, 0);
	db_lock();
	server.child = 0;
	server.saved = status ? server.saved : now_ms() / 1000;
	db_unlock();
	return status ? -EIO : 0;
}

/* Before there is a runtime. No file is no error. */
int snapshot_load(void)
{
	int fd = open(server.file, O_RDONLY | O_CLOEXEC);
	static char buf[64 << 10];
	struct client c;
	ssize_t n;
	bool ok;

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
