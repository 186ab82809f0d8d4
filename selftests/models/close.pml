/* SPDX-License-Identifier: MIT */
/*
 * oa_close against operations that start on other workers: core/fd.c, with
 * the start of core/op.c.
 *
 * One record per descriptor number, one word {state, generation, bits of the
 * workers that used it}.  A start sets its worker's bit, and what the same
 * instruction returns says whether the number was open then; a start that
 * finds the bit set needs one load.  A close goes OPEN to CLOSING, asks each
 * worker in the set to cancel what it has on that generation, waits, and
 * closes the number.  From CLOSING to OPEN of the next generation goes the
 * closer, or whoever is handed the number by the kernel before that (which
 * proves it closed): by CAS, so it happens once.
 *
 * One task uses the number with an operation of two submissions, each on
 * any worker; another one opens the number once it is free and uses it; each
 * of the two files is closed.  A request ends by itself or only by a cancel.
 *
 * Out of reach is a faulty program that closes a number twice: as with close
 * itself the second one may hit another file.
 *
 * Abstracted: messages to workers (kick.pml); a request in the
 * submission queue is one that has not looked up its number yet; what runs on
 * a worker's thread excludes its message handler and its ring.
 *
 * What stands for sequential consistency here: every access to the record is
 * a seq_cst load, fetch_or or CAS of the one word.
 *
 * Properties: when the number is closed no request holds the file; no request
 * of one generation looks the number up in another one, but for those that
 * were begun on a closed number; a good descriptor is not refused; everybody
 * ends.
 *
 * BROKEN=1 the bit first, the state by a load of its own after it
 * BROKEN=2 only the closer opens the next generation
 * BROKEN=3 a second submission does not compare generations
 * BROKEN=4 the closer loads the bits before it says CLOSING
 * BROKEN=5 the handler forgets what is still in the submission queue
 * BROKEN=6 the next generation is opened before the number is closed
 * BROKEN=7 the closer opens the next generation by a store, not by CAS
 * BROKEN=8 a start whose bit is set does not look at the state
 * BROKEN=9 who opens the number forgets the bits of those who came too late
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#define N	2		/* workers */
#define USERS	2
#define CLOSERS	2

#define OPEN		0
#define CLOSING		1

#define FREE	0		/* the number in the kernel: a file, or free */

#define NO_REQ	0
#define QUEUED	1
#define FLIGHT	2
#define DONE	3

/* the record, one word */
byte state, gen, bits;

byte number = 1;		/* file 1 is open */
bit opened;			/* file 2 is open and its user knows it */
bit closed[3];			/* somebody was told to close this file */

bit thread[N];			/* something runs on this worker */
byte req[USERS], req_on[USERS], req_gen[USERS], req_file[USERS];
bit req_cancel[USERS];
bit req_late[USERS];		/* begun when its file was closed already */
bit lasting;			/* requests end by a cancel only */

byte msg[CLOSERS * N];		/* closer * N + worker: 1 sent, 2 handled */
byte msg_gen[CLOSERS];
byte owed[CLOSERS];		/* acknowledgements a closer waits for */
byte finished;

#define BIT(w)		(1 << (w))

inline ring_submit(t)
{
	if
	:: req[t] == QUEUED && req_on[t] == w ->
		req_file[t] = number;
		req[t] = (number == FREE -> DONE : FLIGHT);
		assert(number == FREE || req_late[t] || req_gen[t] == gen)
	:: else
	fi
}

inline ring_cancel(t, g)
{
	if
	:: req_on[t] == w && req_gen[t] <= g &&
	   (req[t] == QUEUED || req[t] == FLIGHT) -> req_cancel[t] = 1
	:: else
	fi
}

inline ring_complete(t)
{
	req[t] = DONE;
	req_file[t] = FREE
}

#define PENDING(t, g)	(req_on[t] == w && req_gen[t] <= (g) && \
			 (req[t] == QUEUED || req[t] == FLIGHT))
#define FORGETS(t, g)	(req_on[t] == w && req_gen[t] <= (g) && \
			 req[t] == FLIGHT)
#if BROKEN == 5
#define BUSY(g)		(FORGETS(0, g) || FORGETS(1, g))
#else
#define BUSY(g)		(PENDING(0, g) || PENDING(1, g))
#endif

/* The handler of closer c's message, and what it does in the end. */
#define CANCEL(c)	d_step { !thread[w] && msg[c * N + w] == 1 -> \
				 msg[c * N + w] = 2; \
				 ring_cancel(0, msg_gen[c]); \
				 ring_cancel(1, msg_gen[c]) }
#define ACKNOWLEDGE(c)	d_step { !thread[w] && msg[c * N + w] == 2 && \
				 !BUSY(msg_gen[c]) -> \
				 msg[c * N + w] = 0; \
				 owed[c]-- }

/* A worker between tasks. */
proctype worker(byte w)
{
end:	do
	:: d_step { !thread[w] && ((req[0] == QUEUED && req_on[0] == w) ||
				   (req[1] == QUEUED && req_on[1] == w)) ->
		ring_submit(0);
		ring_submit(1) }
	:: d_step { !thread[w] && req[0] == FLIGHT && req_on[0] == w &&
		    (!lasting || req_cancel[0]) -> ring_complete(0) }
	:: d_step { !thread[w] && req[1] == FLIGHT && req_on[1] == w &&
		    (!lasting || req_cancel[1]) -> ring_complete(1) }
	:: CANCEL(0)
	:: ACKNOWLEDGE(0)
	:: CANCEL(1)
	:: ACKNOWLEDGE(1)
	od
}

/* One submission of task t on some worker; ok is 0 when it is refused. */
inline submit(t, first, mine, w, ok)
{
	atomic {
		if
		:: !thread[0] -> w = 0
		:: !thread[1] -> w = 1
		fi;
		thread[w] = 1
	}
	d_step {
		ok = (state == OPEN);
#if BROKEN == 1
		ok = 1;
#endif
#if BROKEN == 8
		ok = ok || (bits & BIT(w));
#endif
		if
		:: first -> mine = gen
#if BROKEN != 3
		:: !first && gen != mine -> ok = 0
#endif
		:: else
		fi;
		mine = mine + 16 * !(bits & BIT(w))
	}
	if
	:: ok && mine >= 16 ->
		/* fetch_or */
		d_step {
			mine = mine - 16;
			bits = bits | BIT(w);
#if BROKEN == 3
			mine = gen;
#endif
#if BROKEN != 1
			ok = (state == OPEN && gen == mine)
#endif
		}
	:: else -> mine = mine % 16
	fi;
#if BROKEN == 1
	if
	:: ok -> ok = (state == OPEN)
	:: else
	fi;
#endif
	if
	:: ok ->
		d_step {
			req[t] = QUEUED;
			req_on[t] = w;
			req_gen[t] = mine;
			req_cancel[t] = 0;
			req_late[t] = (first -> number != t + 1 : req_late[t])
		}
	:: else
	fi;
	d_step { thread[w] = 0; w = 0 }
}

inline wait_done(t)
{
	d_step { req[t] == DONE -> req[t] = NO_REQ; req_on[t] = 0 }
}

proctype user()
{
	byte w, mine;
	bit ok;

	submit(0, 1, mine, w, ok);
	if
	:: ok ->
		wait_done(0);
		if
		:: !req_cancel[0] ->
			submit(0, 0, mine, w, ok);
			if
			:: ok -> wait_done(0)
			:: else
			fi
		:: else
		fi
	:: else
	fi;
	finished++
}

/* The kernel gives the number to a new file. */
proctype opener()
{
	byte w, mine;
	bit ok;

	d_step { number == FREE -> number = 2 }
#if BROKEN != 2
	d_step {
		if
		:: state == CLOSING ->
			state = OPEN;
			gen++;
			bits = 0
		:: state == OPEN && bits ->
			/* somebody is late */
#if BROKEN == 9
			bits = 0;
#endif
			gen++
		:: else
		fi
	}
#endif
	opened = 1;
	submit(1, 1, mine, w, ok);
	if
	:: ok -> wait_done(1)
	:: else -> assert(closed[2])
	fi;
	finished++
}

proctype closer(byte c)
{
	byte g, b, w, f;

	c != 1 || opened;
#if BROKEN == 4
	b = bits;
#endif
	atomic {
		if
		:: state == OPEN ->
			state = CLOSING;
			closed[number] = 1;
			g = gen
		:: else -> goto out	/* EBADF */
		fi
	}
#if BROKEN != 4
	b = bits;
#endif
	msg_gen[c] = g;
	do
	:: w < N ->
		d_step {
			if
			:: b & BIT(w) -> owed[c]++; msg[c * N + w] = 1
			:: else
			fi;
			w++
		}
	:: else -> break
	od;
	atomic { !owed[c]; w = 0; b = 0 }
#if BROKEN == 6
	d_step { state = OPEN; gen++; bits = 0 }
#endif
	d_step {
		f = number;
		number = FREE;
		assert(f == FREE || (req_file[0] != f && req_file[1] != f));
		f = 0
	}
#if BROKEN == 7
	d_step { state = OPEN; gen = g + 1; bits = 0 }
#elif BROKEN != 6
	d_step {
		if
		:: state == CLOSING && gen == g ->
			state = OPEN;
			gen++;
			bits = 0
		:: else
		fi
	}
#endif
out:
	finished++
}

init
{
	atomic {
		if
		:: lasting = 1
		:: lasting = 0
		fi;
		run worker(0);
		run worker(1);
		run user();
		run opener();
		run closer(0);
		run closer(1)
	}
	finished == USERS + CLOSERS
}
