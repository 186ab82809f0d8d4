/* SPDX-License-Identifier: MIT */
/* The report of an exception that nobody catches. See core/uncaught.c. */
#ifndef OA_CORE_UNCAUGHT_H
#define OA_CORE_UNCAUGHT_H

/* Before the first task runs. */
void uncaught_install(void);

#endif
