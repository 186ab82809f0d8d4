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

static FILE *file;
static const struct entry *key;		/* whose value is being written */

static void put(const char *s, size_t n)
{
	fprintf(file, "$%zu\r\n", n);
	fwrite(s, 1, n, file);
	fputs("\r\n", file);
}

/* A request on the key, with a field, if it is of a hash, and a value. */
static void request(const char *name, const struct entry *field, const char *s, size_t n)
{
	fprintf(file, "*%d\r\n", field ? 4 : 3);
	put(name, strlen(name));
	put(key->data, key->klen);
	if (field)
		put(field->data, field->klen);
	put(s, n);
}

static void put_field(struct entry *e, void *unused)
{
	request("HSET", e, e->data + e->klen, e->vlen);
	(void)unused;
}

static void put_key(struct entry *e, void *unused)
{
	char s[24];

	key = e;
	if (e->type == T_STRING)
		request("SET", NULL, e->data + e->klen, e->vlen);
	else if (e->type == T_HASH)
		table_each(e->table, put_field, unused);
	for (size_t i = 0; e->type == T_LIST && i < e->table->count; i++) {
		struct entry *one = *list_at(e->table, i);

		request("RPUSH", NULL, one->data + one->klen, one->vlen);
	}
	if (e->expires)
		request("PEXPIREAT", NULL, s, (size_t)sprintf(s, "%" PRId64, e->expires));
}

/* By one at a time: the child, or the process that ends. */
int snapshot_write(void)
{
	char tmp[4096];
	bool bad;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", server.file) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	file = fopen(tmp, "we");
	if (!file)
		return -errno;
	table_each(&db.keys, put_key, NULL);
	bad = fflush(file) || ferror(file) || fsync(fileno(file));
	if (!fclose(file) && !bad && !rename(tmp, server.file))
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
