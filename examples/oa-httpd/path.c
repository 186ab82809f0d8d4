/* SPDX-License-Identifier: MIT */
/*
 * Paths. What is done here gives a path one spelling; that no path leaves the
 * root is the kernel's doing (RESOLVE_IN_ROOT in doc.c).
 */
#include "path.h"

#include <errno.h>
#include <stdbool.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %41; a zero byte would end the path early. */
static int percent_decode(char *dst, struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len && s.at[i] != '?' && s.at[i] != '#'; i++) {
		char c = s.at[i];

		if (c == '%') {
			int high = i + 2 < s.len ? hex(s.at[i + 1]) : -1;
			int low = i + 2 < s.len ? hex(s.at[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -EINVAL;
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (!c)
			return -EINVAL;
		if (n == PATH_SIZE - 1)
			return -ENAMETOOLONG;
		dst[n++] = c;
	}
	dst[n] = 0;
	return (int)n;
}

/* The length of path without its last segment and the slash after that. */
static size_t without_last(const char *path, size_t n)
{
	if (n)
		n--;
	while (n && path[n - 1] != '/')
		n--;
	return n;
}

/* In place: what is written never overtakes what is read. */
static int fold_segments(char *path)
{
	const char *in = path;
	size_t out = 0;

	while (*in) {
		size_t n = strcspn(in, "/");
		bool slash = in[n] == '/';

		if (n == 2 && in[0] == '.' && in[1] == '.') {
			if (!out)
				return -EINVAL;
			out = without_last(path, out);
		} else if (n && !(n == 1 && in[0] == '.')) {
			memmove(path + out, in, n + slash);
			out += n + slash;
		}
		in += n + slash;
	}
	path[out] = 0;
	return (int)out;
}

int path_decode(char dst[PATH_SIZE], struct span target)
{
	int n;

	if (!target.len || target.at[0] != '/')
		return -EINVAL;
	n = percent_decode(dst, target);
	return n < 0 ? n : fold_segments(dst);
}

static bool plain_in_link(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~/!$()*+,;=@", c));
}

size_t path_encode(char *dst, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (plain_in_link(c)) {
			dst[n++] = (char)c;
		} else {
			dst[n++] = '%';
			dst[n++] = digits[c >> 4];
			dst[n++] = digits[c & 15];
		}
	}
	return n;
}

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	}
	return NULL;
}

size_t html_escape(char *dst, const char *text)
{
	size_t n = 0;

	for (; *text; text++) {
		const char *e = entity(*text);

		if (e) {
			memcpy(dst + n, e, strlen(e));
			n += strlen(e);
		} else {
			dst[n++] = *text;
		}
	}
	return n;
}
