/* SPDX-License-Identifier: MIT */
/* From a complete request to its answer. */
#ifndef ANSWER_H
#define ANSWER_H

#include "conn.h"

/* Puts the answer to c->rq into c->out; sends it, if it is a long one. */
void answer(struct conn *c);

/* A page about the directory c->path, which ends in a slash or is empty. */
void answer_listing(struct conn *c);

#endif
