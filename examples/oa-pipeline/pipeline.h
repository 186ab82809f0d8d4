/* SPDX-License-Identifier: MIT */
/*
 * What the stages share. Files come from walk.c and go, as blocks, through
 * the stages of stages.c: read, count, sum, print.
 *
 *	walk -files-> read -lane-> count -lane-> sum -results-> print
 *	                ^------------pool----------'
 *
 * All memory for what is read is in the blocks, and there are only so many of
 * these: a stage that is too slow holds up those before it.
 */
#ifndef OA_EXAMPLES_PIPELINE_H
#define OA_EXAMPLES_PIPELINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <oa.h>

#define BLOCK_SIZE	65536
#define QUEUE		16	/* elements a channel holds */

struct options {
	unsigned int workers;
	unsigned int readers;
	unsigned int jobs;	/* of each stage that computes */
	unsigned int blocks;
	bool progress;
	bool stats;
	char **args;		/* ended by NULL */
};

/* Its reader's up to the last block, then it goes along with that. */
struct file {
	unsigned int lane;
	int err;
	uint64_t bytes, lines, words;
	uint32_t crc;
	bool in_word;
	char path[];
};

struct block {
	struct file *file;
	size_t n;
	bool last;		/* of its file; may be empty */
	unsigned char data[BLOCK_SIZE];
};

/*
 * The blocks of a file must stay in order, so a file has a lane: one worker of
 * each stage that computes, with a channel of its own.
 */
struct lane {
	struct pipeline *pipeline;
	struct oa_chan *to_count, *to_sum;	/* struct block * */
	oa_task_t count, sum;
};

struct pipeline {
	struct options opt;
	struct oa_chan *files, *results;	/* struct file * */
	struct oa_chan *pool;			/* struct block *, unused */
	struct block **blocks;
	struct lane *lanes;
	oa_task_t walker, *readers, printer;
	struct oa_event over;
	int signals;
	int signal;				/* that ended it early */
	/* For the progress line, so whoever adds to them may be late. */
	atomic_ulong found, bytes, done, failed;
};

void *walk_task(void *pipeline);

void *read_task(void *pipeline);	/* a file that it was interrupted in */
void *count_task(void *lane);
void *sum_task(void *lane);
void *print_task(void *pipeline);

/* On standard error, until the event `over`. */
void *progress_task(void *pipeline);
void progress_clear(struct pipeline *p);

void crc_init(void);

#endif
