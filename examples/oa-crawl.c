/* SPDX-License-Identifier: MIT */
/*
 * oa-crawl: walks a directory tree, reads all files, counts. A task for each
 * directory and each entry; a backpressure bounds the ones, a semaphore the
 * others, and tokens that come by a timer how many entries a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <oa.h>

#include "cli.h"
#include "entries.h"

#define BUF_SIZE	65536
#define TICK		(10 * OA_MSEC)

struct gauge {
	atomic_uint now, peak;
};

struct crawl {
	const char *dir;
	unsigned int workers, max_dirs, max_entries, rate;
	bool names_only;
	int root, signals;
	int signal;			/* that ended it early */
	struct oa_backpressure dirs;
	struct oa_sem entries;
	struct oa_sem tokens;
	struct oa_waitgroup pending;	/* directories and entries */
	struct oa_event over;
	struct gauge busy_dirs, busy_entries;
	atomic_ullong n_dirs, n_files, n_links, n_others;
	atomic_ullong bytes, read, lines, disk, errors;
};

/* Something to look at: its task's. */
struct item {
	struct crawl *crawl;
	char path[];			/* from the root of the tree */
};

static void enter(struct gauge *g)
{
	unsigned int now = atomic_fetch_add(&g->now, 1) + 1;
	unsigned int peak = atomic_load(&g->peak);

	while (now > peak &&
	       !atomic_compare_exchange_weak(&g->peak, &peak, now))
		;
}

static void leave(struct gauge *g)
{
	atomic_fetch_sub(&g->now, 1);
}

static void failed(struct item *it, int err)
{
	if (err == -ECANCELED)
		return;
	cli_warn("%s: %s", it->path, oa_strerror(err));
	atomic_fetch_add(&it->crawl->errors, 1);
}

static struct item *item_create(struct crawl *c, const char *dir,
				const char *name)
{
	size_t len = strlen(dir), n = strlen(name);
	struct item *it = malloc(sizeof(*it) + len + n + 2);

	if (!it)
		return NULL;
	it->crawl = c;
	if (strcmp(dir, ".")) {
		memcpy(it->path, dir, len);
		it->path[len++] = '/';
	} else {
		len = 0;
	}
	memcpy(it->path + len, name, n + 1);
	return it;
}

static void dir_end(void *item)
{
	struct item *it = item;

	oa_waitgroup_done(&it->crawl->pending);
	free(it);
}

static void entry_end(void *item)
{
	struct item *it = item;

	oa_sem_post(&it->crawl->entries);
	dir_end(it);
}

static void *entry_task(void *item);

/*
 * The permit is taken here and not by .sem: a task that waits costs little, but
 * a directory may have a million entries.
 */
static int look_at(struct crawl *c, const char *dir, const char *name)
{
	struct item *it;
	int err = oa_sem_wait(&c->entries);

	if (err)
		return err;
	it = item_create(c, dir, name);
	err = -ENOMEM;
	if (it) {
		oa_waitgroup_add(&c->pending, 1);
		err = oa_go(entry_task, it, .on_drop = entry_end,
			    .name = "entry");
		if (err)
			entry_end(it);
	} else {
		oa_sem_post(&c->entries);
	}
	return err;
}

static void read_dir(struct item *it)
{
	struct crawl *c = it->crawl;
	struct entries entries;
	const struct dirent64 *d;
	int err = 0, fd;

	fd = oa_openat(c->root, it->path,
		       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		failed(it, fd);
		return;
	}
	entries_begin(&entries, fd);
	while (!err && (d = entries_next(&entries)))
		err = look_at(c, it->path, d->d_name);
	if (err || entries.err)
		failed(it, err ? err : entries.err);
	oa_close(fd);
}

static void *dir_task(void *item)
{
	struct item *it = item;
	struct crawl *c = it->crawl;

	enter(&c->busy_dirs);
	read_dir(it);
	leave(&c->busy_dirs);
	dir_end(it);
	return NULL;
}

/* It waits, without a stack, until so many others have ended. */
static void descend(struct crawl *c, const char *path)
{
	struct item *it = item_create(c, ".", path);
	int err = -ENOMEM;

	if (it) {
		oa_waitgroup_add(&c->pending, 1);
		err = oa_go(dir_task, it, .backpressure = &c->dirs,
			    .on_drop = dir_end, .name = "directory");
		if (err)
			failed(it, err);
		if (err)
			dir_end(it);
	} else {
		cli_warn("%s: %s", path, oa_strerror(err));
		atomic_fetch_add(&c->errors, 1);
	}
}

static void read_file(struct item *it)
{
	struct crawl *c = it->crawl;
	unsigned long long lines = 0, bytes = 0;
	char buf[BUF_SIZE];
	ssize_t n = 0;
	int fd;

	fd = oa_openat(c->root, it->path,
		       O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		failed(it, fd);
		return;
	}
	while ((n = oa_read(fd, buf, sizeof(buf))) > 0) {
		bytes += (unsigned long long)n;
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
		oa_yield_point();
	}
	if (n < 0)
		failed(it, (int)n);
	atomic_fetch_add(&c->read, bytes);
	atomic_fetch_add(&c->lines, lines);
	oa_close(fd);
}

static void count(struct item *it, const struct statx *st)
{
	struct crawl *c = it->crawl;

	atomic_fetch_add(&c->disk, st->stx_blocks * 512);
	if (S_ISDIR(st->stx_mode)) {
		atomic_fetch_add(&c->n_dirs, 1);
		descend(c, it->path);
	} else if (S_ISREG(st->stx_mode)) {
		atomic_fetch_add(&c->n_files, 1);
		atomic_fetch_add(&c->bytes, st->stx_size);
		if (!c->names_only)
			read_file(it);
	} else {
		atomic_fetch_add(S_ISLNK(st->stx_mode) ? &c->n_links :
				 &c->n_others, 1);
	}
}

static void *entry_task(void *item)
{
	struct item *it = item;
	struct crawl *c = it->crawl;
	struct statx st;
	int err = 0;

	enter(&c->busy_entries);
	if (c->rate)
		err = oa_sem_wait(&c->tokens);
	if (!err)
		err = oa_statx(c->root, it->path, AT_SYMLINK_NOFOLLOW,
			       STATX_BASIC_STATS, &st);
	if (err < 0)
		failed(it, err);
	else
		count(it, &st);
	leave(&c->busy_entries);
	entry_end(it);
	return NULL;
}

/* What nobody took in a tenth of a second is not kept for later. */
static void *token_task(void *crawl)
{
	struct crawl *c = crawl;
	oa_time_t began = oa_now();
	uint64_t given = 0;

	while (oa_event_wait_until(&c->over, oa_after(TICK)) == -ETIMEDOUT) {
		double seconds = (double)(oa_now() - began) / OA_SEC;
		uint64_t due = (uint64_t)(seconds * c->rate);

		for (; given < due; given++)
			if (oa_sem_value(&c->tokens) <= c->rate / 10)
				oa_sem_post(&c->tokens);
	}
	return NULL;
}

static void *all_task(void *crawl)
{
	struct crawl *c = crawl;

	oa_waitgroup_wait(&c->pending);
	return NULL;
}

/* A signal ends all tasks, wherever they are. */
static void *first(void *crawl)
{
	struct crawl *c = crawl;
	struct oa_case cases[] = {
		OA_CASE_NONE,
		OA_CASE_FD(c->signals, POLLIN),
	};
	oa_task_t all;
	int err;

	err = look_at(c, ".", ".");
	if (!err && c->rate)
		err = oa_go(token_task, c, .name = "tokens");
	if (err)
		cli_die("task: %s", oa_strerror(err));
	all = oa_spawn(all_task, c, .name = "all");
	cases[0] = (struct oa_case)OA_CASE_JOIN(all, NULL);
	if (oa_select(cases, 2) == 1) {
		c->signal = cli_signal_take(c->signals);
		oa_shutdown(NULL, OA_SHUTDOWN_GRACEFUL);
	}
	oa_event_set(&c->over);
	return NULL;
}

static const char usage[] =
	"usage: oa-crawl [options] DIRECTORY\n"
	"  -d, --directories N  8, read at once\n"
	"  -e, --entries N      64, looked at at once\n"
	"  -r, --rate N         entries a second; no limit\n"
	"  -n, --names-only     do not read the files\n"
	"  -w, --workers N      threads; as many as there are CPUs\n"
	"  -h, --help\n";

static const struct option longopts[] = {
	{ "directories", required_argument, NULL, 'd' },
	{ "entries", required_argument, NULL, 'e' },
	{ "rate", required_argument, NULL, 'r' },
	{ "names-only", no_argument, NULL, 'n' },
	{ "workers", required_argument, NULL, 'w' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static void parse_options(struct crawl *c, int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "d:e:r:nw:h", longopts,
				NULL)) != -1) {
		switch (o) {
		case 'd':
			c->max_dirs = cli_number("directories", optarg, 1,
						 10000);
			break;
		case 'e':
			c->max_entries = cli_number("entries", optarg, 1,
						    10000);
			break;
		case 'r':
			c->rate = cli_number("rate", optarg, 1, 1000000);
			break;
		case 'n':
			c->names_only = true;
			break;
		case 'w':
			c->workers = cli_number("workers", optarg, 1, 256);
			break;
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			exit(2);
		}
	}
	if (argc - optind != 1)
		cli_die("one directory is wanted; --help tells the options");
	c->dir = argv[optind];
}

static void print(const struct crawl *c, oa_time_t took)
{
	printf("directories %llu\nfiles %llu\nlinks %llu\nothers %llu\n",
	       c->n_dirs, c->n_files, c->n_links, c->n_others);
	printf("bytes %llu\ndisk %llu\n", c->bytes, c->disk);
	if (!c->names_only)
		printf("read %llu\nlines %llu\n", c->read, c->lines);
	printf("at once %u directories, %u entries\n", c->busy_dirs.peak,
	       c->busy_entries.peak);
	printf("%llu failed; %.3f s\n", c->errors, (double)took / OA_SEC);
}

int main(int argc, char **argv)
{
	static struct crawl c = { .max_dirs = 8, .max_entries = 64 };
	oa_time_t began = oa_now();
	int err;

	parse_options(&c, argc, argv);
	c.root = open(c.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c.root < 0)
		cli_die("%s: %s", c.dir, strerror(errno));
	c.signals = cli_signals();
	oa_backpressure_init(&c.dirs, c.max_dirs, OA_BACKPRESSURE_LOSSLESS);
	oa_sem_init(&c.entries, c.max_entries);

	err = oa_run(first, &c, .workers = c.workers);
	if (err) {
		cli_warn("cannot run: %s", oa_strerror(err));
		return 1;
	}
	print(&c, oa_now() - began);
	close(c.root);
	close(c.signals);
	if (c.signal)
		return 128 + c.signal;
	return c.errors ? 1 : 0;
}
