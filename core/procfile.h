/* SPDX-License-Identifier: MIT */
/* What a file in /proc says, read by the watch while the program goes on. */
#ifndef OA_CORE_PROCFILE_H
#define OA_CORE_PROCFILE_H

#include <stddef.h>

/* Its beginning, as a string in @buf of @room; the length, 0: there is none. */
size_t procfile_read(const char *path, char *buf, size_t room);

#endif
