/* SPDX-License-Identifier: MIT */
/* The version of these headers; oa_version() tells the library's. */
#ifndef OA_VERSION_H
#define OA_VERSION_H

#define OA_VERSION_MAJOR	0
#define OA_VERSION_MINOR	1
#define OA_VERSION_PATCH	0
#define OA_VERSION		"0.1.0"

#endif
