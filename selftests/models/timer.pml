/* SPDX-License-Identifier: MIT */
/*
 * One task's timer node among the wheels of several workers: core/timer.c,
 * with the commit of core/park.c.
 *
 * A task that parks with a deadline files its node in the wheel of the worker
 * it left, and takes it out for nothing: the node stays where it is, and the
 * next park finds it filed early enough, or moves it, or files it anew.  So
 * park and wake cost no lock.  node.wheel says who has the node: NONE to w by
 * CAS under w's lock, w to NONE under w's lock.  Nobody files in a wheel that
 * is not its own, so no timer ever needs a kick.
 *
 * The rule that makes it right: who has taken the node out, or has filed it,
 * looks at the task again afterwards; who finds it in other hands leaves it.
 *
 * N workers run one task through PARKS parks with any deadline or none, and
 * expire what is due.  Wakes come at any moment.
 *
 * Abstracted: a wheel is "the node is in it"; the clock is a small number
 * that goes on at any moment; a worker is one process, so that a commit, an
 * expiry and the task itself take turns on it as they do on a thread.
 *
 * What stands for sequential consistency here: the commit's CAS to PARKED and
 * the loads of wheel and time after it; the filer's store of the time and the
 * loads of word and deadline after it; the expiry's store of NONE and the
 * same loads.  All are seq_cst or have the fence between them.
 *
 * Properties: whenever no worker is in the middle of something, a task parked
 * with a deadline has its node filed no later than that; the node is in one
 * wheel at most; no time-out before its time.
 *
 * BROKEN=1 an expiry looks, lets the node go, and loses its CAS to TIMEDOUT
 * BROKEN=2 a filer does not look again
 * BROKEN=3 the commit takes any filed node for early enough
 * BROKEN=4 an expiry looks and files anew, the node being its own all the time
 * BROKEN=5 the node is looked at before the commit and not after it
 * BROKEN=6 a node is moved without another look at its owner under the lock
 * BROKEN=7 an expiry looks, finds the task running, lets the node go
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef N
#define N 2
#endif
#ifndef PARKS
#define PARKS 3
#endif
#define LATEST	2		/* the highest deadline */

#define RUNNING		0
#define PARKING		1
#define PARKED		2
#define WOKEN		3
#define TIMEDOUT	4

#define WORD(e, s)	((e) * 8 + (s))
#define EPOCH(w)	((w) / 8)
#define STATE(w)	((w) % 8)
#define WAITING(w)	(STATE(w) == PARKING || STATE(w) == PARKED)

#define NONE		N

byte now;
byte word;
byte deadline;			/* 0 is none; stored before PARKING */
bit runnable = 1;
byte parks;

byte wheel = NONE;		/* node.wheel */
byte time;			/* node.time, of the last filing */
bit lock[N], linked[N];
byte busy;			/* workers in the middle of something */
bit done;

#define LINKED		(linked[0] || linked[1] || linked[N - 1])

inline enqueue()
{
	assert(!runnable);
	runnable = 1
}

/* Out of q's wheel, if it is there; otherwise want becomes 0. */
inline take_out(q, want)
{
#if BROKEN == 6
	d_step {
		!lock[q];
		linked[q] = 0;
		wheel = NONE
	}
#else
	d_step {
		!lock[q];
		if
		:: wheel == q ->
			assert(linked[q]);
			linked[q] = 0;
			wheel = NONE
		:: else -> want = 0
		fi
	}
#endif
}

/*
 * The node is in no wheel, or was when we looked: file it for d, and move it
 * while the task turns out to want it earlier.
 */
inline file(me, d)
{
	do
	:: d ->
		atomic {
			!lock[me];
			if
			:: wheel == NONE -> wheel = me; lock[me] = 1
			:: else -> d = 0
			fi
		}
		if
		:: !d -> break		/* in other hands */
		:: else ->
			time = d;
			d_step {
				assert(!LINKED);
				linked[me] = 1;
				lock[me] = 0;
				d = 0
			}
#if BROKEN != 2
			/*
			 * Look again.  The deadline is loaded once: what is
			 * taken out for it is filed for it.
			 */
			w = word;
			if
			:: WAITING(w) -> d = deadline
			:: else
			fi;
			if
			:: d && d < time -> take_out(me, d)
			:: else -> d = 0
			fi
#endif
		fi
	:: else -> break
	od
}

/* A task was just committed with deadline d. */
inline arm(me, d)
{
	o = wheel;
	if
	:: o == NONE
#if BROKEN == 3
	:: else -> d = 0
#else
	:: else ->
		if
		:: time <= d -> d = 0
		:: else -> take_out(o, d)
		fi
#endif
	fi;
	file(me, d);
	o = 0
}

/*
 * The node was popped and let go.  When the CAS fails, the task has moved on
 * since w was loaded: its commit finds the node free.
 */
inline time_out(w)
{
	d_step {
		if
		:: word == w ->
			word = WORD(EPOCH(w), TIMEDOUT);
			if
			:: STATE(w) == PARKED -> enqueue()
			:: else
			fi
		:: else
		fi
	}
}

inline expire(me)
{
	w = word;
	if
	:: WAITING(w) -> d = deadline
	:: else
	fi;
	if
	:: d && d <= now -> time_out(w)
	:: d && d > now -> file(me, d)
	:: else
	fi
}

/* The same with a look before the node is let go, and none after. */
inline expire_broken(me)
{
	d_step { !lock[me]; lock[me] = linked[me]; linked[me] = 0 }
	if
	:: !lock[me]
	:: else ->
		w = word;
		if
		:: WAITING(w) -> d = deadline
		:: else
		fi;
		if
		:: d && d <= now ->
			d_step { wheel = NONE; lock[me] = 0 }
#if BROKEN == 1
			time_out(w)
#else
			d = 0;
			expire(me)
#endif
		:: d && d > now ->
#if BROKEN == 4
			time = d;
			d_step { linked[me] = 1; lock[me] = 0 }
#else
			d_step { wheel = NONE; lock[me] = 0 }
			d = 0;
			expire(me)
#endif
		:: else ->
			d_step { wheel = NONE; lock[me] = 0 }
#if BROKEN != 7
			expire(me)
#endif
		fi
	fi
}

proctype worker(byte me)
{
	byte w, d, o;

end:	do
	:: atomic { runnable && !done -> runnable = 0; busy++ }
		d_step {
			assert(STATE(word) != TIMEDOUT ||
			       (deadline && deadline <= now));
			word = WORD(EPOCH(word), RUNNING)
		}
		if
		:: parks == PARKS -> done = 1
		:: else ->
			atomic {
				parks++;
				if
				:: d = 0
				:: d = 1
				:: d = LATEST
				fi;
				deadline = d
			}
#if BROKEN == 5
			if
			:: d -> arm(me, d)
			:: else
			fi;
			d = 0;
#endif
			word = WORD(parks, PARKING);
			/* the next context on this worker commits it */
			d_step {
				if
				:: STATE(word) == PARKING ->
					word = WORD(EPOCH(word), PARKED)
				:: else ->
					enqueue();
					d = 0
				fi
			}
			if
			:: d -> arm(me, d)
			:: else
			fi
		fi;
		atomic { w = 0; d = 0; o = 0; busy-- }
	:: atomic { linked[me] && !lock[me] && time <= now -> busy++ }
#if BROKEN == 1 || BROKEN == 4 || BROKEN == 7
		expire_broken(me);
#else
		d_step {
			!lock[me];
			if
			:: linked[me] && time <= now ->
				linked[me] = 0;
				wheel = NONE;
				o = 1
			:: else
			fi
		}
		if
		:: o -> o = 0; expire(me)
		:: else
		fi;
#endif
		atomic { w = 0; d = 0; o = 0; busy-- }
	od
}

proctype clock()
{
end:	do
	:: now < LATEST -> now++
	od
}

proctype waker()
{
end:	do
	:: d_step { STATE(word) == PARKED ->
		word = WORD(EPOCH(word), WOKEN);
		enqueue() }
	:: d_step { STATE(word) == PARKING ->
		word = WORD(EPOCH(word), WOKEN) }
	od
}

proctype monitor()
{
end:	atomic {
		!busy && STATE(word) == PARKED && deadline &&
		!(LINKED && time <= deadline) -> assert(false)
	}
}

init
{
	atomic {
		run worker(0);
		run worker(1);
#if N > 2
		run worker(2);
#endif
		run clock();
		run waker();
		run monitor()
	}
}
