// SPDX-License-Identifier: MIT
/*
 * The timer wheel: start and cancel in O(1), a deadline honoured to 64 ns.
 *
 * Eight levels; a slot of level l spans 2^(6 + 8l) ns, and a level's 512 slots
 * are a ring that reaches so far from now. A timer hangs at the lowest level
 * that reaches it. What hangs in a slot above level 0 moves down at the latest
 * when the slot begins. A timer never fires early: a slot of level 0 is served
 * once it is past.
 *
 * Since a level reaches as far as two slots of the level above, a slot may be
 * moved down as early as one span before it begins: one that holds many timers
 * is, from half a span before, a part at a time. Otherwise a million sleepers
 * would be moved at once, for a quarter of a second. A slot's timers hang in
 * eight lists, gone through side by side, since each is a miss of the cache.
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

#define WHEEL_MANY	33u	/* in a slot: too many to look at each */
#define WHEEL_PART	256u	/* so many of them are moved ahead at a time */

static unsigned int shift_of(unsigned int level)
{
	return level * WHEEL_BITS;
}

static unsigned int level_of(uint64_t now, uint64_t at)
{
	unsigned int level = 0;

	while ((at >> shift_of(level)) - (now >> shift_of(level)) >=
	       WHEEL_SLOTS)
		level++;
	return level;
}

void wheel_init(struct wheel *wh, oa_time_t now)
{
	wh->now = (uint64_t)now >> WHEEL_GRAIN_BITS;
	wh->next = OA_FOREVER;
}

/* When a slot with many timers has to be seen to. */
static oa_time_t many_due(const struct wheel *wh, unsigned int level,
			  uint64_t at)
{
	uint64_t start = at << shift_of(level);

	if (level >= 2)
		start -= 1ull << (shift_of(level) - 1);
	/* Level 1 spans 16 us: what is in one of its slots comes at once. */
	start = max_of(start, wh->now) << WHEEL_GRAIN_BITS;
	/* A timer's own time may be a little before its grain. */
	return (oa_time_t)start - (1 << WHEEL_GRAIN_BITS) + 1;
}

/* @tm was put into slot @at of @level. */
static void note_linked(struct wheel *wh, unsigned int level, uint64_t at,
			oa_time_t when)
{
	struct wheel_first *f = &wh->first[level];

	wh->levels |= 1u << level;
	if (!wh->filed[level]++ || (f->n && at < f->at)) {
		*f = (struct wheel_first){ .at = at, .best = when, .n = 1 };
		return;
	}
	if (!f->n || at != f->at)
		return;
	f->best = min_of(f->best, when);
	if (f->n < WHEEL_MANY && ++f->n == WHEEL_MANY)
		WRITE_ONCE(wh->next, min_of(wh->next, many_due(wh, level, at)));
}

static void link_timer(struct wheel *wh, struct timer *tm)
{
	uint64_t at = max_of(to_grain(tm->when), wh->now);
	unsigned int level = level_of(wh->now, at), slot;
	struct timer **head;

	at >>= shift_of(level);
	slot = at % WHEEL_SLOTS;
	head = &wh->slots[level][slot][(uintptr_t)tm / 64 % WHEEL_CHAINS];
	tm->slot = level * WHEEL_SLOTS + slot;
	tm->next = *head;
	tm->pprev = head;
	if (*head)
		(*head)->pprev = &tm->next;
	*head = tm;
	wh->busy[level][slot / 64] |= 1ull << (slot % 64);
	note_linked(wh, level, at, tm->when);
}

static bool slot_empty(struct timer *const *chains)
{
	uintptr_t any = 0;

	for (unsigned int i = 0; i < WHEEL_CHAINS; i++)
		any |= (uintptr_t)chains[i];
	return !any;
}

/* Timers were taken out of a slot. */
static void note_unlinked(struct wheel *wh, unsigned int level,
			  unsigned int slot, uint32_t n)
{
	struct wheel_first *f = &wh->first[level];
	bool empty = slot_empty(wh->slots[level][slot]);

	wh->filed[level] -= n;
	if (!wh->filed[level])
		wh->levels &= ~(1u << level);
	if (empty)
		wh->busy[level][slot / 64] &= ~(1ull << (slot % 64));
	if (!f->n || f->at % WHEEL_SLOTS != slot)
		return;
	if (empty)
		f->n = 0;
	else if (f->n < WHEEL_MANY)
		f->n = f->n > n ? f->n - n : 1;
}

static void unlink_timer(struct wheel *wh, struct timer *tm)
{
	*tm->pprev = tm->next;
	if (tm->next)
		tm->next->pprev = tm->pprev;
	note_unlinked(wh, tm->slot / WHEEL_SLOTS, tm->slot % WHEEL_SLOTS, 1);
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

/* How far the first busy slot of @level is from slot @from, round the ring. */
static unsigned int first_busy(const struct wheel *wh, unsigned int level,
			       unsigned int from)
{
	unsigned int word = from / 64;
	uint64_t bits = wh->busy[level][word] & (~0ull << (from % 64));

	for (unsigned int i = 0; !bits && i < WHEEL_WORDS; i++) {
		word = (word + 1) % WHEEL_WORDS;
		bits = wh->busy[level][word];
	}
	OA_BUG_ON(!bits);
	return (word * 64 + (unsigned int)__builtin_ctzll(bits) - from) %
	       WHEEL_SLOTS;
}

/* The chains of a slot with something in them: how many. */
static unsigned int chains_of(struct wheel *wh, unsigned int level,
			      unsigned int slot, struct timer ***out)
{
	struct timer **chains = wh->slots[level][slot];
	unsigned int n = 0;

	for (unsigned int i = 0; i < WHEEL_CHAINS; i++) {
		out[n] = &chains[i];
		n += chains[i] != NULL;
	}
	return n;
}

/* How many there are, and the earliest; the chains side by side. */
static void survey(struct wheel *wh, unsigned int level, unsigned int slot,
		   struct wheel_first *f)
{
	struct timer **at[WHEEL_CHAINS];
	unsigned int left = chains_of(wh, level, slot, at);

	for (unsigned int i = 0; left && f->n < WHEEL_MANY;
	     i = i + 1 < left ? i + 1 : 0) {
		f->best = min_of(f->best, (*at[i])->when);
		f->n++;
		at[i] = &(*at[i])->next;
		if (!*at[i])
			at[i] = at[--left];
	}
}

/* The first busy slot of @level, which has timers. */
static const struct wheel_first *first_of(struct wheel *wh, unsigned int level)
{
	struct wheel_first *f = &wh->first[level];
	uint64_t now = wh->now >> shift_of(level);

	if (likely(f->n))
		return f;
	f->at = now + first_busy(wh, level, now % WHEEL_SLOTS);
	f->best = OA_FOREVER;
	survey(wh, level, f->at % WHEEL_SLOTS, f);
	return f;
}

/*
 * The busy slot that begins first; of two that begin together the one that
 * spans more. *start: when.
 */
static bool first_slot(struct wheel *wh, unsigned int *level, uint64_t *start)
{
	uint64_t begins;

	*level = 0;
	*start = UINT64_MAX;
	for (uint32_t left = wh->levels; left; left &= left - 1) {
		unsigned int l = (unsigned int)__builtin_ctz(left);

		begins = first_of(wh, l)->at << shift_of(l);
		if (begins > *start)
			continue;
		*level = l;
		*start = begins;
	}
	return wh->levels;
}

static oa_time_t earliest(struct wheel *wh)
{
	oa_time_t best = OA_FOREVER;
	const struct wheel_first *f;

	for (uint32_t left = wh->levels; left; left &= left - 1) {
		unsigned int l = (unsigned int)__builtin_ctz(left);

		f = first_of(wh, l);
		best = min_of(best, f->n == WHEEL_MANY
					    ? many_due(wh, l, f->at)
					    : f->best);
	}
	return best;
}

oa_time_t wheel_next(struct wheel *wh)
{
	/* relaxed: only the owner raises it, and an adder kicks the owner */
	return READ_ONCE(wh->next);
}

/* Under the lock. It is handed out: whoever has it may file it again. */
static void let_go(struct wheel *wh, struct timer *tm)
{
	wh->count--;
	/* [timer-owner] done with the node before anybody files it */
	atomic_store_rel(&tm->owner, 0);
}

/*
 * Under the lock. Goes through at most @part timers of a slot: what is due is
 * handed out, at most @max of it, the rest goes to a lower level. Of a slot of
 * level 0, which is past, only what is handed out is taken.
 */
static unsigned int sort_out(struct wheel *wh, unsigned int level,
			     unsigned int slot, oa_time_t now, uint32_t part,
			     struct timer **out, unsigned int max)
{
	struct timer **left[WHEEL_CHAINS], *tm;
	unsigned int n = 0, chains;
	uint32_t seen = 0;

	chains = chains_of(wh, level, slot, left);
	for (unsigned int c = 0; chains && seen < part;
	     c = c + 1 < chains ? c + 1 : 0) {
		if (level == 0 && n == max)
			break;
		tm = *left[c];
		*left[c] = tm->next;
		if (tm->next) {
			__builtin_prefetch(tm->next, 1);
			tm->next->pprev = left[c];
		} else {
			left[c] = left[--chains];
		}
		seen++;
		if (level == 0 || (tm->when <= now && n < max)) {
			let_go(wh, tm);
			out[n++] = tm;
		} else {
			link_timer(wh, tm);
		}
	}
	note_unlinked(wh, level, slot, seen);
	return n;
}

/* Under the lock. A part of what is crowded and comes up. */
static void move_ahead(struct wheel *wh, oa_time_t now)
{
	const struct wheel_first *f;

	for (uint32_t left = wh->levels & ~3u; left; left &= left - 1) {
		unsigned int l = (unsigned int)__builtin_ctz(left);

		f = first_of(wh, l);
		if (f->n < WHEEL_MANY || many_due(wh, l, f->at) > now)
			continue;
		sort_out(wh, l, f->at % WHEEL_SLOTS, 0, WHEEL_PART, NULL, 0);
		return;
	}
}

unsigned int wheel_pop(struct wheel *wh, oa_time_t now, struct timer **out,
		       unsigned int max)
{
	uint64_t to = (uint64_t)now >> WHEEL_GRAIN_BITS, start;
	unsigned int level, n = 0;

	if (now < READ_ONCE(wh->next))
		return 0;
	spin_lock(&wh->lock);
	while (n < max && first_slot(wh, &level, &start) && start <= to) {
		wh->now = max_of(wh->now, start);
		n += sort_out(wh, level,
			      (start >> shift_of(level)) % WHEEL_SLOTS, now,
			      UINT32_MAX, out + n, max - n);
	}
	if (n < max) {
		wh->now = max_of(wh->now, to);
		move_ahead(wh, now);
	}
	WRITE_ONCE(wh->next, earliest(wh));
	spin_unlock(&wh->lock);
	return n;
}

struct timer *wheel_steal(struct wheel *wh)
{
	struct timer *tm = NULL;
	unsigned int level;
	uint64_t start;

	spin_lock(&wh->lock);
	if (first_slot(wh, &level, &start))
		sort_out(wh, level, (start >> shift_of(level)) % WHEEL_SLOTS,
			 OA_FOREVER, 1, &tm, 1);
	spin_unlock(&wh->lock);
	return tm;
}
