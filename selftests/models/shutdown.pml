/* SPDX-License-Identifier: MIT */
/*
 * Shutting down: core/shutdown.c, and how it ends: core/runtime.c, core/bury.c.
 *
 * ->stopping only gets stricter: drain, graceful, now.  Graceful and now walk
 * the tasks once and cancel them; a worker drops what it finds unstarted then.
 * With now workers leave their loops at the next look, and the last of them
 * buries what is left.  Who waits for the end buries it himself when one has
 * not come in time: ->end says by CAS which of the two it is.  He sleeps on a
 * word that is counted up whenever he is to look anew, and looks at ->now_at
 * and ->now_since, which say for how long, after he has read it.
 *
 * Tasks: A is suspended until it is cancelled, B is in a shield, until an event
 * that may never come.  C is delayed, and started by a thread meanwhile: it
 * looks whether the runtime stops, goes by the door that is shut when that is
 * over, is made known to walkers and filed, and looks again.  All this is a
 * read section: who buries lets a grace period pass before he looks at what
 * there is.  A worker may be kept for ever by the task that it runs.
 *
 * CASE=0 graceful
 * CASE=1 drain, then graceful
 * CASE=2 now
 * CASE=3 drain, with a deadline
 * CASE=4 now, and a worker that may never come
 *
 * Abstracted: how a task parks is park.pml, when nothing is alive any more
 * runover.pml; that a sleeping worker looks when it is kicked is kick.pml; the
 * walk is one step a task; time passes whenever somebody waits for it.
 *
 * What stands for sequential consistency here: ->stopping, the life word, the
 * wait word, ->end, the sleeper's word and ->now_since.
 *
 * Properties: each task is accounted for once, as run, dropped or abandoned;
 * nobody touches one that has been buried; who waits comes back, when now is
 * asked for or its time has come, whatever tasks do; one buries.
 *
 * BROKEN=1 who waits looks at how long before he reads his word
 * BROKEN=2 the word is counted up before it is said why
 * BROKEN=3 both bury
 * BROKEN=4 a start looks whether the runtime stops before its read section
 * BROKEN=5 who buries lets no grace period pass
 * BROKEN=6 the walk comes before the word that stops
 * BROKEN=7 a task does not look at the flag after it has parked
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef CASE
#define CASE 0
#endif

#define DRAIN		1
#define GRACEFUL	2
#define NOW		3

#define NONE		0
#define FILED		1
#define QUEUED		2
#define READY		3	/* has begun */
#define RUNS		4
#define PARKED		5
#define RAN		6
#define DROPPED		7
#define ABANDONED	8

#define A	0
#define B	1
#define C	2

#define BY_WORKER	1
#define BY_WAITER	2

byte stopping;
byte state[3];
bit cancel[3], known[3];
bit started_c, reading;		/* C; its starter is in a read section */
bit door;			/* shut */
bit over;			/* nothing is alive any more */
bit event;			/* what B waits for has come */

byte running = 2;
byte ended_by, buried;
byte word;			/* the sleeper's, counted */
bit gone, since, at;
bit back;			/* who waits has returned */
byte asked;

#define DONE(t)		(state[t] >= RAN)
#define ALIVE		((state[A] && !DONE(A)) || (state[B] && !DONE(B)) || \
			 (started_c && !DONE(C)))

inline finish(t, how)
{
	assert(!DONE(t));
	state[t] = how
}

inline cancel_task(t)
{
	d_step {
		if
		:: known[t] && !DONE(t) ->
			cancel[t] = 1;
			if
			:: t == A && state[t] == PARKED -> state[t] = READY
			:: t == C && state[t] == FILED -> state[t] = QUEUED
			:: else
			fi
		:: else
		fi
	}
}

inline walk()
{
	cancel_task(A);
	cancel_task(B);
	cancel_task(C)
}

inline tell(what)
{
#if BROKEN == 2
	word++;
	what = 1
#else
	what = 1;
	word++
#endif
}

/* oa_shutdown() */
inline stop(how, won)
{
#if BROKEN == 6
	if
	:: how >= GRACEFUL -> walk()
	:: else
	fi;
#endif
	d_step {
		won = stopping < how;
		if
		:: won -> stopping = how
		:: else
		fi
	}
	if
	:: won && how == NOW -> tell(since)
	:: else
	fi;
#if BROKEN != 6
	if
	:: won && how >= GRACEFUL -> walk()
	:: else
	fi;
#endif
	won = 0
}

inline bury_one(t)
{
	d_step {
		if
		:: known[t] && state[t] < READY -> finish(t, DROPPED)
		:: known[t] && state[t] >= READY && !DONE(t) ->
			finish(t, ABANDONED)
		:: else
		fi
	}
}

/* What is left, by the one that is to see to it. */
inline bury()
{
	buried++;
	assert(buried == 1);
#if BROKEN != 5
	!reading;
#endif
	bury_one(A);
	bury_one(B);
	bury_one(C)
}

proctype worker(bit stuck)
{
	byte t;
	bit won;

	do
	/* its deadline may have come: rt_stops() */
	:: stopping && stopping < NOW && at && !since -> stop(NOW, won)
	:: stopping == NOW -> break
	:: over -> break
	:: d_step { stopping && stopping < NOW && !over && !ALIVE ->
		/* nothing comes through the door any more */
		door = 1;
		over = 1 }
	:: else ->
		atomic {
			if
			:: state[A] == READY -> t = A; state[A] = RUNS
			:: state[B] == READY -> t = B; state[B] = RUNS
			:: state[C] == QUEUED -> t = C
			:: stopping == NOW || over || (stopping && !ALIVE) ||
			   (stopping && stopping < NOW && at && !since) -> t = 3
			fi
		}
		if
		:: t == 3
		:: t == C ->
			d_step {
				if
				:: state[C] != QUEUED
				:: state[C] == QUEUED &&
				   (stopping >= GRACEFUL || cancel[C]) ->
					finish(C, DROPPED)
				:: else -> finish(C, RAN)
				fi
			}
		:: t == B ->
			if
			:: stuck ->
				/* it makes no call any more */
end:				false
			:: else
			fi;
			d_step {
				if
				:: DONE(B)
				:: event && !DONE(B) -> finish(B, RAN)
				:: else -> state[B] = PARKED
				fi
			}
		:: t == A ->
			if
			:: cancel[A] ->
				d_step {
					if
					:: DONE(A)
					:: else -> finish(A, RAN)
					fi
				}
			:: else ->
				d_step {
					if
					:: DONE(A)
					:: else -> state[A] = PARKED
					fi
				}
#if BROKEN != 7
				d_step {
					if
					:: cancel[A] && state[A] == PARKED ->
						state[A] = READY
					:: else
					fi
				}
#endif
			fi
		fi;
		t = 0
	od;
	/* worker_gone() */
	atomic {
		running--;
		t = running;
		won = 0
	}
	if
	:: t == 0 ->
#if BROKEN == 3
		ended_by = BY_WORKER;
		won = 1;
#else
		d_step {
			if
			:: ended_by == NONE -> ended_by = BY_WORKER; won = 1
			:: else
			fi
		}
#endif
		if
		:: won ->
			if
			:: stopping == NOW -> bury()
			:: else
			fi;
			gone = 1;
			word++
		:: else
		fi
	:: else
	fi
}

/* rt_wait() */
proctype waiter()
{
	byte seen;
	bit timed, won;

	do
	:: gone -> break
	:: else ->
#if BROKEN == 1
		timed = since || at;
		seen = word;
#else
		seen = word;
		timed = since || at;
#endif
		if
		:: gone -> break
		:: else
		fi;
		if
		:: word != seen
		:: timed ->
			/* it is late: rt_hurry() */
			if
			:: since ->
#if BROKEN == 3
				won = 1;
				ended_by = BY_WAITER;
#else
				d_step {
					if
					:: ended_by == NONE -> ended_by = BY_WAITER; won = 1
					:: else
					fi
				}
#endif
				if
				:: won -> bury(); gone = 1; won = 0
				:: else -> gone
				fi
			:: else -> stop(NOW, won)
			fi
		fi
	od;
	back = 1
}

proctype starter()
{
	bit stops;

#if BROKEN == 4
	stops = stopping;
	reading = 1;
#else
	reading = 1;
	stops = stopping;
#endif
	if
	:: stops
	:: else ->
		d_step {
			if
			:: !door -> started_c = 1
			:: else
			fi
		}
		if
		:: started_c ->
			known[C] = 1;
			/* what has been buried is gone */
			d_step { assert(!DONE(C)); state[C] = FILED }
			d_step {
				if
				:: stopping >= GRACEFUL && state[C] == FILED ->
					state[C] = QUEUED
				:: else
				fi
			}
		:: else
		fi
	fi;
	reading = 0
}

/* C comes to its time, which in a drain is waited for. */
proctype timer()
{
end:	d_step { state[C] == FILED -> state[C] = QUEUED }
}

proctype shutter(byte how; bit deadline)
{
	bit won;

	if
	:: deadline -> tell(at)
	:: else
	fi;
	stop(how, won);
	asked++
}

proctype world()
{
end:	if
	:: event = 1;
		d_step {
			if
			:: state[B] == PARKED -> state[B] = READY
			:: else
			fi
		}
	:: true
	fi
}

init
{
	atomic {
		state[A] = READY;
		state[B] = READY;
		known[A] = 1;
		known[B] = 1;
		run worker(CASE == 4);
		run worker(0);
		run waiter();
#if CASE == 0
		event = 1;
		run starter();
		run shutter(GRACEFUL, 0);
#elif CASE == 1
		event = 1;
		run starter();
		run timer();
		run shutter(DRAIN, 0);
		run shutter(GRACEFUL, 0);
#elif CASE == 2
		run starter();
		run shutter(NOW, 0);
#elif CASE == 3
		run world();
		run shutter(DRAIN, 1);
#else
		run shutter(NOW, 0);
#endif
	}
	back && !reading;
	/* Each once: it is in one state, and that is final. */
	assert(DONE(A) && DONE(B));
	assert(!started_c || DONE(C));
	assert(buried <= 1)
}
