/* SPDX-License-Identifier: MIT */
/*
 * The run queue of a worker: core/runq.c.
 *
 * A bounded ring: the owner writes the slot and then stores tail (release);
 * everybody takes at head by CAS, the owner one and a thief up to half, having
 * copied the entries before.  A full ring hands half of itself and the new
 * task to the injection queue.  The newest task stands in the run-next slot,
 * which pushes its predecessor into the ring, and is taken by CAS.
 *
 * Indices are numbers modulo WRAP; they start just below the wrap.  A CAS on
 * head is sound as long as fewer than WRAP tasks are taken between the load
 * of head and the CAS: 2^32 in C, here as many as there are tasks.
 *
 * Abstracted: the injection queue is "taken"; what a thief does with its loot.
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
 * BROKEN=3 the overflow stores head
 * BROKEN=4 tail before the slot
 * BROKEN=5 run-next is taken by load and store
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
byte next;			/* run-next */
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
	do
	:: true ->
		h = head;
		if
		:: COUNT(h, tail) < SIZE ->
#if BROKEN == 4
			tail = ADD(tail, 1);
			slot[ADD(tail, WRAP - 1) % SIZE] = x;
#else
			slot[tail % SIZE] = x;
			tail = ADD(tail, 1);
#endif
			break
		:: else ->
			/* nobody but the owner writes slots: no copy needed */
#if BROKEN == 3
			d_step { head = ADD(h, SIZE / 2); ok = 1 }
#else
			d_step { cas_head(h, SIZE / 2, ok) }
#endif
			if
			:: ok ->
				d_step {
					ok = 0;
					take(slot[h % SIZE]);
#if SIZE > 2
					take(slot[(h + 1) % SIZE]);
#endif
					take(x)
				}
				break
			:: else
			fi
		fi
	od;
	h = 0
}

/* x becomes what stood in run-next. */
inline exchange_next(x)
{
	d_step { h = next; next = x; x = h; h = 0 }
}

inline take_next(x)
{
	x = next;
#if BROKEN == 5
	if
	:: x -> next = 0
	:: else
	fi
#else
	d_step {
		if
		:: x && next == x -> next = 0
		:: else -> x = 0
		fi
	}
#endif
}

proctype owner()
{
	byte made, x, h;
	bit ok;

	do
	:: made < TASKS ->
		made++;
		x = made;
		exchange_next(x);
		if
		:: x -> push(x)
		:: else
		fi;
		x = 0
	:: true ->
		take_next(x);
		if
		:: x -> d_step { take(x); x = 0 }
		:: else ->
			h = head;
			if
			:: h == tail ->
				if
				:: made == TASKS -> break
				:: else
				fi
			:: else ->
				d_step {
					cas_head(h, 1, ok);
					if
					:: ok -> take(slot[h % SIZE])
					:: else
					fi;
					ok = 0
				}
			fi;
			h = 0
		fi
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
		:: n == 0 ->
			take_next(a);
			if
			:: a -> d_step { take(a); a = 0 }
			:: else
			fi
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
		assert(!next && head == tail)
	}
}
