// SPDX-License-Identifier: MIT
/*
 * Files of the simulator by path: a few that are always there, each named by
 * one letter, and the directory that they are in, whose name is a dot. None of
 * their requests waits for another; each takes its time and can be cancelled
 * before it begins.
 */
#if defined(OA_SIM) && OA_SIM == 1
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>

#include "selftests/sim/sim_file.h"

#define NODES	4u
#define SIZE	64u

struct node {
	uint32_t size;
	char data[SIZE];
};

static struct node nodes[NODES];

void sim_tree_reset(void)
{
	memset(nodes, 0, sizeof(nodes));
}

static uint64_t how_flags(const struct op *op)
{
	const struct open_how *how = (const void *)(uintptr_t)op->off;

	return op->code == OP_OPENAT2 ? how->flags : op->flags;
}

/* Which file a path names: NODES for the directory, or -errno. */
static int look_up(const struct op *op)
{
	const char *path = (const char *)(uintptr_t)op->addr;

	if (op->fd >= 0 && sim_files[op->fd - SIM_FD_BASE].kind != SIM_DIRECTORY)
		return -ENOTDIR;
	if (!strcmp(path, "."))
		return NODES;
	if (path[0] < 'a' || path[0] >= 'a' + (int)NODES || path[1])
		return -ENOENT;
	return path[0] - 'a';
}

int sim_tree_open(const struct op *op)
{
	int which = look_up(op), fd;

	if (which < 0)
		return which;
	if (which < (int)NODES && how_flags(op) & O_DIRECTORY)
		return -ENOTDIR;
	fd = sim_file_make(which < (int)NODES ? SIM_REGULAR : SIM_DIRECTORY,
			   NULL, NULL);
	if (fd < 0)
		return fd;
	sim_files[fd - SIM_FD_BASE].which = (uint32_t)which;
	if (which < (int)NODES && how_flags(op) & O_TRUNC)
		memset(&nodes[which], 0, sizeof(nodes[which]));
	return fd;
}

int sim_tree_statx(const struct op *op)
{
	struct statx *to = (void *)(uintptr_t)op->off;
	int which = look_up(op);

	if (which < 0)
		return which;
	memset(to, 0, sizeof(*to));
	to->stx_mask = op->len;
	to->stx_mode = which < (int)NODES ? S_IFREG | 0600 : S_IFDIR | 0700;
	to->stx_ino = (uint64_t)which + 1;
	to->stx_size = which < (int)NODES ? nodes[which].size : 0;
	return 0;
}

int sim_tree_rw(struct sim_file *f, void *buf, size_t n, uint64_t at,
		bool writes)
{
	struct node *node = &nodes[f->which];
	uint64_t from = at == UINT64_MAX ? f->at : at;

	if (from >= SIZE)
		return writes ? -ENOSPC : 0;
	n = min_of(n, (size_t)(SIZE - from));
	if (!writes)
		n = from < node->size ? min_of(n, (size_t)(node->size - from))
				      : 0;
	n = sim_shorter(n);
	if (writes) {
		memcpy(node->data + from, buf, n);
		node->size = max_of(node->size, (uint32_t)(from + n));
	} else {
		memcpy(buf, node->data + from, n);
	}
	if (at == UINT64_MAX)
		f->at = from + n;
	return (int)n;
}
#endif
