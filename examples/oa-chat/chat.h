/* SPDX-License-Identifier: MIT */
/* What the files of oa-chat share: main.c, room.c, client.c. */
#ifndef OA_EXAMPLES_CHAT_H
#define OA_EXAMPLES_CHAT_H

#include <stdbool.h>
#include <stdint.h>

#include <oa.h>

#define NAME_MAX_LEN	15
#define TEXT_MAX	400	/* bytes of what one says at once */

/* As it goes through the channel; ends in a newline. */
struct line {
	uint64_t from;		/* client that is not shown it, or 0 */
	uint32_t len;
	char text[NAME_MAX_LEN + TEXT_MAX + 8];
};

struct client {
	struct room *room;
	uint64_t id;
	int fd;
	char name[NAME_MAX_LEN + 1];	/* "" until it has told one */
	struct client *next, *prev;	/* in the room, by its lock */
	struct oa_chan_sub sub;
	oa_time_t idle_at;
	size_t have;			/* bytes of a line that is not whole */
	char in[TEXT_MAX + 1];
};

struct room {
	oa_time_t idle;
	struct oa_chan *lines;		/* struct line, broadcast */
	struct oa_event closing;
	struct oa_waitgroup present;	/* clients, named or not */
	struct oa_mutex lock;		/* of what follows */
	struct client *first;
	unsigned int named;
};

int room_open(struct room *room, size_t keep);
/* Everybody is shown what was said so far, and then that it is over. */
void room_close(struct room *room);

/* Takes a name and says so; -EINVAL, or -EEXIST when somebody has it. */
int room_join(struct client *c, const char *name);
void room_leave(struct client *c);
void room_say(struct client *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The names, as far as they fit. */
void room_names(struct room *room, char *buf, size_t size);

void *client_task(void *client);
void client_drop(void *client);

#endif
