/* SPDX-License-Identifier: MIT */
/* Content types by the ends of names. */
#ifndef MIME_H
#define MIME_H

const char *mime_type(const char *path);

#endif
