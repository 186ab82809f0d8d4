/* SPDX-License-Identifier: MIT */
/*
 * Select: several waits on channels of which one is to end: sync/select.c.
 *
 * A select tries each case under the lock of its channel.  If none is ready it
 * opens a wait, then enlists each case, unless that one is ready by now: then
 * it abandons its wait by a compare and swap and starts over, and if that
 * fails a case has fired or the wait was cancelled.  Who comes to a channel
 * removes a waiter, claims the wait word by a compare and swap, and hands the
 * element over only if that succeeds, all under the channel's lock.  Once
 * awake, the select takes the lock of each channel, delists, and looks which
 * case has fired.  A send or a receive is a select of one case.
 *
 * CASE=0 two selects receive from A or B, one send to each: all come to an end
 * CASE=1 selects that match one another, the one {send A, receive B}, the
 *        other {receive A, send B}: one element passes
 * CASE=2 a select receives from A or B, while B is closed, somebody sends to
 *        A, and a cancel or a deadline comes
 * CASE=3 both selects are {send A, receive A}: nobody meets himself
 * CASE=4 A has room for one element, which is there: a select sends to A or
 *        receives from B, somebody receives from A twice, somebody sends to B;
 *        a cancel or a deadline comes
 * CASE=5 two receive from A, which has room for one element; one is sent, and
 *        one of the two is cancelled
 *
 * Abstracted: suspending and the commit of a wait are park.pml, so a wait word
 * is open or it is not; a critical section that meets no waiter touches
 * nothing but what its lock guards and is one step, and so are removing a
 * waiter and the compare and swap after it.
 *
 * Properties: each element that was sent is received once or lies in the
 * channel, one that was not sent is neither; one case fires if the select was
 * woken, none otherwise; no waiter is touched once its select has returned;
 * a select starts over only because others did something (two that match one
 * another may do so for as long as they stay in step); nobody waits for ever.
 *
 * BROKEN=1 a case is enlisted without a look whether it is ready by now
 * BROKEN=2 a waker hands over and marks, then claims
 * BROKEN=3 a waker does not ask whether its claim succeeded
 * BROKEN=4 a wait is abandoned by a store
 * BROKEN=5 the select looks which case has fired before it takes the locks
 * BROKEN=6 the select delists those that have not fired only up to the one
 *          that has
 * BROKEN=7 the select's own waiters make a case look ready
 * BROKEN=8 a close wakes the waiters, and marks the channel closed afterwards
 * BROKEN=9 a waker that lost a claim does not look for another waiter
 * BROKEN=10 who fails to abandon its wait takes it that a case has fired
 * BROKEN=11 the wait is opened once all cases are enlisted
 * BROKEN=12 a select that abandons its wait leaves its waiters enlisted
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef CASE
#define CASE 0
#endif

#define TASKS	4
#define A	0
#define B	1
#define RECV	0
#define SEND	1

/* A case: the channel and what to do there. */
#define ON(o, d)	((o) * 2 + (d))
#define NONE		255
/* What the task sends by its case. */
#define ELEM(t, c)	((t) * 2 + (c))
#define FIRST		7	/* lies in A when it begins */

#define RUNNING		0
#define OPEN		1
#define WOKEN		2
#define CANCELLED	3
#define TIMEDOUT	4

#define EPOCHS		4
#define WORD(e, s)	((e) * 8 + (s))
#define EPOCH(w)	((w) / 8)
#define STATE(w)	((w) % 8)

#define AGAIN		0	/* outcomes of a case */
#define DONE		1
#define PIPE		2
#define LOCKED		3

byte word[TASKS];
byte fired[TASKS];		/* a bit for each case; L */
byte fired_res[TASKS];		/* L */
byte fired_elem[TASKS];		/* L */
bit inside[TASKS];		/* the frame of its select is there */
bit unrest[2] = 1;		/* others did something */
bit cancel_flag;		/* of task 0 */
bit armed;			/* it has a deadline */

bit locked[2], closed[2], room[2], filled[2];
byte elem[2];
chan recvs[2] = [3] of { byte, byte, byte };	/* task, epoch, case */
chan sends[2] = [3] of { byte, byte, byte };

byte sent[8], got[8];
byte running;
bit first_ended;

/* Told of two tasks alone: there are too many states as it is. */
inline stir(t)
{
#if CASE == 1 || CASE == 3
	unrest[0] = unrest[0] || t != 0;
	unrest[1] = unrest[1] || t != 1
#else
	skip
#endif
}

/* In a d_step, under the lock: what can be had without a waiter. */
inline take_alone(o, d, x, res)
{
	if
	:: d == RECV && filled[o] -> x = elem[o]; filled[o] = 0; elem[o] = 0;
		res = DONE
	:: d == RECV && !filled[o] && closed[o] -> res = PIPE
	:: d == SEND && closed[o] -> res = PIPE
	:: d == SEND && !closed[o] && room[o] && !filled[o] ->
		filled[o] = 1; elem[o] = x; res = DONE
	:: else -> res = AGAIN
	fi
}

#define OTHERS(o, d)	((d == RECV && len(sends[o]) > 0) || \
			 (d == SEND && len(recvs[o]) > 0))

/* In a d_step, under the lock: hands over to, or takes from, a waiter. */
inline transfer(o, d, x, w, wc)
{
	if
	:: d == RECV && filled[o] -> x = elem[o]; elem[o] = ELEM(w, wc)
	:: d == RECV && !filled[o] -> x = ELEM(w, wc)
	:: d == SEND -> fired_elem[w] = x
	fi;
	fired[w] = fired[w] | (1 << wc);
	fired_res[w] = DONE
}

inline claim(w, we, ok)
{
	if
	:: word[w] == WORD(we, OPEN) -> word[w] = WORD(we, WOKEN); ok = 1
	:: else -> ok = 0
	fi
}

inline pop(o, d, w, we, wc)
{
	if
	:: d == RECV -> sends[o] ? w, we, wc
	:: d == SEND -> recvs[o] ? w, we, wc
	fi;
	assert(inside[w])
}

/* One try of a case: res is AGAIN, DONE or PIPE. x: what is sent, received. */
inline take(t, o, d, x, res)
{
	d_step {
		!locked[o];
		if
		:: OTHERS(o, d) && !(d == SEND && closed[o]) ->
			locked[o] = 1; res = LOCKED
		:: else ->
			take_alone(o, d, x, res);
			if
			:: res == DONE -> stir(t)
			:: else
			fi
		fi
	}
	do
	:: res == LOCKED && OTHERS(o, d) ->
#if BROKEN == 2
		d_step { pop(o, d, w, we, wc); transfer(o, d, x, w, wc) }
		d_step {
			claim(w, we, ok);
			if
			:: ok -> stir(t); res = DONE; locked[o] = 0
			:: else
			fi;
			w = 0; we = 0; wc = 0; ok = 0
		}
#else
		d_step { pop(o, d, w, we, wc); claim(w, we, ok); stir(t) }
#if BROKEN == 3
		ok = 1;
#endif
		d_step {
			if
			:: ok ->
				transfer(o, d, x, w, wc);
				res = DONE;
				locked[o] = 0
#if BROKEN == 9
			:: else ->
				take_alone(o, d, x, res);
				locked[o] = 0
#else
			:: else
#endif
			fi;
			w = 0; we = 0; wc = 0; ok = 0
		}
#endif
	:: res == LOCKED && !OTHERS(o, d) ->
		d_step {
			take_alone(o, d, x, res);
			locked[o] = 0
		}
	:: res != LOCKED -> break
	od
}

/* In a d_step, under the lock. */
inline look_ready(t, o, d, r)
{
	if
	:: d == RECV -> tmp = len(sends[o])
	:: d == SEND -> tmp = len(recvs[o])
	fi;
#if BROKEN != 7
	if
	:: d == RECV && sends[o] ?? [eval(t), _, _] -> tmp--
	:: d == SEND && recvs[o] ?? [eval(t), _, _] -> tmp--
	:: else
	fi;
#endif
	r = tmp > 0 || closed[o] || (d == RECV && filled[o]) ||
	    (d == SEND && room[o] && !filled[o]);
	tmp = 0
}

inline enlist(t, e, c, o, d, r)
{
	d_step {
		!locked[o];
#if BROKEN == 1
		r = 0;
#else
		look_ready(t, o, d, r);
#endif
		if
		:: r
		:: !r && d == RECV -> recvs[o] ! t, e, c; stir(t)
		:: !r && d == SEND -> sends[o] ! t, e, c; stir(t)
		fi
	}
}

inline delist(t, o, d)
{
	d_step {
		!locked[o];
		if
		:: d == RECV && recvs[o] ?? [eval(t), _, _] ->
			recvs[o] ?? eval(t), tmp, tmp
		:: d == SEND && sends[o] ?? [eval(t), _, _] ->
			sends[o] ?? eval(t), tmp, tmp
		:: else
		fi;
		tmp = 0
	}
}

inline delist_all(t, c0, c1)
{
	delist(t, c0 / 2, c0 % 2);
	if
#if BROKEN == 6
	:: c1 != NONE && !(fired[t] & 1) -> delist(t, c1 / 2, c1 % 2)
#else
	:: c1 != NONE -> delist(t, c1 / 2, c1 % 2)
#endif
	:: else
	fi
}

/* Ends the own wait: lost if somebody else did. */
inline abandon(t, e, lost)
{
	d_step {
#if BROKEN == 4
		lost = 0;
		word[t] = WORD(e, RUNNING)
#else
		if
		:: word[t] == WORD(e, OPEN) ->
			word[t] = WORD(e, RUNNING);
			lost = 0
		:: else -> lost = 1
		fi
#endif
	}
}

#define MAY_END(t)	((t) == 0)	/* by cancel or deadline */

proctype selector(byte t, c0, c1, rounds)
{
	byte c, x, e, res, how, tmp, w, we, wc;
	bit ok, ready, lost;

again:
	if
	:: MAY_END(t) && cancel_flag -> how = CANCELLED; goto out
	:: else
	fi;
	d_step {
		inside[t] = 1;
		how = RUNNING;
#if CASE == 1 || CASE == 3
		unrest[t] = 0
#endif
	}
	/* in random order */
	if
	:: c = 0
	:: c1 != NONE -> c = 1
	fi;
	x = ELEM(t, c);
	if
	:: c == 0 -> take(t, c0 / 2, c0 % 2, x, res)
	:: c == 1 -> take(t, c1 / 2, c1 % 2, x, res)
	fi;
	if
	:: res == AGAIN && c1 != NONE ->
		d_step { c = 1 - c; x = ELEM(t, c) }
		if
		:: c == 0 -> take(t, c0 / 2, c0 % 2, x, res)
		:: c == 1 -> take(t, c1 / 2, c1 % 2, x, res)
		fi
	:: else
	fi;
	if
	:: res != AGAIN -> goto out
	:: else
	fi;

	d_step {
		x = 0; c = 0;
		e = (EPOCH(word[t]) + 1) % EPOCHS;
#if BROKEN == 11
		word[t] = WORD(e, RUNNING);
#else
		word[t] = WORD(e, OPEN);
#endif
		armed = armed || MAY_END(t)
	}
	enlist(t, e, 0, c0 / 2, c0 % 2, ready);
	if
	:: !ready && c1 != NONE -> enlist(t, e, 1, c1 / 2, c1 % 2, ready)
	:: else
	fi;
#if BROKEN == 11
	word[t] = WORD(e, OPEN);
#endif
	if
	:: ready ->
		abandon(t, e, lost);
		ready = 0;
		if
		:: lost -> lost = 0
		:: else ->
#if BROKEN != 12
			delist_all(t, c0, c1);
#endif
#if CASE == 1 || CASE == 3
			assert(unrest[t]);
#endif
			goto again
		fi;
#if BROKEN == 10
		how = WOKEN
#endif
	:: else ->
		/* the commit: who is to be cancelled does not stay */
		d_step {
			if
			:: MAY_END(t) && cancel_flag &&
			   word[t] == WORD(e, OPEN) ->
				word[t] = WORD(e, CANCELLED)
			:: else
			fi
		}
	fi;
	/* one who waits for ever shows in init, which does not end then */
endw:	d_step {
		STATE(word[t]) != OPEN;
		if
		:: how == RUNNING -> how = STATE(word[t])
		:: else
		fi;
		assert(EPOCH(word[t]) == e)
#if BROKEN == 5
		;
		res = fired_res[t];
		x = fired_elem[t];
		c = fired[t] >> 1
#endif
	}
	delist_all(t, c0, c1);
	d_step {
		assert((how == WOKEN) == (fired[t] == 1 || fired[t] == 2));
		assert(how == WOKEN || fired[t] == 0);
#if BROKEN != 5
		res = fired_res[t];
		x = fired_elem[t];
		c = fired[t] >> 1;
#endif
		fired[t] = 0; fired_res[t] = 0; fired_elem[t] = 0
	}
	if
	:: how == WOKEN && ((c == 0 && c0 % 2 == SEND) ||
			    (c == 1 && c1 % 2 == SEND)) -> x = ELEM(t, c)
	:: else
	fi;
out:
	inside[t] = 0;
	d_step {
		if
		:: how == CANCELLED || how == TIMEDOUT -> rounds = 1
		:: else ->
			assert(res == DONE || res == PIPE);
			if
			:: res == PIPE -> rounds = 1
			:: res == DONE && ((c == 0 && c0 % 2 == SEND) ||
					   (c == 1 && c1 % 2 == SEND)) ->
				sent[x]++
			:: else -> got[x]++; assert(got[x] == 1)
			fi
		fi;
		rounds--;
		c = 0; x = 0; e = 0; res = 0; how = 0
	}
	if
	:: rounds > 0 -> goto again
	:: else
	fi;
	d_step {
		running--;
		first_ended = first_ended || t == 0
	}
}

inline close_waiter(q)
{
	d_step {
		q ? w, we, wc;
		assert(inside[w]);
		claim(w, we, ok)
	}
	d_step {
		if
		:: ok -> fired[w] = fired[w] | (1 << wc); fired_res[w] = PIPE
		:: else
		fi;
		w = 0; we = 0; wc = 0; ok = 0
	}
}

proctype close(byte o; bit last)
{
	byte w, we, wc, tmp;
	bit ok;

end:	!last || first_ended;
	d_step {
		!locked[o];
		locked[o] = 1;
#if BROKEN != 8
		closed[o] = 1;
#endif
		stir(TASKS)
	}
	do
	:: len(recvs[o]) > 0 -> close_waiter(recvs[o])
	:: len(recvs[o]) == 0 && len(sends[o]) > 0 -> close_waiter(sends[o])
	:: else -> break
	od;
	locked[o] = 0;
#if BROKEN == 8
	d_step { !locked[o]; closed[o] = 1 }
#endif
	running--
}

proctype cancel()
{
	byte w;

	cancel_flag = 1;
	w = word[0];
	d_step {
		if
		:: STATE(w) == OPEN && word[0] == w ->
			word[0] = WORD(EPOCH(w), CANCELLED)
		:: else
		fi;
		w = 0
	}
	running--
}

proctype deadline()
{
end:	d_step {
		armed && STATE(word[0]) == OPEN;
		word[0] = WORD(EPOCH(word[0]), TIMEDOUT)
	}
}

inline cancel_or_deadline()
{
	if
	:: run cancel(); running++
	:: run deadline()
	fi
}

init
{
	byte i;

	atomic {
#if CASE == 0
		running = 4;
		run selector(0, ON(A, RECV), ON(B, RECV), 1);
		run selector(1, ON(A, RECV), ON(B, RECV), 1);
		run selector(2, ON(A, SEND), NONE, 1);
		run selector(3, ON(B, SEND), NONE, 1);
#elif CASE == 1
		running = 2;
		run selector(0, ON(A, SEND), ON(B, RECV), 1);
		run selector(1, ON(A, RECV), ON(B, SEND), 1);
#elif CASE == 2
		running = 4;
		run selector(0, ON(A, RECV), ON(B, RECV), 1);
		run selector(1, ON(A, SEND), NONE, 1);
		run close(B, 0);
		run close(A, 1);
		cancel_or_deadline();
#elif CASE == 3
		running = 2;
		run selector(0, ON(A, SEND), ON(A, RECV), 1);
		run selector(1, ON(A, SEND), ON(A, RECV), 1);
#elif CASE == 4
		running = 5;
		room[A] = 1;
		filled[A] = 1;
		elem[A] = FIRST;
		sent[FIRST] = 1;
		run selector(0, ON(A, SEND), ON(B, RECV), 1);
		run selector(1, ON(A, RECV), NONE, 2);
		run selector(2, ON(B, SEND), NONE, 1);
		run close(A, 1);
		run close(B, 1);
		cancel_or_deadline();
#else
		running = 4;
		room[A] = 1;
		run selector(0, ON(A, RECV), NONE, 1);
		run selector(1, ON(A, RECV), NONE, 1);
		run selector(2, ON(A, SEND), NONE, 1);
		run cancel();
#endif
	}
#if CASE == 5
	/* the select has it, or it was cancelled and the receiver has it */
	running == 0 ||
		(running == 1 && sent[ELEM(2, 0)] && got[ELEM(2, 0)]);
#else
	running == 0;
#endif
	atomic {
		i = 0;
		do
		:: i < 8 ->
			assert(sent[i] == got[i] +
			       (filled[A] && elem[A] == i) +
			       (filled[B] && elem[B] == i));
			i++
		:: else -> break
		od;
		i = 0;
#if CASE != 5
		assert(len(recvs[A]) + len(recvs[B]) == 0);
		assert(len(sends[A]) + len(sends[B]) == 0);
#endif
#if CASE == 1
		assert(sent[ELEM(0, 0)] + sent[ELEM(1, 1)] == 1)
#elif CASE == 3
		assert(sent[ELEM(0, 0)] + sent[ELEM(1, 0)] == 1)
#endif
	}
}
