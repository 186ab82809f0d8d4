// SPDX-License-Identifier: MIT
/* Tokens: one source of cancellation for many tasks, a group by itself. */
#include <oa/scope.h>

#include "sync/group.h"

_Static_assert(sizeof(struct group) <= sizeof(struct oa_token),
	       "a group fits into a token");

int oa_token_cancel(struct oa_token *token)
{
	if (!token)
		return -EINVAL;
	group_cancel((struct group *)token, MEMBER_TOKEN);
	return 0;
}

int oa_token_cancelled(const struct oa_token *token)
{
	return token ? !!(sync_glance(token) & GROUP_CANCELLED) : -EINVAL;
}

int oa_token_destroy(struct oa_token *token)
{
	struct sync *s = (struct sync *)token;

	if (!token)
		return -EINVAL;
	if (group_count(sync_read(s)))
		return -EBUSY;
	/* As a new one: it may have been cancelled. */
	atomic_store_rel(&token->oa__word, (uint64_t)0); /* [sync] */
	return 0;
}
