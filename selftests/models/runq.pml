/* SPDX-License-Identifier: MIT */
/*
 * The ring of a worker: core/runq.h, and what spills over: core/ready.c.
 *
 * Bounded: the owner writes the slot and then stores tail (release); everybody
 * takes at head by CAS, several at once, having copied the entries before.
 * What finds it full goes to a queue of the owner's own, and so does what
 * comes later, until the owner has found the ring empty and taken from there.
 *
 * Indices are numbers modulo WRAP; they start just below the wrap.  A CAS on
 * head is sound as long as fewer than WRAP tasks are taken between the load
 * of head and the CAS: 2^32 in C, here as many as there are tasks.
 *
 * Abstracted: what a thief does with its loot, the lane (batch.pml), what is
 * taken back (takeback.pml).
 *
 * What stands for sequential consistency here: tail is stored with release
 * and loaded with acquire; the CAS on head is acq_rel, so the copy precedes
 * it, and the owner's acquire load of head comes before it writes a slot
 * again; slots are relaxed atomics, since a copy that is going to lose its
 * CAS may race with the owner.
 *
 * Properties: each task is taken exactly once.
 *
 * BROKEN=1 indices so narrow that they come round during one attempt
 * BROKEN=2 a thief does not check that tail belongs to the head it loaded
 * BROKEN=3 the owner takes by load and store
 * BROKEN=4 tail before the slot
 * BROKEN=5 the owner appends to a ring that is full
 * BROKEN=6 a thief copies after its CAS
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#if BROKEN == 1
#define SIZE	2
#define WRAP	4
#define TASKS	7
#else
#define SIZE	4
#define WRAP	8
#define TASKS	6
#endif
#ifndef THIEVES
#define THIEVES	2
#endif

#define COUNT(h, t)	(((t) + WRAP - (h)) % WRAP)
#define ADD(i, n)	(((i) + (n)) % WRAP)
#define HALF(n)		((n) - (n) / 2)

byte head = WRAP - 2, tail = WRAP - 2;
byte slot[SIZE];
chan spill = [TASKS] of { byte };	/* the owner's own */
bit spilling;
bit taken[TASKS + 1];
byte finished;

inline take(x)
{
	assert(x > 0);
	assert(!taken[x]);
	taken[x] = 1
}

/* CAS head from h to h + n. */
inline cas_head(h, n, ok)
{
	if
	:: head == h -> head = ADD(h, n); ok = 1
	:: else -> ok = 0
	fi
}

inline push(x)
{
	h = head;
	if
#if BROKEN == 5
	:: !spilling && COUNT(h, tail) <= SIZE ->
#else
	:: !spilling && COUNT(h, tail) < SIZE ->
#endif
#if BROKEN == 4
		tail = ADD(tail, 1);
		slot[ADD(tail, WRAP - 1) % SIZE] = x
#else
		slot[tail % SIZE] = x;
		tail = ADD(tail, 1)
#endif
	:: else -> d_step { spilling = 1; spill ! x }
	fi;
	h = 0
}

proctype owner()
{
	byte made, h, x;
	bit ok;

	do
	:: made < TASKS ->
		made++;
		push(made)
	:: true ->
		h = head;
		if
		:: h == tail && nempty(spill) ->
			d_step { spill ? x; take(x); x = 0; spilling = 0 }
		:: h == tail && empty(spill) ->
			if
			:: made == TASKS -> break
			:: else
			fi
		:: h != tail ->
#if BROKEN == 3
			x = slot[h % SIZE];
			head = ADD(h, 1);
			d_step { take(x); x = 0 }
#else
			d_step {
				cas_head(h, 1, ok);
				if
				:: ok -> take(slot[h % SIZE])
				:: else
				fi;
				ok = 0
			}
#endif
		fi;
		h = 0
	od;
	finished++
}

proctype thief(byte rounds)
{
	byte h, n, a, b;
	bit ok;

	do
	:: rounds ->
		rounds--;
		h = head;
		n = HALF(COUNT(h, tail));
		if
		:: n == 0
#if BROKEN != 2
		:: n > SIZE / 2		/* tail is newer: try again */
#endif
		:: else ->
			assert(n <= SIZE / 2);
#if BROKEN == 6
			d_step { cas_head(h, n, ok) }
			a = slot[h % SIZE];
			if
			:: n == 2 -> b = slot[ADD(h, 1) % SIZE]
			:: else
			fi;
#else
			a = slot[h % SIZE];
			if
			:: n == 2 -> b = slot[ADD(h, 1) % SIZE]
			:: else
			fi;
			d_step { cas_head(h, n, ok) }
#endif
			d_step {
				if
				:: ok ->
					take(a);
					if
					:: b -> take(b)
					:: else
					fi
				:: else
				fi;
				ok = 0;
				a = 0;
				b = 0
			}
		fi;
		h = 0;
		n = 0
	:: else -> break
	od;
	finished++
}

init
{
	byte x;

	atomic {
		run owner();
		run thief(2);
#if THIEVES > 1
		run thief(1)
#endif
	}
	finished == 1 + THIEVES;
	d_step {
		x = 1;
		do
		:: x <= TASKS -> assert(taken[x]); x++
		:: else -> break
		od;
		assert(empty(spill) && head == tail)
	}
}
