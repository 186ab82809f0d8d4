/* SPDX-License-Identifier: MIT */
/*
 * Cancel, complete and time-out of waits with a shield around one of them:
 * core/cancel.c, core/park.c.
 *
 * Task T waits once outside a shield, once inside, once after it.  The life
 * word has CANCEL, which makes waits fail, SHIELD, and HELD, which is a cancel
 * that came to a shielded task.  Entering sets SHIELD and moves CANCEL to HELD,
 * leaving clears SHIELD and moves HELD to CANCEL, each by one CAS.  A canceller
 * sets CANCEL, or HELD in a shielded task, by one CAS, then looks at the wait
 * word, then at the life word again, and ends the wait if that still says
 * CANCEL and the epoch is still the one seen.
 *
 * CASE=0 what ends the wait inside is a waker; cancellers at any moment
 * CASE=1 the same in two shields of which the inner is left before the wait
 * CASE=2 what ends the wait inside is its deadline
 * CASE=3 waker and deadline of the wait inside, one canceller
 * CANCELLERS=n, 1 if nothing is said
 *
 * Abstracted: as in park.pml; each wake is meant for one wait, whose epoch the
 * waker knows.  A loop of load and CAS that ends only by success is one step.
 *
 * What stands for sequential consistency here: the swaps of the life word,
 * the commit's swap of the wait word and its look at the life word after it,
 * the canceller's looks at wait word and life word.
 *
 * Properties: a wait inside is never ended by a cancel; a cancel is never lost,
 * whenever it came; the deadline ends a wait inside; each park is queued once,
 * never while T is on its stack; nobody waits for ever.
 *
 * BROKEN=1 the canceller does not look at the life word again
 * BROKEN=2 it looks at the life word, then at the wait word
 * BROKEN=3 entering leaves CANCEL where it is
 * BROKEN=4 leaving clears SHIELD and forgets HELD
 * BROKEN=5 leaving is a load and a store
 * BROKEN=6 leaving the inner shield opens the outer
 * BROKEN=7 a canceller sets CANCEL in a shielded task, too
 * BROKEN=8 the word has no epoch
 * BROKEN=9 the canceller looks at the wait word before it sets the flag
 * BROKEN=10 the commit does not look at the life word
 * BROKEN=11 in a shield the deadline is held back as well
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef CASE
#define CASE 0
#endif
#ifndef CANCELLERS
#define CANCELLERS 1
#endif

#define OUTSIDE	1
#define INSIDE	2
#define AFTER	3

#define RUNNING		0
#define PARKING		1
#define PARKED		2
#define WOKEN		3
#define CANCELLED	4
#define TIMEDOUT	5

#if BROKEN == 8
#define WORD(e, s)	(8 + (s))
#else
#define WORD(e, s)	((e) * 8 + (s))
#endif
#define EPOCH(w)	((w) / 8)
#define STATE(w)	((w) % 8)
#define WAITING(w)	(STATE(w) == PARKING || STATE(w) == PARKED)

byte word;
bit CANCEL, SHIELD, HELD;	/* the life word */
bit runnable;
bit on_stack = 1;
chan commits[4] = [1] of { byte };
bit open[4];			/* T has come to the wait */
byte cancelled;			/* cancellers that are done */
bit finished;

inline enqueue()
{
	assert(!on_stack);
	assert(!runnable);
	runnable = 1
}

/* A CAS loop that ends the wait of epoch e, or finds it over. */
inline claim(e, to, won)
{
	d_step {
		if
		:: word == WORD(e, PARKING) -> word = WORD(e, to); won = 1
		:: word == WORD(e, PARKED) ->
			word = WORD(e, to);
			won = 1;
			enqueue()
		:: else -> won = 0
		fi
	}
}

/* The same for the word seen, whatever state it is in by now. */
inline claim_seen(w, to)
{
	d_step {
		if
		:: EPOCH(word) == EPOCH(w) && STATE(word) == PARKING ->
			word = word - PARKING + to
		:: EPOCH(word) == EPOCH(w) && STATE(word) == PARKED ->
			word = word - PARKED + to;
			enqueue()
		:: else
		fi
	}
}

/* On another worker T may long be running while this is under way. */
proctype committer(byte e)
{
	bit ok;

end:	d_step {
		commits[e] ? eval(e);
		if
		:: word == WORD(e, PARKING) -> word = WORD(e, PARKED); ok = 1
		:: else -> enqueue()
		fi
	}
	if
#if BROKEN == 10
	:: false ->
#else
	:: ok && CANCEL ->
#endif
		claim_seen(WORD(e, PARKED), CANCELLED)
	:: else
	fi
}

inline wait(e, res)
{
	if
	:: CANCEL -> res = CANCELLED
	:: else ->
		d_step { word = WORD(e, PARKING); open[e] = 1 }
		d_step { on_stack = 0; commits[e] ! e }
		d_step {
			runnable;
			runnable = 0;
			on_stack = 1;
			res = STATE(word);
			assert(res >= WOKEN);
			word = WORD(e, RUNNING)
		}
	fi
}

inline enter()
{
	depth++;
	if
	:: depth > 1
	:: else ->
		d_step {
			SHIELD = 1;
			if
			:: CANCEL ->
#if BROKEN != 3
				CANCEL = 0;
#endif
				HELD = 1
			:: else
			fi
		}
	fi
}

inline leave()
{
	depth--;
	if
#if BROKEN != 6
	:: depth
#endif
	:: else ->
#if BROKEN == 5
		f = HELD;
		d_step { SHIELD = 0; CANCEL = f; HELD = 0; f = 0 }
#else
		d_step {
			SHIELD = 0;
			if
			:: HELD ->
				HELD = 0;
#if BROKEN != 4
				CANCEL = 1
#endif
			:: else
			fi
		}
#endif
	fi
}

proctype task()
{
	byte res, depth;
	bit f;

	wait(OUTSIDE, res);
	assert(res == WOKEN || (res == CANCELLED && CANCEL));

	enter();
#if CASE == 1
	enter();
	leave();
#endif
	wait(INSIDE, res);
	assert(res != CANCELLED);
#if CASE == 2
	assert(res == TIMEDOUT);
#endif
	leave();

	/* Only a cancel ends this one. */
	wait(AFTER, res);
	assert(res == CANCELLED);
	finished = 1
}

proctype waker(byte e)
{
	bit won;

end:	open[e];
	claim(e, WOKEN, won)
}

proctype timer()
{
	byte w;
	bit won;

end:	open[INSIDE];
#if BROKEN == 11
	if
	:: SHIELD
	:: else -> claim(INSIDE, TIMEDOUT, won)
	fi
#else
	claim(INSIDE, TIMEDOUT, won)
#endif
}

proctype canceller()
{
	byte w;
	bit more;

#if BROKEN == 9
	w = word;
#endif
	d_step {
		if
#if BROKEN != 7
		:: SHIELD -> HELD = 1
#endif
		:: else -> more = !CANCEL; CANCEL = 1
		fi
	}
	if
	:: more ->
#if BROKEN == 2
		more = CANCEL;
		w = word;
#elif BROKEN == 1
		w = word;
#elif BROKEN == 9
		more = CANCEL;
#else
		w = word;
		more = CANCEL;
#endif
		if
		:: more && WAITING(w) -> claim_seen(w, CANCELLED)
		:: else
		fi
	:: else
	fi;
	d_step { w = 0; more = 0; cancelled++ }
}

init
{
	byte i;

	atomic {
		run waker(OUTSIDE);
#if CASE != 2
		run waker(INSIDE);
#endif
#if CASE >= 2
		run timer();
#endif
		for (i : OUTSIDE .. AFTER) {
			run committer(i)
		}
		for (i : 1 .. CANCELLERS) {
			run canceller()
		}
		i = 0;
		run task()
	}
	finished && cancelled == CANCELLERS;
	assert(CANCEL && !HELD && !SHIELD)
}
