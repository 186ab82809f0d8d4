// SPDX-License-Identifier: MIT
/*
 * skynet-channels: a tree of 1,111,111 tasks, ten children each; every one
 * hands its sum up through the channel of its parent. Twice in one process.
 */
#include "versus/common/versus.h"
#include "versus/oa/ours.h"

#define CHILDREN 10

struct node {
	struct oa_chan *up;
	uint64_t first, leaves;
};

static struct oa_chan *channel(void)
{
	struct oa_chan *ch;
	int ret = oa_chan_create(&ch, sizeof(uint64_t), CHILDREN,
				 OA_CHAN_BOUNDED);

	if (ret)
		wrong("oa_chan_create: %s", oa_strerror(ret));
	return ch;
}

static uint64_t take(struct oa_chan *ch)
{
	uint64_t v;

	if (oa_chan_recv(ch, &v))
		wrong("oa_chan_recv fails");
	return v;
}

static void *skynet(void *arg);

/*
 * Who has received all destroys the channel: a sender is done with it when it
 * gives the lock up, which the destroyer takes.
 */
static uint64_t sum_of_children(const struct node *me)
{
	struct node child[CHILDREN];
	struct oa_chan *ch = channel();
	uint64_t sum = 0;
	int ret;

	for (unsigned int i = 0; i < CHILDREN; i++) {
		child[i].up = ch;
		child[i].leaves = me->leaves / CHILDREN;
		child[i].first = me->first + i * child[i].leaves;
		/* Depth first, as a tree is walked: few are alive at once. */
		ret = oa_go(skynet, &child[i], .hint = OA_HINT_INLINE);
		if (ret)
			wrong("oa_go: %s", oa_strerror(ret));
	}
	for (unsigned int i = 0; i < CHILDREN; i++)
		sum += take(ch);
	if (oa_chan_destroy(ch))
		wrong("oa_chan_destroy fails");
	return sum;
}

static void *skynet(void *arg)
{
	const struct node *me = arg;
	uint64_t sum = me->first;

	if (me->leaves > 1)
		sum = sum_of_children(me);
	if (oa_chan_send(me->up, &sum))
		wrong("oa_chan_send fails");
	return NULL;
}

static void *trees(void *arg)
{
	uint64_t n = (uint64_t)opt_number("count", 1000000);

	for (unsigned int round = 0; round < 2; round++) {
		struct node root = { .up = channel(), .leaves = n };
		uint64_t begun = now_ns();
		oa_task_t t = oa_spawn(skynet, &root);

		if (take(root.up) != n * (n - 1) / 2)
			wrong("a wrong sum");
		report(round ? "second" : "first",
		       (double)(now_ns() - begun) / 1e6, "ms");
		if (oa_join(t, NULL) || oa_chan_destroy(root.up))
			wrong("a task or a channel does not end");
	}
	return arg;
}

void ours_skynet(void)
{
	ours_run(trees, NULL);
}
