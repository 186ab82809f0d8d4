/* SPDX-License-Identifier: MIT */
/*
 * Workers that park and are kicked, the searcher token, the idle mask and
 * batch stealing: core/idle.c and steal.c, with the two parks of uring/.
 *
 * CASE=0 three workers; a foreign thread posts a task that spawns two more,
 *        and the three end only once all have begun: work is never left
 *        behind a busy worker while another one sleeps
 * CASE=1 two workers; a request that completes in the ring of the worker that
 *        started it, and pinned work posted to a worker from outside and from
 *        the other worker
 * CASE=2 three workers; two foreign threads post one task each, the two end
 *        only once both have begun
 * CASE=3 the same with two workers, and pinned work for one meanwhile
 *
 * LOOK=1 a worker that found work gives the token up, looks at all queues and
 * calls for help only if it sees something left; LOOK=0 (the default) it
 * always wakes the next one.  Both are right; LOOK=1 saves a wake per burst.
 *
 * Abstracted: a queue is a count (runq.pml has the real one), a
 * batch steal takes half and is invisible to all while it is carried over; a
 * futex is "asleep only if the word still says so"; doorbells in a completion
 * queue are one bit; no time-out ever rescues a sleeper.  The wake that has
 * not shown up in time is a choice: a token that is pending may be taken over
 * at any moment.  Run-next and budgets are left out.
 *
 * What stands for sequential consistency here: the seq_cst fence between a
 * push and the loads of mask, token and word; the owner's seq_cst stores of
 * word, mask and token before its loads of queues and ring.
 *
 * Properties: all tasks end; no kick is lost; at most one searcher; nothing
 * completes in the ring of a worker that is in the futex park; a shutdown
 * reaches every worker.
 *
 * BROKEN=1 the owner does not look again between PARKED and sleep
 * BROKEN=2 the last searcher looks first and gives the token up afterwards
 * BROKEN=3 who finds work does not wake the next
 * BROKEN=4 a kicker whose victim left the mask by itself gives up
 * BROKEN=5 a kicker loads the word before it publishes
 * BROKEN=6 the futex park is taken with a request in flight
 * BROKEN=7 a woken worker takes itself for the searcher without a CAS
 * BROKEN=8 a kicker always uses the futex
 * BROKEN=9 a batch is taken from the injection queue without a call for help
 *          for what it carried
 * BROKEN=10 the owner shows itself in the mask before its word says PARKED
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef CASE
#define CASE 0
#endif
#ifndef LOOK
#define LOOK 0
#endif

#if CASE == 0
#define N	3
#define TOTAL	3
#define GATE	3
#elif CASE == 1
#define N	2
#define TOTAL	3
#define GATE	1
#elif CASE == 2
#ifndef N
#define N	2
#endif
#define TOTAL	2
#define GATE	2
#else
#define N	2
#define TOTAL	2
#define GATE	1
#endif

/* the word */
#define RUNNING		0
#define SEARCHING	1
#define PARKED_FUTEX	2
#define PARKED_RING	3
#define NOTIFIED	4
#define DEAD		5

/* the token: nobody's, promised to a worker that is being woken, in use */
#define NONE		0
#define PENDING(w)	(1 + (w))
#define SEARCHER(w)	(1 + N + (w))
#define IS_PENDING(t)	((t) >= 1 && (t) <= N)

#define BIT(w)		(1 << (w))

byte word[N];
byte idle;			/* mask */
byte token;
byte runq[N];			/* tasks that end once GATE have begun */
byte inbox[N];			/* pinned tasks that just end */
byte inject;			/* as runq */
byte spawners;			/* injected: spawn two into the run queue */
byte readers;			/* injected: one request, then as runq */
bit broadcast;			/* shutdown */

bit asleep[N];			/* in the futex */
bit bell[N];			/* message in the completion queue */
byte inflight[N], completed[N];

byte begun, done, searchers;

/* This many workers start awake, the others asleep in the futex. */
#ifndef AWAKE
#define AWAKE	1
#endif
#ifndef TAKEOVER
#define TAKEOVER 0
#endif

#define RING_READY(w)	(bell[w] || completed[w])
#define RING_IDLE(w)	(!inflight[w] && !RING_READY(w))

/* The system call of the winner, of the kind it found. */
inline wake(v, x)
{
	d_step {
		if
#if BROKEN == 8
		:: true -> asleep[v] = 0
#else
		:: x == PARKED_FUTEX -> asleep[v] = 0
		:: x == PARKED_RING -> bell[v] = 1
#endif
		fi;
		x = 0
	}
}

/*
 * x: the word as loaded after the caller's fence.  When the CAS fails, the
 * word has changed since: who parks now looks again later than the push.
 */
inline notified(v, x)
{
	if
	:: (x == PARKED_FUTEX || x == PARKED_RING) && word[v] == x ->
		word[v] = NOTIFIED
	:: else -> x = 0
	fi
}

inline notify(v, x)
{
	d_step { notified(v, x) }
	if
	:: x -> wake(v, x)
	:: else
	fi
}

/*
 * After a push and a fence.  A worker's bit leaves the mask once per park; if
 * it was a kicker that took it, the owner finds it gone and knows that the
 * token was meant for it.
 */
inline need_help(v, x, more)
{
	more = 1;
	do
	:: !more -> break
	:: else ->
		/* a mask that was stale at the CAS shows in the next step */
		atomic {
			if
			:: idle & BIT(0) -> v = 0
			:: !(idle & BIT(0)) && (idle & BIT(1)) -> v = 1
			:: idle == BIT(2) -> v = 2
			:: idle == 0 -> more = 0
			fi;
			if
			:: !more
			:: more && token == NONE -> token = PENDING(v)
#if TAKEOVER
			:: more && IS_PENDING(token) && token != PENDING(v) ->
				/* promised long ago, maybe */
				if
				:: token = PENDING(v)
				:: more = 0
				fi
#endif
			:: else -> more = 0
			fi
		}
		if
		:: !more
		:: else ->
			d_step {
				if
				:: idle & BIT(v) ->
					idle = idle & ~BIT(v);
					more = 0
				:: else
				fi
			}
			if
			:: !more ->
				/* load and CAS */
				atomic { x = word[v]; notified(v, x) }
				if
				:: x -> wake(v, x)
				:: else
				fi
			:: else ->
				/* it left by itself */
				d_step {
					if
					:: token == PENDING(v) -> token = NONE
					:: else
					fi
#if BROKEN == 4
					more = 0
#endif
				}
			fi
		fi
	od;
	v = 0
}

inline publish_pinned(v, x)
{
#if BROKEN == 5
	x = word[v];
	inbox[v]++;
#else
	inbox[v]++;
	x = word[v];
#endif
	notify(v, x)
}

/* What was found is out of reach of others, or in my queue. */
inline found(w, srch, v, x, more)
{
	if
	:: srch ->
		d_step {
			assert(token == SEARCHER(w));
			token = NONE;
			srch = 0;
			searchers--
		}
#if BROKEN == 3
#elif LOOK
		if
		:: inject || spawners || readers || runq[0] || runq[1] ||
		   runq[N - 1] -> need_help(v, x, more)
		:: else
		fi
#else
		need_help(v, x, more)
#endif
	:: else
	fi
}

inline run_gated()
{
	begun++;
	d_step { begun >= GATE; done++ }
}

inline give_up(w, srch)
{
	d_step {
		if
		:: srch ->
			assert(token == SEARCHER(w));
			token = NONE;
			srch = 0;
			searchers--
		:: else
		fi
	}
}

inline try_token(w, from, srch)
{
	if
	:: from ->
		token = SEARCHER(w);
		srch = 1;
		searchers++;
		assert(searchers == 1)
	:: else
	fi
}

/*
 * What it runs first, and whether it checks its sources one by one, makes no
 * difference: what arrives after a check is met by the look before the sleep.
 */
proctype worker(byte w)
{
	byte v, x, n;
	bit srch;
	bit more;

	if
	:: w >= AWAKE -> goto sleep
	:: else
	fi;
loop:
	if
	:: atomic { RING_READY(w) ->
		bell[w] = 0;
		n = completed[w];
		completed[w] = 0;
		runq[w] = runq[w] + n }
		if
		:: n -> n = 0; need_help(v, x, more)
		:: else
		fi
	:: atomic { !RING_READY(w) && inbox[w] -> n = inbox[w]; inbox[w] = 0 }
		found(w, srch, v, x, more);
		d_step { done = done + n; n = 0 }
	:: atomic { !RING_READY(w) && !inbox[w] && runq[w] -> runq[w]-- }
		found(w, srch, v, x, more);
		run_gated()
	:: atomic { !RING_READY(w) && !inbox[w] && !runq[w] && inject ->
		/* all of it: one to run, the rest carried to my queue */
		n = inject - 1;
		inject = 0 }
		if
		:: n ->
			d_step { runq[w] = runq[w] + n; n = 0 }
			found(w, srch, v, x, more);
#if BROKEN != 9
			need_help(v, x, more)
#endif
		:: else ->
			found(w, srch, v, x, more)
		fi;
		run_gated()
	:: atomic { !RING_READY(w) && !inbox[w] && !runq[w] && spawners ->
		spawners-- }
		found(w, srch, v, x, more);
		runq[w]++;
		need_help(v, x, more);
		runq[w]++;
		need_help(v, x, more);
		run_gated()
	:: atomic { !RING_READY(w) && !inbox[w] && !runq[w] && readers ->
		readers-- }
		found(w, srch, v, x, more);
		inflight[w]++;
		/* and something pinned for the other worker */
		v = 1 - w;
		publish_pinned(v, x);
		v = 0
	:: atomic { !RING_READY(w) && !inbox[w] && !runq[w] && !inject &&
		    !spawners && !readers && broadcast } -> goto out
	:: atomic { !RING_READY(w) && !inbox[w] && !runq[w] && !inject &&
		    !spawners && !readers && !broadcast ->
		/* dry: one may search */
		if
		:: !srch -> try_token(w, token == NONE, srch)
		:: else
		fi;
		if
		:: srch -> word[w] = SEARCHING
		:: else
		fi }
		if
		:: !srch
		:: else ->
			atomic {
				if
				:: runq[0] -> v = 0; n = (runq[0] + 1) / 2
				:: runq[1] -> v = 1; n = (runq[1] + 1) / 2
				:: runq[N - 1] -> v = N - 1;
					n = (runq[N - 1] + 1) / 2
				:: else
				fi;
				runq[v] = runq[v] - n;
				word[w] = RUNNING;
				v = 0
			}
		fi;
		if
		:: n ->
			d_step { runq[w] = runq[w] + n; n = 0 }
		:: else -> goto park
		fi
	fi;
	goto loop;

park:
#if BROKEN == 10
	idle = idle | BIT(w);
#endif
	/* no CAS is needed to leave RUNNING: nobody else changes it */
#if BROKEN == 6
	word[w] = PARKED_FUTEX;
#else
	word[w] = (RING_IDLE(w) -> PARKED_FUTEX : PARKED_RING);
#endif
#if BROKEN != 10
	idle = idle | BIT(w);
#endif
#if BROKEN != 2
	if
	:: srch -> give_up(w, srch)
	:: else
	fi;
#endif
	/* look at everything again; only the owner takes from these three */
#if BROKEN != 1
	if
	:: inbox[w] || RING_READY(w) || broadcast -> goto unpark
	:: else
	fi;
	do
	:: d_step { v < N && !runq[v] -> v++ }
	:: d_step { v < N && runq[v] -> n = 1 } break
	:: d_step { v == N -> n = (inject || spawners || readers) } break
	od;
	v = 0;
	if
	:: n ->
		/* if another one holds the token, this is its business */
		atomic {
			n = 0;
			try_token(w, token == NONE, srch)
		}
		if
		:: srch -> goto unpark
		:: else
		fi
	:: else
	fi;
#endif
#if BROKEN == 2
	if
	:: srch -> give_up(w, srch)
	:: else
	fi;
#endif
sleep:
	if
	:: d_step { word[w] == PARKED_FUTEX && !broadcast -> asleep[w] = 1 }
end0:		!asleep[w]
	:: word[w] == PARKED_FUTEX && broadcast
	:: word[w] == PARKED_RING ->
end1:		RING_READY(w)
	:: word[w] == NOTIFIED
	fi;
unpark:
#if BROKEN == 10
	idle = idle | BIT(w);
#endif
	word[w] = RUNNING;
	d_step {
		if
		:: idle & BIT(w) -> idle = idle & ~BIT(w)
		:: else -> n = 1
		fi
	}
	if
	:: n ->
		atomic {
			n = 0;
#if BROKEN == 7
			try_token(w, true, srch)
#else
			try_token(w, token == PENDING(w), srch)
#endif
		}
	:: else
	fi;
	goto loop;
out:
	if
	:: srch -> give_up(w, srch)
	:: else
	fi;
	word[w] = DEAD
}

inline complete(w)
{
	inflight[w]--;
	completed[w]++;
	assert(word[w] != PARKED_FUTEX)
}

/* Completes requests, or not before all that is pinned has been served. */
proctype kernel()
{
	bit withheld;

	if
	:: withheld = 0
	:: withheld = 1
	fi;
end:	do
	:: d_step { inflight[0] && (!withheld || done >= 2) ->
		complete(0) }
	:: d_step { inflight[1] && (!withheld || done >= 2) ->
		complete(1) }
	od
}

proctype foreign()
{
	byte v, x;
	bit more;

#if CASE == 0
	spawners++;
#else
	inject++;
#endif
	need_help(v, x, more)
}

proctype foreign_pinned()
{
	byte v, x;

	publish_pinned(v, x)
}

init
{
	byte v, x;

	atomic {
		do
		:: v < N && v < AWAKE -> v++
		:: v < N && v >= AWAKE ->
			word[v] = PARKED_FUTEX;
			idle = idle | BIT(v);
			v++
		:: v == N -> v = 0; break
		od;
		run worker(0);
		run worker(1);
#if N > 2
		run worker(2);
#endif
#if CASE == 1
		readers = 1;
		run kernel();
#else
		run foreign();
#endif
#if CASE == 2
		run foreign();
#endif
#if CASE == 1 || CASE == 3
		run foreign_pinned();
#endif
	}
	done == TOTAL;
#if CASE == 1 || CASE == 3
	/* shutdown */
	broadcast = 1;
	d_step { asleep[0] = 0; asleep[1] = 0; asleep[N - 1] = 0 }
	do
	:: v < N ->
		x = word[v];
		if
		:: x == PARKED_RING -> notify(v, x)
		:: else
		fi;
		v++
	:: else -> break
	od;
	word[0] == DEAD && word[1] == DEAD && word[N - 1] == DEAD;
	assert(searchers == 0)
#endif
}
