/* SPDX-License-Identifier: MIT */
/* Channels: stopping one throws away what is in it. */
#include <stdio.h>

#include <oa.h>

static struct oa_chan *chan;
static struct oa_event busy = OA_EVENT_INIT, stopped = OA_EVENT_INIT;

static void consumer(void *elem, void *arg)
{
	(void)arg;
	oa_event_set(&busy);
	oa_event_wait(&stopped);
	printf("%d\n", *(int *)elem);
}

static int put(int i)
{
	return oa_chan_send(chan, &i);
}

static void *core(void *arg)
{
	if (oa_chan_create(&chan, sizeof(int), 0, OA_CHAN_UNBOUNDED))
		return arg;
	oa_chan_consume(chan, consumer, NULL);
	put(1);
	put(2);
	put(3);
	oa_event_wait(&busy);
	oa_chan_stop(chan);
	printf("4: %s\n", oa_strerror(put(4)));
	oa_event_set(&stopped);
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
