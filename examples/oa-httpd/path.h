/* SPDX-License-Identifier: MIT */
/* From the target of a request to a path below the root, and back. */
#ifndef PATH_H
#define PATH_H

#include "text.h"

#define PATH_SIZE	4096	/* of a path below the root, its zero included */

/*
 * Decodes what stands before a '?' in an origin-form target ("/a%20b/c?q") to
 * a path with no slash in front, "" for the root: a slash at the end is kept,
 * empty and "." segments go, ".." takes the one before it.
 * Returns the length; -EINVAL: not valid, or above the root; -ENAMETOOLONG.
 */
int path_decode(char dst[PATH_SIZE], struct span target);

/*
 * Appends what a path must be written as in a link; at most 3 * strlen(path)
 * bytes. Returns how many.
 */
size_t path_encode(char *dst, const char *path);

/* Appends text as it must be written in HTML; at most 6 * strlen(text). */
size_t html_escape(char *dst, const char *text);

#endif
