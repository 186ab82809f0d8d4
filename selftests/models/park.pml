/* SPDX-License-Identifier: MIT */
/*
 * Park, wake, cancel and time-out of a task: core/park.c.
 *
 * Task T parks on A, then on B; task U parks on A.  A park is ended by a
 * waker, by a canceller (T only) or by the timer (T's first park), and which
 * one it was is decided by a compare and swap on the task's wait word
 * {epoch, state}.
 *
 * CASE=0 wakers against the timer: A posted twice, B once
 * CASE=1 wakers against the canceller; T's second park either cannot be
 *        cancelled and B is posted, or nothing but the cancel ends it
 * CASE=2 timer against canceller, nothing is posted
 * CASE=3 all three on one park
 *
 * Abstracted: the objects are counting semaphores with a FIFO of waiters; a
 * context that commits a task which left its stack is a process of its own,
 * since on another worker the task may long be running while the commit of
 * its last park is still under way; a runnable task is a flag, not a queue;
 * where the deadline comes from is timer.pml; a loop of load and CAS that
 * ends only by success or by finding the wait over is one step, and so is a
 * critical section that touches nothing but what its lock guards.
 *
 * What stands for sequential consistency here: the commit's CAS and the load
 * of the cancel flag after it, the canceller's store of the flag and the load
 * of the word after it, are seq_cst.  The rest needs acquire and release: the
 * store of PARKING is ordered by the object's lock before the waiter shows.
 *
 * Properties: one enqueue per park; never while the task is on its stack; no
 * token lost; no cancel and no time-out lost; nobody waits for ever.
 *
 * BROKEN=1 the commit does not look at the cancel flag
 * BROKEN=2 a waker that finds PARKING enqueues the task itself
 * BROKEN=3 the word has no epoch
 * BROKEN=4 a waker that loses keeps the token to itself
 * BROKEN=5 the canceller loads the word before it stores the flag
 * BROKEN=6 a waker tries PARKED, then PARKING, and does not look again: with
 *          the commit in between both fail
 * BROKEN=7 the commit does not ask whether the wait can be cancelled
 * BROKEN=8 the timer does not look again when its CAS fails
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef CASE
#define CASE 0
#endif

#define T 0
#define U 1
#define A 0
#define B 1

#define RUNNING		0
#define PARKING		1
#define PARKED		2
#define WOKEN		3
#define CANCELLED	4
#define TIMEDOUT	5

#define WORD(e, s)	((e) * 8 + (s))
#define EPOCH(w)	((w) / 8)
#define STATE(w)	((w) % 8)
#define WAITING(w)	(STATE(w) == PARKING || STATE(w) == PARKED)

#if BROKEN == 3
#define FIRST	1
#define SECOND	1
#else
#define FIRST	1
#define SECOND	2
#endif

byte word[2];
bit runnable[2];
bit on_stack[2] = 1;
bit cancel_flag;		/* T's, sticky */
bit cancellable;		/* T's current wait */
bit armed;			/* T's first park has a deadline */
bit never_b;			/* B is not posted, the cancel ends T's park */

bit lock[2];
byte count[2], got[2], posted[2];
chan waiters[2] = [2] of { byte, byte };	/* task, epoch */
chan commits[3] = [1] of { byte, byte };
byte posters, finished;

inline enqueue(t)
{
	assert(!on_stack[t]);
	assert(!runnable[t]);
	runnable[t] = 1
}

/* A CAS loop: ok when this caller ended the wait of epoch e. */
inline claim(t, e, to, ok)
{
	d_step {
		if
		:: word[t] == WORD(e, PARKING) ->
			word[t] = WORD(e, to);
			ok = 1;
#if BROKEN == 2
			if
			:: to == WOKEN -> enqueue(t)
			:: else
			fi
#endif
		:: word[t] == WORD(e, PARKED) ->
			word[t] = WORD(e, to);
			ok = 1;
			enqueue(t)
		:: else -> ok = 0
		fi
	}
}

/* One CAS with the value seen before. */
inline claim_once(t, w, to, ok)
{
	d_step {
		if
		:: word[t] == w ->
			word[t] = WORD(EPOCH(w), to);
			ok = 1;
			if
			:: STATE(w) == PARKED -> enqueue(t)
			:: else
			fi
		:: else -> ok = 0
		fi
	}
}

proctype committer(byte c)
{
	byte t, e;
	bit ok;

end:	do
	:: d_step {
		commits[c] ? t, e;
		if
		:: word[t] == WORD(e, PARKING) ->
			word[t] = WORD(e, PARKED);
			ok = (t == T)
		:: else ->
			/* claimed while it was leaving its stack */
			enqueue(t);
			ok = 0
		fi
	   }
	   /*
	    * From here the task may run, end this park and be in the next
	    * one: the epoch makes the CAS fail then.
	    */
#if BROKEN == 1
	   ok = 0;
#endif
	   if
	   :: ok ->
		if
		:: !cancel_flag
		:: else ->
			if
#if BROKEN == 7
			:: true ->
#else
			:: cancellable ->
#endif
				claim_once(t, WORD(e, PARKED), CANCELLED, ok)
			:: !cancellable
			fi
		fi
	   :: else
	   fi;
	   d_step { t = 0; e = 0; ok = 0 }
	od
}

/* Wait on o; res is the state that ended it. */
inline park(t, o, e, may_cancel, c, res)
{
	if
	:: may_cancel && cancel_flag -> res = CANCELLED
	:: else ->
		atomic {
			!lock[o];
			if
			:: count[o] > 0 ->
				count[o]--;
				res = WOKEN
			:: else ->
				lock[o] = 1;
				res = RUNNING;
				if
				:: t == T -> cancellable = may_cancel
				:: else
				fi;
				word[t] = WORD(e, PARKING);
				armed = armed || (t == T && o == A)
			fi
		}
		if
		:: res == WOKEN
		:: else ->
			d_step { waiters[o] ! t, e; lock[o] = 0 }
			/* the switch: the next context commits this park */
			d_step { on_stack[t] = 0; commits[c] ! t, e }
			d_step {
				runnable[t];
				runnable[t] = 0;
				on_stack[t] = 1;
				res = STATE(word[t]);
				assert(res >= WOKEN && EPOCH(word[t]) == e);
				word[t] = WORD(e, RUNNING)
			}
			if
			:: res == WOKEN
			:: else ->
				/* withdraw, unless a waker was faster */
				d_step {
					!lock[o];
					if
					:: waiters[o] ?? [eval(t), eval(e)] ->
						waiters[o] ?? eval(t), eval(e)
					:: else
					fi
				}
			fi
		fi
	fi;
	d_step {
		if
		:: res == WOKEN -> got[o]++
		:: else
		fi
	}
}

proctype task_t()
{
	byte res;

	park(T, A, FIRST, 1, 0, res);
#if CASE == 2
	assert(res != WOKEN);
#endif
#if CASE < 2
	park(T, B, SECOND, never_b, 1, res);
	assert(never_b -> (res == CANCELLED) : (res == WOKEN));
#endif
	finished++
}

proctype task_u()
{
	byte res;

	park(U, A, FIRST, 0, 2, res);
	assert(res == WOKEN);
	finished++
}

proctype poster(byte o)
{
	byte t, e;
	bit ok;

	d_step { posted[o]++; ok = 0 }
	do
	:: ok -> break
	:: else ->
		d_step {
			!lock[o];
			if
			:: waiters[o] ? [t, e] -> waiters[o] ? t, e
			:: else -> count[o]++; ok = 1
			fi
		}
		/* the waiter's frame is not touched once the lock is gone */
		if
		:: ok
		:: else ->
#if BROKEN == 6
			d_step {
				if
				:: word[t] == WORD(e, PARKED) ->
					word[t] = WORD(e, WOKEN);
					enqueue(t);
					ok = 1
				:: else
				fi
			}
			d_step {
				if
				:: !ok && word[t] == WORD(e, PARKING) ->
					word[t] = WORD(e, WOKEN);
					ok = 1
				:: else
				fi
			}
#else
			claim(t, e, WOKEN, ok);
#endif
#if BROKEN == 4
			ok = 1
#endif
		fi
	od;
	posters--
}

proctype canceller()
{
	byte w;
	bit ok;

#if BROKEN == 5
	w = word[T];
	cancel_flag = 1;
#else
	cancel_flag = 1;
	w = word[T];
#endif
	/*
	 * The word first, then what belongs to its epoch.  A failed CAS needs
	 * no second look: a commit that comes later meets the flag.
	 */
	if
	:: WAITING(w) && cancellable -> claim_once(T, w, CANCELLED, ok)
	:: else
	fi
}

proctype timer()
{
	byte w;
	bit ok;

end:	armed;
#if BROKEN == 8
	w = word[T];
	if
	:: EPOCH(w) == FIRST && WAITING(w) -> claim_once(T, w, TIMEDOUT, ok)
	:: else
	fi
#else
	claim(T, FIRST, TIMEDOUT, ok)
#endif
}

init
{
	atomic {
#if CASE == 0
		run poster(A);
		run poster(A);
		run poster(B);
		posters = 3;
		run timer();
#elif CASE == 1
		run poster(A);
		run poster(A);
		posters = 2;
		if
		:: never_b = 1
		:: run poster(B); posters++
		fi;
		run canceller();
#elif CASE == 2
		/* whichever of the two comes first */
		run timer();
		if
		:: run canceller()
		:: true
		fi;
#else
		run poster(A);
		run poster(A);
		posters = 2;
		run canceller();
		run timer();
#endif
		run committer(0);
#if CASE < 2
		run committer(1);
#endif
		run task_t();
#if CASE != 2
		run committer(2);
		run task_u()
#else
		finished = 1
#endif
	}
	finished == 2 && posters == 0;
	assert(count[A] + got[A] == posted[A]);
	assert(count[B] + got[B] == posted[B])
}
