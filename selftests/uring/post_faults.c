// SPDX-License-Identifier: MIT
/* Prepared posts where there is no memory for a task: they wait for it. */
#include "selftests/api/api_test.h"

#include <stdlib.h>

#include "core/fault.h"

FIXTURE(post_faults) {
	struct oa_runtime *rt;
	struct oa_event let_go;
	struct oa_post_node node[3];
	unsigned int held, ran, begun;
	int all_taken;
};
VARIANTS_WORKERS(post_faults);

typedef struct post_faults_fixture_data data;

static void *waits_to_go(void *arg)
{
	data *s = arg;

	COUNT(s->begun);
	oa_event_wait(&s->let_go);
	return NULL;
}

static void *adds_one(void *arg)
{
	COUNT(((data *)arg)->ran);
	return NULL;
}

/* Not more slabs than there are; then what is in them, too. */
static void *uses_up_memory(void *arg)
{
	data *s = arg;
	int err;

	ASSERT_EQ(0, setenv("OA_FAULT", "slab:1+", 1));
	fault_read();
	while (!(err = oa_go(waits_to_go, s)))
		s->held++;
	EXPECT_ERR(err, -ENOMEM);
	TELL(s->all_taken, 1);
	return NULL;
}

FIXTURE_SETUP(post_faults)
{
	self->let_go = (struct oa_event)OA_EVENT_INIT;
	ASSERT_OK(oa_start(&self->rt, waits_to_go, self,
			   .workers = variant->workers));
	dump_runtime = self->rt;
	self->held = 1;
	ASSERT_OK(oa_go(uses_up_memory, self, .runtime = self->rt));
	wait_until(SEEN(self->all_taken));
	wait_until(SEEN(self->begun) == self->held);
	for (int i = 0; i < 3; i++)
		self->node[i] = (struct oa_post_node)
			OA_POST_NODE(self->rt, adds_one, self);
}

FIXTURE_TEARDOWN(post_faults)
{
	unsetenv("OA_FAULT");
	fault_read();
}

/* A slot may be in another worker's hands: it is asked, too. */
TEST_F(post_faults, one_slot_is_enough)
{
	for (unsigned int i = 0; i < 50; i++) {
		ASSERT_OK(oa_post_prepared(&self->node[i % 3]));
		wait_until(SEEN(self->ran) == i + 1);
	}
	ASSERT_OK(oa_event_set(&self->let_go));
	ASSERT_OK(oa_runtime_wait(self->rt, NULL));
	ASSERT_OK(oa_runtime_free(self->rt));
}

TEST_F(post_faults, they_wait_for_a_slot)
{
	self->node[0].fn = waits_to_go;
	ASSERT_OK(oa_post_prepared(&self->node[0]));
	wait_until(SEEN(self->begun) == self->held + 1);
	/* Now there is none; what might be in a cache has been looked for. */
	ASSERT_OK(oa_post_prepared(&self->node[1]));
	ASSERT_OK(oa_post_prepared(&self->node[2]));
	EXPECT_ERR(oa_post_prepared(&self->node[2]), -EALREADY);
	EXPECT_EQ(0u, SEEN(self->ran));
	ASSERT_OK(oa_event_set(&self->let_go));
	/* They count as tasks: that the others have ended is not the end. */
	ASSERT_OK(oa_runtime_wait(self->rt, NULL));
	ASSERT_OK(oa_runtime_free(self->rt));
	EXPECT_EQ(2u, self->ran);
}

TEST_F(post_faults, a_shutdown_drops_them)
{
	struct oa_ended e;

	self->node[0].fn = waits_to_go;
	ASSERT_OK(oa_post_prepared(&self->node[0]));
	wait_until(SEEN(self->begun) == self->held + 1);
	ASSERT_OK(oa_post_prepared(&self->node[1]));
	ASSERT_OK(oa_event_set(&self->let_go));
	ASSERT_OK(oa_shutdown(self->rt, OA_SHUTDOWN_GRACEFUL));
	ASSERT_OK(oa_runtime_wait(self->rt, &e));
	ASSERT_OK(oa_runtime_free(self->rt));
	/* By then it may have run. */
	EXPECT_EQ(1u, self->ran + e.dropped);
}

HARNESS_MAIN
