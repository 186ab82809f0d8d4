/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: the requests that make the data, in the form in which a client
 * sends them. It takes the place of the old one when it is complete, on disk.
 */
#include "cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *file;
static const struct entry *key;		/* whose value is being written */
static struct client out;		/* for a request, put like replies */

/* With a field, if it is of a hash, and a value. */
static void request(const char *name, const struct entry *field, const char *s,
		    size_t n)
{
	reply_head(&out, '*', field ? 4 : 3);
	reply_bulk(&out, name, strlen(name));
	reply_bulk(&out, key->data, key->klen);
	if (field)
		reply_bulk(&out, field->data, field->klen);
	reply_bulk(&out, s, n);
	fwrite(out.out, 1, out.out_len, file);
	out.out_len = 0;
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
		request("PEXPIREAT", NULL, s,
			(size_t)sprintf(s, "%" PRId64, e->expires));
}

/* By one at a time: the child, or the process that ends. */
int snapshot_write(void)
{
	char tmp[PATH_MAX];
	bool bad;

	snprintf(tmp, sizeof(tmp), "%s.tmp", server.file);
	file = fopen(tmp, "we");
	if (!file)
		return -errno;
	table_each(db.keys, put_key, NULL);
	bad = fflush(file) || ferror(file) || fsync(fileno(file));
	if (!fclose(file) && !bad && !rename(tmp, server.file))
		return 0;
	unlink(tmp);
	return -EIO;
}

/* By a child, which has the data as they are now; only who asks waits. */
bool snapshot_save(void)
{
	struct pollfd p = { .events = POLLIN };
	int err, status = 1;

	server.child = fork();
	if (!server.child)
		_exit(snapshot_write() ? 1 : 0);
	p.fd = pidfd_open(server.child, 0);
	db_unlock();
	err = p.fd < 0 ? -errno : oa_poll(&p, 1, -1);
	oa_close(p.fd);
	db_lock();
	if (err < 0 && server.child > 0)
		return false;		/* it is waited for at the end */
	waitpid(server.child, &status, 0);
	server.child = 0;
	return !status;
}

/* Before there is a runtime. No file is no error. */
int snapshot_load(void)
{
	int fd = open(server.file, O_RDONLY | O_CLOEXEC);
	struct client c;
	ssize_t n;
	bool ok;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	ok = conn_open(&c, -1, 2);
	while (ok && (n = read(fd, conn_room(&c), IN_SIZE)) > 0)
		ok = conn_feed(&c, (size_t)n);
	ok = ok && !n && !c.inside;
	conn_close(&c);
	close(fd);
	return ok ? 0 : -EBADMSG;
}
