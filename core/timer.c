// SPDX-License-Identifier: MIT
/*
 * The timer wheel: start and cancel in O(1), a deadline honoured to 64 ns.
 *
 * Eight levels of 256 slots; a slot of level l spans 2^(6 + 8l) ns. A timer
 * hangs at the level of the highest digit in which its time differs from the
 * wheel's; when time enters a slot above level 0, what hangs there moves down.
 * A timer never fires early: a slot of level 0 is served once it is past.
 *
 * Roles: the owner expires; any worker may add and remove, since a task that
 * moved still has its timer where it slept. So there is a lock, taken for a
 * few instructions and free of contention unless tasks with early deadlines
 * move. What the lock costs (5 ns) was weighed against a second node in each
 * descriptor and messages to the owner; see oa_design(7).
 *
 * A timer is in at most one wheel: ->owner says in which. It goes 0 -> worker
 * by compare-and-swap under the lock of that worker's wheel, and back to 0
 * under the same lock. Nobody files in a wheel that is not his own, so filing
 * never needs a kick. core/park.c says who files when.
 */
#include "core/timer.h"

#include "core/bug.h"

static uint64_t to_grain(oa_time_t when)
{
	/* Rounded up: a timer may be late, never early. */
	if (when <= 0)
		return 0;
	return ((uint64_t)when + (1u << WHEEL_GRAIN_BITS) - 1) >>
	       WHEEL_GRAIN_BITS;
}

static unsigned int level_of(uint64_t now, uint64_t at)
{
	uint64_t diff = now ^ at;

	if (diff < WHEEL_SLOTS)
		return 0;
	return (63u - (unsigned int)__builtin_clzll(diff)) / WHEEL_BITS;
}

void wheel_init(struct wheel *wh, oa_time_t now)
{
	__builtin_memset(wh, 0, sizeof(*wh));
	wh->now = (uint64_t)now >> WHEEL_GRAIN_BITS;
	wh->next = OA_FOREVER;
}

static void link_timer(struct wheel *wh, struct timer *tm)
{
	uint64_t at = max_of(to_grain(tm->when), wh->now);
	unsigned int level = level_of(wh->now, at);
	unsigned int slot = (at >> (level * WHEEL_BITS)) & (WHEEL_SLOTS - 1);
	struct timer **head = &wh->slots[level][slot];

	tm->slot = (uint16_t)(level << 8 | slot);
	tm->next = *head;
	tm->pprev = head;
	if (*head)
		(*head)->pprev = &tm->next;
	*head = tm;
	wh->busy[level][slot / 64] |= 1ull << (slot % 64);
}

static void unlink_timer(struct wheel *wh, struct timer *tm)
{
	unsigned int level = tm->slot >> 8, slot = tm->slot & 0xff;

	*tm->pprev = tm->next;
	if (tm->next)
		tm->next->pprev = tm->pprev;
	if (!wh->slots[level][slot])
		wh->busy[level][slot / 64] &= ~(1ull << (slot % 64));
}

bool wheel_add(struct wheel *wh, struct timer *tm, uint32_t me,
	       oa_time_t when)
{
	uint32_t none = 0;
	bool mine;

	spin_lock(&wh->lock);
	mine = atomic_cas(&tm->owner, &none, me); /* [timer-owner] */
	if (mine) {
		WRITE_ONCE(tm->when, when);
		link_timer(wh, tm);
		wh->count++;
		if (when < wh->next)
			WRITE_ONCE(wh->next, when);
	}
	spin_unlock(&wh->lock);
	return mine;
}

bool wheel_del(struct wheel *wh, struct timer *tm, uint32_t owner)
{
	bool was;

	spin_lock(&wh->lock);
	/* relaxed: only changed away from @owner under this lock */
	was = atomic_load_rlx(&tm->owner) == owner;
	if (was) {
		unlink_timer(wh, tm);
		wh->count--;
		/* [timer-owner] done with the node before anybody files it */
		atomic_store_rel(&tm->owner, 0);
	}
	spin_unlock(&wh->lock);
	return was;
}

/* The first busy slot of @level at or after @from, or WHEEL_SLOTS. */
static unsigned int first_busy(const struct wheel *wh, unsigned int level,
			       unsigned int from)
{
	unsigned int word = from / 64;
	uint64_t bits;

	if (from >= WHEEL_SLOTS)
		return WHEEL_SLOTS;
	bits = wh->busy[level][word] & (~0ull << (from % 64));
	while (!bits) {
		if (++word == WHEEL_WORDS)
			return WHEEL_SLOTS;
		bits = wh->busy[level][word];
	}
	return word * 64 + (unsigned int)__builtin_ctzll(bits);
}

/*
 * The first busy slot in the order of time, lower levels first: their slots
 * lie within the present slot of the level above. *start: when it begins.
 */
static bool first_slot(const struct wheel *wh, unsigned int *level,
		       unsigned int *slot, uint64_t *start)
{
	unsigned int l, s, shift;

	for (l = 0; l < WHEEL_LEVELS; l++) {
		shift = l * WHEEL_BITS;
		s = first_busy(wh, l, (wh->now >> shift) & (WHEEL_SLOTS - 1));
		if (s == WHEEL_SLOTS)
			continue;
		*level = l;
		*slot = s;
		if (shift + WHEEL_BITS >= 64)
			*start = (uint64_t)s << shift;
		else
			*start = (wh->now >> (shift + WHEEL_BITS)
				  << (shift + WHEEL_BITS)) |
				 (uint64_t)s << shift;
		return true;
	}
	return false;
}

/* The earliest of a slot; a crowded one is bounded by where it begins. */
static oa_time_t earliest(const struct wheel *wh)
{
	unsigned int level, slot, looked = 0;
	oa_time_t best = OA_FOREVER;
	const struct timer *tm;
	uint64_t start;

	if (!wh->count || !first_slot(wh, &level, &slot, &start))
		return OA_FOREVER;
	for (tm = wh->slots[level][slot]; tm; tm = tm->next) {
		if (++looked > 32)
			return (oa_time_t)(max_of(start, wh->now)
					   << WHEEL_GRAIN_BITS);
		best = min_of(best, tm->when);
	}
	return best;
}

oa_time_t wheel_next(struct wheel *wh)
{
	/* relaxed: only the owner raises it, and an adder kicks the owner */
	return READ_ONCE(wh->next);
}

/* Under the lock. Up to @max of a slot of level 0, all of it due. */
static unsigned int pop_due(struct wheel *wh, unsigned int slot,
			    struct timer **out, unsigned int max)
{
	unsigned int n = 0;
	struct timer *tm;

	while (n < max && (tm = wh->slots[0][slot])) {
		unlink_timer(wh, tm);
		wh->count--;
		out[n++] = tm;
		/* [timer-owner] done with the node before anybody files it */
		atomic_store_rel(&tm->owner, 0);
	}
	return n;
}

/* Under the lock. Detaches the list of a slot. */
static struct timer *take_slot(struct wheel *wh, unsigned int level,
			       unsigned int slot)
{
	struct timer *tm = wh->slots[level][slot];

	wh->slots[level][slot] = NULL;
	wh->busy[level][slot / 64] &= ~(1ull << (slot % 64));
	return tm;
}

/*
 * Under the lock. Hands out what is due of a slot's list, at most @max; the
 * rest goes where it belongs now, at a lower level or back.
 */
static unsigned int sort_out(struct wheel *wh, struct timer *tm, oa_time_t now,
			     struct timer **out, unsigned int max)
{
	unsigned int n = 0;
	struct timer *next;

	for (; tm; tm = next) {
		next = tm->next;
		if (tm->when > now || n == max) {
			link_timer(wh, tm);
			continue;
		}
		out[n++] = tm;
		wh->count--;
		/* [timer-owner] done with the node before anybody files it */
		atomic_store_rel(&tm->owner, 0);
	}
	return n;
}

unsigned int wheel_pop(struct wheel *wh, oa_time_t now, struct timer **out,
		       unsigned int max)
{
	uint64_t to = (uint64_t)now >> WHEEL_GRAIN_BITS, start;
	unsigned int level, slot, n = 0;

	if (now < READ_ONCE(wh->next))
		return 0;
	spin_lock(&wh->lock);
	while (n < max && wh->count && first_slot(wh, &level, &slot, &start) &&
	       start <= to) {
		wh->now = max_of(wh->now, start);
		if (level == 0 && n < max) {
			n += pop_due(wh, slot, out + n, max - n);
			continue;
		}
		n += sort_out(wh, take_slot(wh, level, slot), now, out + n,
			      max - n);
	}
	if (n < max)
		wh->now = max_of(wh->now, to);
	WRITE_ONCE(wh->next, earliest(wh));
	spin_unlock(&wh->lock);
	return n;
}

struct timer *wheel_steal(struct wheel *wh)
{
	unsigned int level, slot;
	struct timer *tm = NULL;
	uint64_t start;

	spin_lock(&wh->lock);
	if (wh->count && first_slot(wh, &level, &slot, &start)) {
		tm = wh->slots[level][slot];
		unlink_timer(wh, tm);
		wh->count--;
		/* [timer-owner] done with the node before anybody files it */
		atomic_store_rel(&tm->owner, 0);
	}
	spin_unlock(&wh->lock);
	return tm;
}
