/* SPDX-License-Identifier: MIT */
/* Channels: from many senders to one consumer, one element at a time. */
#include <stdio.h>

#include <oa.h>

static struct oa_chan *chan;

static void consumer(void *elem, void *arg)
{
	(void)arg;
	printf("%d\n", *(int *)elem);
}

static void put(int i)
{
	oa_chan_send(chan, &i);
}

static void *core(void *arg)
{
	if (oa_chan_create(&chan, sizeof(int), 0, OA_CHAN_UNBOUNDED))
		return arg;
	oa_chan_consume(chan, consumer, NULL);
	put(1);
	put(2);
	put(3);
	/* Or the consumer, and with it the runtime, would wait for more. */
	oa_chan_close(chan);
	return arg;
}

int main(void)
{
	int err = oa_run(core, NULL, .max_blocking = 2);

	if (err)
		fprintf(stderr, "oa_run: %s\n", oa_strerror(err));
	oa_chan_destroy(chan);
	return err ? 1 : 0;
}
