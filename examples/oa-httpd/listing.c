/* SPDX-License-Identifier: MIT */
/*
 * A directory that has no index. There is no request for the ring that reads
 * directories: readdir() blocks this worker, for as long as the disk does; a
 * turn is offered to others in between.
 */
#include "answer.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#include "doc.h"
#include "reply.h"

#define ENTRIES_MAX	10000

struct names {
	char **at;		/* a directory's ends in a slash */
	size_t n, room;
	size_t bytes;
	bool more;		/* than are told */
};

static int add(struct names *ns, const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	char *name;

	if (ns->n == ns->room) {
		size_t room = ns->room ? 2 * ns->room : 64;
		char **at = realloc(ns->at, room * sizeof(*at));

		if (!at)
			return -ENOMEM;
		ns->at = at;
		ns->room = room;
	}
	name = malloc(len + 2);
	if (!name)
		return -ENOMEM;
	memcpy(name, e->d_name, len + 1);
	if (e->d_type == DT_DIR)
		strcpy(name + len, "/");
	ns->at[ns->n++] = name;
	ns->bytes += len + 1;
	return 0;
}

static void free_names(struct names *ns)
{
	for (size_t i = 0; i < ns->n; i++)
		free(ns->at[i]);
	free(ns->at);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names that begin with a dot are served, but not told. */
static int read_names(DIR *dir, struct names *ns)
{
	struct dirent *e;
	int err = 0;

	while (!err && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		if (ns->n == ENTRIES_MAX) {
			ns->more = true;
			break;
		}
		err = add(ns, e);
		oa_yield_point();
	}
	if (ns->n)
		qsort(ns->at, ns->n, sizeof(*ns->at), compare);
	return err;
}

static char *put(char *p, const char *text)
{
	size_t n = strlen(text);

	memcpy(p, text, n);
	return p + n;
}

static char *put_entry(char *p, const char *name)
{
	p = put(p, "<li><a href=\"");
	p += path_encode(p, name);
	p = put(p, "\">");
	p += html_escape(p, name);
	return put(p, "</a>\n");
}

/* Everything at its longest: 3 bytes in a link, 6 in text, 30 around both. */
static char *make_page(const struct names *ns, const char *path, size_t *len)
{
	char *page = malloc(1024 + 12 * strlen(path) + 9 * ns->bytes +
			    30 * ns->n);
	char *p = page;

	if (!page)
		return NULL;
	p = put(p, "<!DOCTYPE html>\n<meta charset=\"utf-8\">\n<title>/");
	p += html_escape(p, path);
	p = put(p, "</title>\n<h1>/");
	p += html_escape(p, path);
	p = put(p, "</h1>\n<ul>\n");
	if (*path)
		p = put(p, "<li><a href=\"../\">../</a>\n");
	for (size_t i = 0; i < ns->n; i++)
		p = put_entry(p, ns->at[i]);
	p = put(p, "</ul>\n");
	if (ns->more)
		p = put(p, "<p>... and more.\n");
	*len = (size_t)(p - page);
	return page;
}

static void send_page(struct conn *c, const char *page, size_t len)
{
	reply_head(c, 200);
	out_text(&c->out, "Content-Type: text/html; charset=utf-8\r\n");
	reply_length(c, len);
	if (!c->rq.head_only) {
		out_tail(&c->out, page, len);
		out_flush(&c->out);
	}
}

static int list(int fd, const char *path, char **page, size_t *len)
{
	struct names ns = { 0 };
	DIR *dir = fdopendir(fd);
	int err;

	if (!dir) {
		oa_close(fd);
		return -ENOMEM;
	}
	err = read_names(dir, &ns);
	closedir(dir);
	if (!err) {
		*page = make_page(&ns, path, len);
		err = *page ? 0 : -ENOMEM;
	}
	free_names(&ns);
	return err;
}

void answer_listing(struct conn *c)
{
	char *page = NULL;
	size_t len;
	int err = doc_open_dir(c->srv->root, c->path);

	if (err >= 0)
		err = list(err, c->path, &page, &len);
	if (err)
		reply_error(c, reply_status(err), NULL);
	else
		send_page(c, page, len);
	free(page);
}
