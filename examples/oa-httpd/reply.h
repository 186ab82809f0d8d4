/* SPDX-License-Identifier: MIT */
/* The parts that answers are made of. */
#ifndef REPLY_H
#define REPLY_H

#include "conn.h"

/* Status line and the headers that every answer has; others may follow. */
void reply_head(struct conn *c, int status);

/* Content-Length and the end of the headers. */
void reply_length(struct conn *c, uint64_t n);

/* A page that says what went wrong; extra is NULL or header lines. */
void reply_error(struct conn *c, int status, const char *extra);

/* "100 Continue", at once. */
void reply_continue(struct conn *c);

/* To the same path with a slash behind it, and the same query. */
void reply_moved(struct conn *c);

/* What kind of error a failed call makes. */
int reply_status(int err);

#endif
