/* SPDX-License-Identifier: MIT */
/* The room: who is in it, and the channel by which all hear each other. */
#include "chat.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int room_open(struct room *room, size_t keep)
{
	return oa_chan_create(&room->lines, sizeof(struct line), keep,
			      OA_CHAN_BROADCAST);
}

void room_close(struct room *room)
{
	oa_event_set(&room->closing);
	oa_chan_close(room->lines);
}

static bool valid(const char *name)
{
	size_t n = strlen(name);

	for (const char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '-' && *s != '_')
			return false;
	return n > 0 && n <= NAME_MAX_LEN;
}

static struct client *find(struct room *room, const char *name)
{
	struct client *c = room->first;

	while (c && strcasecmp(c->name, name))
		c = c->next;
	return c;
}

static int enlist(struct client *c, const char *name)
{
	struct room *room = c->room;

	if (find(room, name))
		return -EEXIST;
	strcpy(c->name, name);
	c->prev = NULL;
	c->next = room->first;
	if (c->next)
		c->next->prev = c;
	room->first = c;
	room->named++;
	return 0;
}

int room_join(struct client *c, const char *name)
{
	struct room *room = c->room;
	int err;

	if (!valid(name))
		return -EINVAL;
	err = oa_chan_subscribe(room->lines, &c->sub);
	if (err)
		return err;
	oa_mutex_lock(&room->lock);
	err = enlist(c, name);
	oa_mutex_unlock(&room->lock);
	if (err)
		oa_chan_unsubscribe(&c->sub);
	else
		room_say(c, "* %s has come", name);
	return err;
}

void room_leave(struct client *c)
{
	struct room *room = c->room;

	oa_chan_unsubscribe(&c->sub);
	oa_mutex_lock(&room->lock);
	*(c->prev ? &c->prev->next : &room->first) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	room->named--;
	oa_mutex_unlock(&room->lock);
	room_say(c, "* %s has gone", c->name);
}

void room_say(struct client *c, const char *format, ...)
{
	struct line line = { .from = c->id };
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(line.text, sizeof(line.text) - 1, format, ap);
	va_end(ap);
	line.len = (uint32_t)strnlen(line.text, n < 0 ? 0 : (size_t)n);
	line.text[line.len++] = '\n';
	/* It never waits; after the close there is nobody to hear it. */
	oa_chan_send(c->room->lines, &line);
}

void room_names(struct room *room, char *buf, size_t size)
{
	size_t n;

	oa_mutex_lock(&room->lock);
	n = (size_t)snprintf(buf, size, "* %u here:", room->named);
	for (struct client *c = room->first; c; c = c->next) {
		if (n + strlen(c->name) + 6 > size) {
			n += (size_t)sprintf(buf + n, " ...");
			break;
		}
		n += (size_t)sprintf(buf + n, " %s", c->name);
	}
	oa_mutex_unlock(&room->lock);
}
