/* SPDX-License-Identifier: MIT */
/*
 * The run queue of a worker whose owner takes back what he appended last:
 * core/runq.c; what else there is to it is in runq.pml.
 *
 * Everybody takes at head by CAS, having copied the entries before.  To take
 * back, the owner lowers tail, and then moves the count that the CAS carries:
 * who has seen the old tail fails, who sees the new count sees the new tail.
 * What was taken meanwhile is not his: tail goes up to head again.
 *
 *	owner				thief
 *	tail = t - n			load count, head
 *	CAS count + 1, head		load tail, copy
 *	tail = head, if beyond		CAS count, head + k
 *
 * Abstracted: the count comes round after COUNTS, in C after 2^32; indices are
 * numbers modulo WRAP. What stands for sequential consistency: as in runq.pml,
 * and tail is stored with release before the CAS of the owner.
 *
 * Properties: each task is taken, or taken back for good, exactly once.
 *
 * BROKEN=1 the count is not moved
 * BROKEN=2 tail is not put right
 * BROKEN=3 tail is lowered after the CAS
 * BROKEN=4 a thief does not check that tail belongs to the head it loaded
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define SIZE	4
#define WRAP	16
#define COUNTS	8
#define TASKS	5

#define COUNT(h, t)	(((t) + WRAP - (h)) % WRAP)
#define ADD(i, n)	(((i) + (n)) % WRAP)
#define HALF(n)		((n) - (n) / 2)

byte head = WRAP - 2, tail = WRAP - 2, count;
byte slot[SIZE];
bit taken[TASKS + 1];
byte finished;

inline take(task)
{
	assert(task > 0);
	assert(!taken[task]);
	taken[task] = 1
}

/* From old and at to new and to. */
inline cas_head(old, at, new, to)
{
	if
	:: count == old && head == at -> count = new; head = to; ok = 1
	:: else -> ok = 0
	fi
}

/* n of them. The elder of two is appended again. */
inline take_back()
{
	t = tail;
#if BROKEN != 3
	tail = ADD(t, WRAP - n);
#endif
	do
	:: true ->
		d_step { c = count; h = head }
#if BROKEN == 1
		break
#else
		d_step { cas_head(c, h, (c + 1) % COUNTS, h) }
		if
		:: ok -> break
		:: else
		fi
#endif
	od;
	skip;			/* no jump into the d_step */
	d_step {
		ok = 0;
		m = COUNT(h, t);
		if
		:: m < n -> n = m
		:: else
		fi
	}
#if BROKEN == 3
	tail = ADD(t, WRAP - n);
#elif BROKEN != 2
	if
	:: tail != ADD(t, WRAP - n) -> tail = ADD(t, WRAP - n)
	:: else
	fi;
#endif
	d_step {
		a = ADD(t, WRAP - n);
		if
		:: n == 2 -> take(slot[ADD(a, 1) % SIZE])
		:: n == 1 -> take(slot[a % SIZE])
		:: else
		fi
	}
	if
	:: n == 2 ->
		/* nobody else writes slots or tail */
		x = slot[a % SIZE];
		slot[tail % SIZE] = x;
		tail = ADD(tail, 1)
	:: else
	fi;
	d_step { a = 0; c = 0; h = 0; t = 0; m = 0; n = 0; x = 0 }
}

proctype owner()
{
	byte made, back = 2, n, m, a, c, h, t, x;
	bit ok;

	do
	:: made < TASKS && COUNT(head, tail) < SIZE ->
		made++;
		slot[tail % SIZE] = made;
		tail = ADD(tail, 1)
	:: back && COUNT(head, tail) >= 1 && COUNT(head, tail) <= SIZE ->
		back--;
		n = 1;
		take_back()
	:: back && COUNT(head, tail) >= 2 && COUNT(head, tail) <= SIZE ->
		back--;
		n = 2;
		take_back()
	:: true ->
		d_step { c = count; h = head }
		if
		:: h == tail ->
			if
			:: made == TASKS -> break
			:: else
			fi
		:: else ->
			d_step {
				cas_head(c, h, c, ADD(h, 1));
				if
				:: ok -> take(slot[h % SIZE])
				:: else
				fi;
				ok = 0
			}
		fi;
		d_step { c = 0; h = 0 }
	od;
	finished++
}

proctype thief(byte rounds)
{
	byte c, h, n, a, b;
	bit ok;

	do
	:: rounds ->
		rounds--;
		d_step { c = count; h = head }
		n = COUNT(h, tail);
		if
		:: n == 0
#if BROKEN != 4
		:: n > SIZE		/* another tail: try again, or empty */
#endif
		:: else ->
			n = HALF(n);
#if BROKEN == 4
			n = (n > 2 -> 2 : n);
#endif
			a = slot[h % SIZE];
			if
			:: n == 2 -> b = slot[ADD(h, 1) % SIZE]
			:: else
			fi;
			d_step {
				cas_head(c, h, c, ADD(h, n));
				if
				:: ok ->
					take(a);
					if
					:: n == 2 -> take(b)
					:: else
					fi
				:: else
				fi;
				ok = 0;
				a = 0;
				b = 0
			}
		fi;
		d_step { c = 0; h = 0; n = 0 }
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
		run thief(1)
	}
	finished == 3;
	d_step {
		x = 1;
		do
		:: x <= TASKS -> assert(taken[x]); x++
		:: else -> break
		od;
		assert(head == tail)
	}
}
