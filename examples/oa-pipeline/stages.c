/* SPDX-License-Identifier: MIT */
/* The stages that a file's bytes go through. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../cli.h"
#include "pipeline.h"

static uint32_t crc_table[256];

/* That of cksum(1): the highest bit first. */
void crc_init(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i << 24;

		for (int bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc & 1u << 31 ? 0x04c11db7 : 0);
		crc_table[i] = crc;
	}
}

static uint32_t crc_add(uint32_t crc, const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		crc = crc << 8 ^ crc_table[crc >> 24 ^ s[i]];
	return crc;
}

/* After the bytes comes how many they were. */
static uint32_t crc_end(uint32_t crc, uint64_t bytes)
{
	for (; bytes; bytes >>= 8)
		crc = crc_add(crc, &(unsigned char){ (unsigned char)bytes }, 1);
	return ~crc;
}

/* 1: that was the last of it; 0: there is more. */
static int read_block(struct pipeline *p, struct file *f, int fd)
{
	struct block *b;
	ssize_t n;
	int err = oa_chan_recv(p->pool, &b);

	if (err < 0)
		return err;
	n = oa_read(fd, b->data, sizeof(b->data));
	/* Then nobody reads any more, and the block is not missed. */
	if (n == -ECANCELED)
		return (int)n;
	if (n < 0)
		f->err = (int)n;
	b->file = f;
	b->n = n > 0 ? (size_t)n : 0;
	b->last = n <= 0;
	atomic_fetch_add(&p->bytes, b->n);
	err = oa_chan_send(p->lanes[f->lane].to_count, &b);
	return err < 0 ? err : n <= 0;
}

static int read_file(struct pipeline *p, struct file *f)
{
	int fd, err;

	fd = oa_openat(AT_FDCWD, f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		/* There are no blocks that it could go along with. */
		f->err = fd;
		return oa_chan_send(p->results, &f);
	}
	do {
		err = read_block(p, f, fd);
	} while (!err);
	oa_close(fd);
	return err;
}

void *read_task(void *pipeline)
{
	struct pipeline *p = pipeline;
	struct file *f;

	while (!oa_chan_recv(p->files, &f))
		if (read_file(p, f) < 0)
			return f;
	return NULL;
}

static bool is_space(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

void *count_task(void *lane)
{
	struct lane *l = lane;
	struct block *b;

	while (!oa_chan_recv(l->to_count, &b)) {
		struct file *f = b->file;

		for (size_t i = 0; i < b->n; i++) {
			bool in_word = !is_space(b->data[i]);

			f->lines += b->data[i] == '\n';
			f->words += in_word && !f->in_word;
			f->in_word = in_word;
		}
		oa_chan_send(l->to_sum, &b);
		oa_yield_point();
	}
	return NULL;
}

void *sum_task(void *lane)
{
	struct lane *l = lane;
	struct pipeline *p = l->pipeline;
	struct block *b;

	while (!oa_chan_recv(l->to_sum, &b)) {
		struct file *f = b->file;
		bool last = b->last;

		f->crc = crc_add(f->crc, b->data, b->n);
		f->bytes += b->n;
		oa_chan_send(p->pool, &b);
		if (last) {
			f->crc = crc_end(f->crc, f->bytes);
			oa_chan_send(p->results, &f);
		}
		oa_yield_point();
	}
	return NULL;
}

/* Not by stdio, which would wait for a pipe with the worker in its hands. */
static void print(const char *s, size_t n)
{
	while (n) {
		ssize_t done = oa_write(STDOUT_FILENO, s, n);

		if (done < 0) {
			cli_warn("standard output: %s", oa_strerror((int)done));
			_exit(1);
		}
		s += done;
		n -= (size_t)done;
	}
}

static int print_file(const struct file *f)
{
	char *line;
	int n;

	n = asprintf(&line, "%u %llu %llu %llu %s\n", f->crc,
		     (unsigned long long)f->bytes, (unsigned long long)f->lines,
		     (unsigned long long)f->words, f->path);
	if (n < 0)
		return -ENOMEM;
	print(line, (size_t)n);
	free(line);
	return 0;
}

void *print_task(void *pipeline)
{
	struct pipeline *p = pipeline;
	struct file *f;

	while (!oa_chan_recv(p->results, &f)) {
		int err = f->err;

		progress_clear(p);
		if (!err)
			err = print_file(f);
		if (err)
			cli_warn("%s: %s", f->path, oa_strerror(err));
		atomic_fetch_add(err ? &p->failed : &p->done, 1);
		free(f);
	}
	return NULL;
}
