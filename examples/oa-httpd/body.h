/* SPDX-License-Identifier: MIT */
/* The bytes of a file, behind the headers that promise them. */
#ifndef BODY_H
#define BODY_H

#include "conn.h"
#include "doc.h"
#include "range.h"

/* Short ones are gathered, long ones sent; errors are in c->out.err. */
void body_send(struct conn *c, const struct doc *d, struct range r);

#endif
