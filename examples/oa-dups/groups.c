/* SPDX-License-Identifier: MIT */
/* Files side by side: those of one size, and those of one content. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dups.h"

struct group {
	struct file **at;
	size_t n;
};

static int compare(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* The largest first; those that are one file beside each other. */
static int by_size(const void *pa, const void *pb)
{
	const struct file *a = *(struct file *const *)pa;
	const struct file *b = *(struct file *const *)pb;
	int c = compare(b->size, a->size);

	if (!c)
		c = compare(a->dev, b->dev);
	if (!c)
		c = compare(a->ino, b->ino);
	return c ? c : strcmp(a->path, b->path);
}

static int by_content(const void *pa, const void *pb)
{
	const struct file *a = *(struct file *const *)pa;
	const struct file *b = *(struct file *const *)pb;
	int c = compare(b->size, a->size);

	if (!c)
		c = XXH128_cmp(&a->hash, &b->hash);
	return c ? c : strcmp(a->path, b->path);
}

static int by_first_path(const void *pa, const void *pb)
{
	const struct file *a = *((const struct group *)pa)->at;
	const struct file *b = *((const struct group *)pb)->at;
	int c = compare(b->size, a->size);

	return c ? c : strcmp(a->path, b->path);
}

static bool same_size(const struct file *a, const struct file *b)
{
	return a->size == b->size;
}

static bool same_file(const struct file *a, const struct file *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static bool same_content(const struct file *a, const struct file *b)
{
	return same_size(a, b) && XXH128_isEqual(a->hash, b->hash);
}

/* How many from the i-th on are alike. */
static size_t alike(const struct files *l, size_t i,
		    bool (*same)(const struct file *a, const struct file *b))
{
	size_t n = 1;

	while (i + n < l->n && same(l->at[i], l->at[i + n]))
		n++;
	return n;
}

static void sort(struct files *l, int (*cmp)(const void *a, const void *b))
{
	if (l->n)
		qsort(l->at, l->n, sizeof(*l->at), cmp);
}

static void drop(struct files *l, size_t i)
{
	free(l->at[i]);
	l->at[i] = NULL;
}

static void close_ranks(struct files *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->at[i])
			l->at[n++] = l->at[i];
	l->n = n;
}

/* A file that has several names has its first, and no other. */
void keep_candidates(struct dups *d)
{
	struct files *l = &d->files;
	size_t i, n;

	sort(l, by_size);
	for (i = 0; i < l->n; i += n) {
		n = alike(l, i, same_file);
		for (size_t k = 1; k < n; k++)
			drop(l, i + k);
	}
	close_ranks(l);
	for (i = 0; i < l->n; i += n) {
		n = alike(l, i, same_size);
		if (n == 1)
			drop(l, i);
		else
			atomic_fetch_add(&d->bytes, n * l->at[i]->size);
	}
	close_ranks(l);
}

static int print(const char *s, size_t n)
{
	while (n) {
		ssize_t done = oa_write(STDOUT_FILENO, s, n);

		if (done < 0)
			return (int)done;
		s += done;
		n -= (size_t)done;
	}
	return 0;
}

static int print_group(const struct group *g, bool first)
{
	size_t size = 1;
	char *text, *end;
	int err;

	for (size_t i = 0; i < g->n; i++)
		size += strlen(g->at[i]->path) + 1;
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	*text = '\n';
	end = text + !first;
	for (size_t i = 0; i < g->n; i++) {
		end = stpcpy(end, g->at[i]->path);
		*end++ = '\n';
	}
	err = print(text, (size_t)(end - text));
	free(text);
	return err;
}

static size_t find_groups(struct files *l, struct group *groups)
{
	size_t found = 0, n;

	for (size_t i = 0; i < l->n; i += n) {
		n = alike(l, i, same_content);
		if (n > 1)
			groups[found++] = (struct group){ l->at + i, n };
	}
	qsort(groups, found, sizeof(*groups), by_first_path);
	return found;
}

int print_groups(struct dups *d)
{
	struct files *l = &d->files;
	struct group *groups;
	int err = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->at[i]->failed)
			drop(l, i);
	close_ranks(l);
	sort(l, by_content);
	groups = calloc(l->n / 2 + 1, sizeof(*groups));
	if (!groups)
		return -ENOMEM;
	d->groups = find_groups(l, groups);
	for (size_t i = 0; !err && i < d->groups; i++) {
		d->spare += (groups[i].n - 1) * groups[i].at[0]->size;
		err = print_group(&groups[i], i == 0);
	}
	free(groups);
	return err;
}
