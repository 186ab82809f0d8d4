/* SPDX-License-Identifier: MIT */
/*
 * The files below the directories, a level of all trees at a time: a loop
 * looks what its names are, and lists those that are directories.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../entries.h"
#include "dups.h"

struct level {
	struct dups *d;
	struct files names;
};

int files_add(struct files *l, struct file *f)
{
	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 16;
		struct file **at = reallocarray(l->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		l->at = at;
		l->room = room;
	}
	l->at[l->n++] = f;
	return 0;
}

void files_free(struct files *l)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->at[i] && S_ISDIR(l->at[i]->mode))
			files_free(&l->at[i]->below);
		free(l->at[i]);
	}
	free(l->at);
	*l = (struct files){ 0 };
}

static int add_name(struct files *l, const char *dir, const char *name)
{
	size_t len = strlen(dir), size = strlen(name) + 1;
	struct file *f = calloc(1, sizeof(*f) + len + 1 + size);

	if (!f)
		return -ENOMEM;
	memcpy(f->path, dir, len);
	if (!len)
		f->named = true;
	else if (dir[len - 1] != '/')
		f->path[len++] = '/';
	memcpy(f->path + len, name, size);
	if (files_add(l, f)) {
		free(f);
		return -ENOMEM;
	}
	return 0;
}

static int list(struct file *dir)
{
	struct entries entries;
	const struct dirent64 *e;
	int err = 0, fd;

	fd = oa_openat(AT_FDCWD, dir->path,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fd;
	entries_begin(&entries, fd);
	while (!err && (e = entries_next(&entries)))
		err = add_name(&dir->below, dir->path, e->d_name);
	oa_close(fd);
	return err ? err : entries.err;
}

static int list_in_turn(struct dups *d, struct file *dir)
{
	int err = oa_sem_wait(&d->open);

	if (err)
		return err;
	err = list(dir);
	oa_sem_post(&d->open);
	return err;
}

static int look_at(struct dups *d, struct file *f)
{
	struct statx st;
	int err = oa_statx(AT_FDCWD, f->path, AT_SYMLINK_NOFOLLOW,
			   STATX_TYPE | STATX_INO | STATX_SIZE, &st);

	if (err < 0)
		return err;
	f->mode = st.stx_mode & S_IFMT;
	f->size = st.stx_size;
	f->dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	f->ino = st.stx_ino;
	if (S_ISDIR(f->mode))
		return list_in_turn(d, f);
	return f->named && !S_ISREG(f->mode) ? -ENOTDIR : 0;
}

static void look_at_names(size_t begin, size_t end, void *level)
{
	struct level *l = level;

	for (size_t i = begin; i < end; i++) {
		struct file *f = l->names.at[i];
		int err = look_at(l->d, f);

		if (err < 0)
			failed(l->d, f->path, err);
	}
}

/* All of @from, which is empty then. */
static int move(struct files *to, struct files *from)
{
	int err = 0;

	while (from->n && !(err = files_add(to, from->at[from->n - 1])))
		from->n--;
	return err;
}

/* Files are kept, and what is in directories is the next level. */
static int sort_out(struct level *l, struct files *next)
{
	struct dups *d = l->d;
	int err = 0;

	for (size_t i = 0; !err && i < l->names.n; i++) {
		struct file *f = l->names.at[i];

		if (S_ISDIR(f->mode)) {
			err = move(next, &f->below);
		} else if (S_ISREG(f->mode) && f->size >= d->opt.min) {
			err = files_add(&d->files, f);
			if (!err)
				l->names.at[i] = NULL;
			atomic_fetch_add(&d->found, 1);
		}
	}
	files_free(&l->names);
	return err;
}

int walk(struct dups *d)
{
	struct level l = { .d = d };
	int err = 0;

	for (char **arg = d->opt.args; !err && *arg; arg++)
		err = add_name(&l.names, "", *arg);
	while (!err && l.names.n) {
		struct files next = { 0 };

		err = oa_parallel_for(0, l.names.n, 1, look_at_names, &l);
		if (!err)
			err = sort_out(&l, &next);
		if (!err)
			l.names = next;
		else
			files_free(&next);
	}
	files_free(&l.names);
	return err;
}
