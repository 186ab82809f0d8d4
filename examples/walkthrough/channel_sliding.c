/* SPDX-License-Identifier: MIT */
/* Channels, sliding: when two wait, the oldest goes. */
#include <stdio.h>

#include <oa.h>

static struct oa_chan *chan;

static void consumer(void *elem, void *arg)
{
	(void)arg;
	oa_sleep(OA_SEC);
	printf("%d\n", *(int *)elem);
}

static void *core(void *arg)
{
	int dropped = 0;

	if (oa_chan_create(&chan, sizeof(int), 2, OA_CHAN_SLIDING))
		return arg;
	oa_chan_consume(chan, consumer, NULL);
	for (int i = 1; i <= 10; i++)
		dropped += oa_chan_send(chan, &i);
	printf("dropped %d\n", dropped);
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
