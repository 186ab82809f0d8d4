/* SPDX-License-Identifier: MIT */
/* Descriptors of the simulator, between those who make them. */
#ifndef OA_SELFTESTS_SIM_FILE_H
#define OA_SELFTESTS_SIM_FILE_H

#include "selftests/sim/sim_priv.h"

#define SIM_FILES	64
#define SIM_PIPES	64
#define SIM_ROOM	512

enum sim_kind {
	SIM_NOTHING,		/* a number that is nobody's */
	SIM_STREAM,		/* a pipe's end, a connection's */
	SIM_SOCKET,		/* ... that is not connected yet */
	SIM_LISTENER,
	SIM_REGULAR,
	SIM_DIRECTORY,
};

struct sim_pipe {
	bool used;
	uint32_t readers, writers;
	size_t room, n, at;
	char buf[SIM_ROOM];
};

struct sim_file {
	enum sim_kind kind;
	struct sim_pipe *in, *out;	/* what reads take from, writes go to */
	uint32_t gen;			/* grows when it is closed */
	uint32_t which;			/* listener, or regular file */
	uint64_t at;			/* position in a regular file */
	bool connecting;		/* whose connect has not ended */
};

/* sim_file.c */
extern struct sim_file sim_files[SIM_FILES];
int sim_file_make(enum sim_kind kind, struct sim_pipe *in,
		  struct sim_pipe *out);
/* It goes when it was held, and nobody does any more. */
struct sim_pipe *sim_pipe_make(size_t room);
void sim_pipe_hold(struct sim_pipe *in, struct sim_pipe *out);
void sim_pipe_drop(struct sim_pipe *in, struct sim_pipe *out);
/* @n, or less, as the seed has it. */
size_t sim_shorter(size_t n);

static inline int sim_fd_of(const struct sim_file *f)
{
	return SIM_FD_BASE + (int)(f - sim_files);
}

/* sim_net.c */
void sim_net_reset(void);
int sim_net_accept(struct sim_file *f, const struct op *op);
int sim_net_connect(struct sim_file *f, const struct op *op);
bool sim_net_pending(const struct sim_file *f);
void sim_net_closed(const struct sim_file *was);

/* sim_tree.c */
void sim_tree_reset(void);
int sim_tree_rw(struct sim_file *f, void *buf, size_t n, uint64_t at,
		bool writes);
int sim_tree_open(const struct op *op);
int sim_tree_statx(const struct op *op);

#endif
