/* SPDX-License-Identifier: MIT */
/*
 * A mutex that may be biased to a worker: core/bias.c, sync/mutex.c.
 *
 * Its worker enters by plain stores and loads, looks again whether it is still
 * his, and changes the word; all others swap the word, in which a bit tells of
 * the bias, and end it first if they find that.
 *
 *	its worker			who ends it
 *	who == me			who = never
 *	inside = me			membarrier
 *	barrier()			inside == 0, or looks only
 *	who == me			swap the bit away
 *	word = held or free
 *	inside = 0
 *
 * Two workers that take it some times and may earn it, also once more after
 * they have given it up, and a thread that cannot.
 *
 * Abstracted: the lock of the queue, which all who wait take after the bit is
 * gone, is a wait until the word is free. Each thread has a store buffer, as
 * TSO has, which drains by itself at any moment, at a swap and at a membarrier;
 * loads meet the thread's own stores. A weaker machine needs a release for each
 * store of inside on top of it.
 *
 * Properties: one holder at a time; everybody gets it as often as he wants.
 *
 * BROKEN=1 no membarrier
 * BROKEN=2 the worker does not look at who again
 * BROKEN=3 nobody waits for who is inside
 * BROKEN=4 the looks are waited for as if somebody were inside
 * BROKEN=5 the bit is swapped away and who stays
 * BROKEN=6 who gives it up forgets that it was ended for ever
 * BROKEN=7 inside is left before the word is written
 * BROKEN=8 who has swapped the bit away looks whether it is there again
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define WORD	0		/* BIASED, and twice the number of who has it */
#define WHO	1
#define INSIDE	2
#define CELLS	3

#define BIASED	1
#define NOBODY	0
#define NEVER	7
#define LOOKED	8		/* in inside */

#define THREADS	3

byte mem[CELLS];
typedef per_thread { byte last[CELLS] };
per_thread own[THREADS];	/* what each has stored last */
chan buffer[THREADS] = [4] of { byte, byte };
byte holders, done;

#define HELD	(2 * (me + 1))
#define ME	(me + 1)

#define STORE(a, v)	atomic { own[me].last[a] = v; buffer[me] ! a, v }

inline load(a, v)
{
	d_step {
		if
		:: buffer[me] ?? [eval(a), eval(own[me].last[a])] ->
			v = own[me].last[a]
		:: else -> v = mem[a]
		fi
	}
}

proctype drain(byte i)
{
	byte a, v;

end:	do
	:: d_step { buffer[i] ? a, v -> mem[a] = v; a = 0; v = 0 }
	od
}

inline drain_all(i)
{
	do
	:: buffer[i] ? x, y -> mem[x] = y
	:: empty(buffer[i]) -> break
	od;
	x = 0;
	y = 0
}

/* @ok: it was @from and is @to. */
inline swap(a, from, to)
{
	atomic {
		drain_all(me);
		ok = (mem[a] == (from));
		if
		:: ok -> mem[a] = (to)
		:: else
		fi
	}
}

inline enter()
{
	in = 0;
	load(WHO, v);
	if
	:: v == ME ->
		STORE(INSIDE, ME);
#if BROKEN != 2
		load(WHO, v);
#endif
		if
		:: v == ME -> in = 1
		:: else -> STORE(INSIDE, 0)
		fi
	:: else
	fi;
	v = 0
}

inline give_up()
{
#if BROKEN == 6
	load(WHO, v);
	ok = (v == ME || v == NEVER);
	if
	:: v == ME -> STORE(WHO, NOBODY)
	:: else
	fi;
	v = 0
#else
	swap(WHO, ME, NOBODY)
#endif
}

inline share()
{
	give_up();
	if
	:: !ok ->
#if BROKEN != 5
		atomic { drain_all(me); mem[WHO] = NEVER }
#endif
#if BROKEN != 1
		atomic { drain_all(0); drain_all(1); drain_all(2) }
#endif
#if BROKEN != 3
#if BROKEN == 4
		mem[INSIDE] == 0
#else
		mem[INSIDE] == 0 || mem[INSIDE] == LOOKED
#endif
#endif
	:: else
	fi;
	do
	:: load(WORD, v);
		if
		:: v & BIASED ->
			swap(WORD, v, v - BIASED);
#if BROKEN != 8
			if
			:: ok -> break
			:: else
			fi
#endif
		:: else -> break
		fi
	od;
	v = 0;
	ok = 0
}

inline holds()
{
	holders++;
	assert(holders == 1)
}

/* By who has just swapped it for himself. */
inline look()
{
	load(WHO, v);
	if
	:: v == NOBODY && me < 2 ->
		if
		:: STORE(INSIDE, LOOKED)
		:: STORE(INSIDE, 0);
			swap(WHO, NOBODY, ME);
			if
			:: ok ->
				swap(WORD, HELD, HELD + BIASED);
				if
				:: !ok -> give_up()
				:: else
				fi
			:: else
			fi
		:: skip
		fi
	:: else
	fi;
	v = 0;
	ok = 0
}

inline lock()
{
	got = 0;
	if
	:: enter()
	:: skip			/* as if another task of his waited for it */
	fi;
	if
	:: in ->
		load(WORD, v);
#if BROKEN == 7
		STORE(INSIDE, 0);
#endif
		if
		:: v == BIASED -> STORE(WORD, BIASED + HELD); got = 1
		:: else
		fi;
#if BROKEN != 7
		STORE(INSIDE, 0)
#endif
	:: else
	fi;
	do
	:: got -> break
	:: !got ->
		load(WORD, v);
		if
		:: v & BIASED -> share()
		:: v == 0 ->
			swap(WORD, 0, HELD);
			got = ok;
			ok = 0;
			if
			:: got -> look()
			:: else
			fi
		:: v && !(v & BIASED) -> mem[WORD] == 0 || mem[WORD] & BIASED
		fi
	od;
	v = 0
}

inline unlock()
{
	got = 0;
	if
	:: enter()
	:: skip
	fi;
	if
	:: in ->
		load(WORD, v);
		if
		:: v == BIASED + HELD -> STORE(WORD, BIASED); got = 1
		:: else
		fi;
		STORE(INSIDE, 0)
	:: else
	fi;
	do
	:: got -> break
	:: !got ->
		swap(WORD, HELD, 0);
		got = ok;
		ok = 0;
		if
		:: !got -> share()
		:: else
		fi
	od;
	v = 0
}

proctype thread(byte me; byte rounds)
{
	byte v, x, y;
	bit ok, in, got;

	do
	:: rounds ->
		in = 0;
		lock();
		holds();
		holders--;
		in = 0;
		unlock();
		rounds--
	:: else -> break
	od;
	done++
}

init
{
	atomic {
		run drain(0);
		run drain(1);
		run drain(2);
		run thread(0, 3);
		run thread(1, 2);
		run thread(2, 1)
	}
	done == 3
}
