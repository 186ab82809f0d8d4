/* SPDX-License-Identifier: MIT */
/* The first stage: the files that were named, and those below directories. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../cli.h"
#include "../entries.h"
#include "pipeline.h"

/* A directory that is being read; one for each level. */
struct level {
	struct level *up;
	size_t len;		/* of its path */
	struct entries entries;
};

struct walk {
	struct pipeline *p;
	struct level *level;
	unsigned int lane;	/* of the next file */
	char path[PATH_MAX];
};

static void failed(struct walk *w, int err)
{
	if (err == -ECANCELED)
		return;
	cli_warn("%s: %s", w->path, oa_strerror(err));
	atomic_fetch_add(&w->p->failed, 1);
}

static int hand_on(struct walk *w)
{
	size_t len = strlen(w->path);
	struct file *f = calloc(1, sizeof(*f) + len + 1);
	int err;

	if (!f)
		return -ENOMEM;
	memcpy(f->path, w->path, len + 1);
	f->lane = w->lane++ % w->p->opt.jobs;
	err = oa_chan_send(w->p->files, &f);
	if (err < 0)
		free(f);
	else
		atomic_fetch_add(&w->p->found, 1);
	return err;
}

static int enter(struct walk *w, int dirfd, const char *name, int flags)
{
	struct level *l = malloc(sizeof(*l));
	int fd;

	if (!l)
		return -ENOMEM;
	fd = oa_openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	if (fd < 0) {
		free(l);
		return fd;
	}
	l->up = w->level;
	l->len = strlen(w->path);
	entries_begin(&l->entries, fd);
	w->level = l;
	return 0;
}

static void leave(struct walk *w)
{
	struct level *l = w->level;

	w->level = l->up;
	oa_close(l->entries.fd);
	free(l);
}

static int type_of(int dirfd, const char *name, int flags)
{
	struct statx st;
	int err = oa_statx(dirfd, name, flags, STATX_TYPE, &st);

	if (err < 0)
		return err;
	return S_ISDIR(st.stx_mode) ? DT_DIR : S_ISREG(st.stx_mode) ? DT_REG :
		DT_UNKNOWN;
}

/* Regular files and directories; no link is followed. */
static int visit(struct walk *w, const struct dirent64 *d)
{
	struct level *l = w->level;
	size_t slash = w->path[l->len - 1] != '/', len = strlen(d->d_name);
	int type = d->d_type;

	if (l->len + slash + len >= sizeof(w->path))
		return -ENAMETOOLONG;
	memcpy(w->path + l->len, "/", slash);
	memcpy(w->path + l->len + slash, d->d_name, len + 1);
	if (type == DT_UNKNOWN)
		type = type_of(l->entries.fd, d->d_name, AT_SYMLINK_NOFOLLOW);
	if (type == DT_DIR)
		return enter(w, l->entries.fd, d->d_name, O_NOFOLLOW);
	return type == DT_REG ? hand_on(w) : type < 0 ? type : 0;
}

static void walk_tree(struct walk *w)
{
	while (w->level) {
		struct level *l = w->level;
		const struct dirent64 *d = entries_next(&l->entries);
		int err;

		if (d) {
			err = visit(w, d);
			if (err < 0)
				failed(w, err);
		} else {
			w->path[l->len] = '\0';
			if (l->entries.err)
				failed(w, l->entries.err);
			leave(w);
		}
		if (oa_cancelled())
			while (w->level)
				leave(w);
	}
}

/* What is named on the command line may be a link, or no regular file. */
static void walk_arg(struct walk *w, const char *arg)
{
	int type, err;

	if (strlen(arg) >= sizeof(w->path)) {
		cli_warn("%.20s...: %s", arg, oa_strerror(-ENAMETOOLONG));
		atomic_fetch_add(&w->p->failed, 1);
		return;
	}
	strcpy(w->path, arg);
	type = type_of(AT_FDCWD, arg, 0);
	if (type == DT_DIR)
		err = enter(w, AT_FDCWD, arg, 0);
	else
		err = type < 0 ? type : hand_on(w);
	if (err < 0)
		failed(w, err);
	else
		walk_tree(w);
}

void *walk_task(void *pipeline)
{
	struct pipeline *p = pipeline;
	struct walk *w = calloc(1, sizeof(*w));

	if (!w)
		return oa_err(-ENOMEM);
	w->p = p;
	for (char **arg = p->opt.args; *arg && !oa_cancelled(); arg++)
		walk_arg(w, *arg);
	free(w);
	return NULL;
}
