/* SPDX-License-Identifier: MIT */
/*
 * The deque of jobs of a worker: core/jobs.c.
 *
 * The owner pushes and takes at the bottom without a fence; thieves take at
 * the top, by a swap. The owner's stores to bottom wait in a buffer of one: he
 * sees what he has stored, others when it leaves, of itself or because a thief
 * calls membarrier(2). A store waits for the one before it, so a slot is seen
 * no later than the index that was stored after it.
 *
 * Abstracted: indices do not wrap; what becomes of the jobs.
 *
 * Properties: each job is taken exactly once.
 *
 * BROKEN=1 a thief does without the membarrier
 * BROKEN=2 he has it after his look at bottom
 * BROKEN=3 he has it before his look at top
 * BROKEN=4 the owner takes the last one without a swap
 * BROKEN=5 a thief reads the slot after his swap
 * BROKEN=6 the owner does not put bottom back when the last was gone
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef THIEVES
#define THIEVES	2
#endif

#define SIZE	2
#define JOBS	4

byte top, bottom;
byte mine;			/* bottom, as the owner has stored it */
bit pending;			/* ... and it has not been seen yet */
byte slot[SIZE];
bit taken[JOBS + 1];
byte finished;

inline take(x)
{
	assert(x > 0);
	assert(!taken[x]);
	taken[x] = 1
}

inline store_bottom(v)
{
	atomic { !pending -> mine = v; pending = 1 }
}

inline membarrier()
{
	atomic {
		if
		:: pending -> bottom = mine; pending = 0
		:: else
		fi
	}
}

active proctype buffer()
{
end:	do
	:: atomic { pending -> bottom = mine; pending = 0 }
	od
}

proctype owner()
{
	byte made, t, at;

	do
	:: made < JOBS ->
		t = top;
		if
		:: mine - t < SIZE ->
			made++;
			atomic { !pending -> slot[mine % SIZE] = made }
			store_bottom(mine + 1)
		:: else
		fi;
		t = 0
	:: mine > 0 ->
		at = mine - 1;
		store_bottom(at);
		t = top;
		if
		:: at > t -> d_step { take(slot[at % SIZE]) }
		:: else ->
#if BROKEN != 6
			store_bottom(at + 1);
#endif
			if
			:: at == t ->
#if BROKEN == 4
				top = at + 1;
				d_step { take(slot[at % SIZE]) }
#else
				d_step {
					if
					:: top == at ->
						top = at + 1;
						take(slot[at % SIZE])
					:: else
					fi
				}
#endif
			:: else
			fi
		fi;
		at = 0;
		t = 0
	:: made == JOBS && mine <= top -> break
	od;
	finished++
}

proctype thief(byte rounds)
{
	byte t, x;

	do
	:: rounds ->
		rounds--;
#if BROKEN == 3
		membarrier();
#endif
		t = top;
		if
		:: bottom <= t
		:: else ->
#if BROKEN != 1 && BROKEN != 2 && BROKEN != 3
			membarrier();
#endif
			if
			:: bottom <= t
			:: else ->
#if BROKEN == 2
				membarrier();
#endif
#if BROKEN != 5
				x = slot[t % SIZE];
#endif
#if BROKEN == 5
				bit won;
				d_step {
					won = (top == t);
					if
					:: won -> top = t + 1
					:: else
					fi
				}
				if
				:: won -> x = slot[t % SIZE]; d_step { take(x) }
				:: else
				fi;
				won = 0;
#else
				d_step {
					if
					:: top == t -> top = t + 1; take(x)
					:: else
					fi
				}
#endif
				x = 0
			fi
		fi;
		t = 0
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
		run thief(2)
#endif
	}
	finished == 1 + THIEVES;
	d_step {
		x = 1;
		do
		:: x <= JOBS -> assert(taken[x]); x++
		:: else -> break
		od
	}
}
