/* SPDX-License-Identifier: MIT */
/*
 * The private batch of a worker, and its rescue: core/lane.c.
 *
 * The owner takes from its batch without an atomic instruction: it stores the
 * new head, and after no more than a compiler barrier loads the lock.  A thief
 * that wants what a stuck owner holds takes the lock and has the kernel put a
 * full barrier into the owner (membarrier): a pop before the barrier shows in
 * head, one after it sees the lock.  What the thief takes it takes from the
 * end of a batch that it leaves empty: it sets tail to the head it read.  So
 * the owner loads tail once more behind the lock, also when it finds the lock
 * free, since a rescue may have come and gone.
 *
 *	owner			thief
 *	head = i + 1		lock 0 -> 1
 *	barrier()		membarrier
 *	load lock		load head, tail
 *	load tail		tail = head, unlock
 *
 * Two batches of two entries; two rescues at any moment.
 *
 * Abstracted: the owner's thread has a store buffer of two entries, as TSO
 * has, which drains by itself at any moment and is empty after a membarrier;
 * the owner's loads meet its own stores.  A weaker machine needs a release
 * for the tail of a refill and an acquire for the lock on top of it.
 *
 * Properties: each entry is taken once; the owner gets past every rescue.
 *
 * BROKEN=1 no membarrier
 * BROKEN=2 the owner loads the lock before it stores head
 * BROKEN=3 the thief loads head before the membarrier
 * BROKEN=4 the owner does not load tail again
 * BROKEN=5 a refill stores tail before the entries
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define ENTRIES	4
#define BATCH	2

#define HEAD	ENTRIES
#define TAIL	(ENTRIES + 1)
#define CELLS	(ENTRIES + 2)

byte mem[CELLS];		/* entries, head, tail */
chan buffer = [2] of { byte, byte };
bit lock;
byte taken[ENTRIES + 1];
byte thieves;
bit done;
hidden byte last_taken;

#define STORE(a, v)	buffer ! a, v

inline take(x)
{
	assert(x > 0);		/* an entry not yet written */
	assert(!taken[x]);
	taken[x] = 1
}

/* What the owner itself sees: its own newest store, or the memory. */
inline load_tail(v)
{
	d_step {
		if
		:: buffer ?? [eval(TAIL), eval(last)] -> v = last
		:: else -> v = mem[TAIL]
		fi
	}
}

proctype drain()
{
	byte a, v;

end:	do
	:: d_step { buffer ? a, v -> mem[a] = v; a = 0; v = 0 }
	od
}

proctype owner()
{
	byte i;			/* head: its only writer keeps a copy */
	byte first, last;	/* indices of the last refill */
	byte made;		/* entries made so far are 1 to made */
	byte tail, n;
	bit locked;

	do
	:: load_tail(tail);
		if
		:: i < tail ->
#if BROKEN == 2
			locked = lock;
			STORE(HEAD, i + 1);
#else
			STORE(HEAD, i + 1);
			locked = lock;
#endif
			if
			:: locked -> !lock; locked = 0
			:: else
			fi;
#if BROKEN != 4
			load_tail(tail);
#endif
			if
			:: i < tail ->
				d_step { take(made - (last - i) + 1); i++ }
			:: else -> STORE(HEAD, i)
			fi
		:: else ->
			/* used up or rescued; the next batch follows on head */
			if
			:: made == ENTRIES -> break
			:: else
			fi;
			first = i;
#if BROKEN == 5
			last = first + BATCH;
			STORE(TAIL, last);
#endif
			do
			:: n < BATCH ->
				STORE(first + n, made + 1);
				d_step { n++; made++ }
			:: else -> break
			od;
			n = 0;
#if BROKEN != 5
			last = first + BATCH;
			STORE(TAIL, last)
#endif
		fi
	od;
	done = 1
}

inline membarrier()
{
	atomic {
		do
		:: buffer ? h, t -> mem[h] = t
		:: empty(buffer) -> break
		od;
		h = 0;
		t = 0
	}
}

proctype thief()
{
	byte h, t, o;

	atomic { !lock -> lock = 1 }
#if BROKEN == 3
	o = mem[HEAD];
	membarrier();
	h = o;
#else
#if BROKEN != 1
	membarrier();
#endif
	h = mem[HEAD];
#endif
	t = mem[TAIL];
	if
	:: h < t ->
		d_step {
			last_taken = h;
			do
			:: last_taken < t ->
				take(mem[last_taken]);
				last_taken++
			:: else -> break
			od;
			last_taken = 0
		}
		mem[TAIL] = h
	:: else
	fi;
	lock = 0;
	thieves++
}

init
{
	atomic {
		run drain();
		run owner();
		run thief();
		run thief()
	}
	done && thieves == 2;
	assert(taken[1] && taken[2] && taken[3] && taken[4])
}
