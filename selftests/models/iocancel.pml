/* SPDX-License-Identifier: MIT */
/*
 * A cancel or a deadline against the completion of a request: core/op.c, with
 * its message to another worker and the ring of uring/.
 *
 * The task's wait word says IO(e) while its request is in a ring.  Only that
 * ring's worker ends the wait, on its own thread, so the task has left its
 * stack by then and no state PARKING is needed.  A canceller goes from IO(e)
 * to IO_CANCEL(e) by CAS; the one that wins pushes the node in the task to the
 * ring's worker.  The last completion goes from IO(e) to WOKEN(e) by CAS; if
 * it finds IO_CANCEL it leaves the wake to whoever has the node: the message
 * when it is handled, or the worker's list of cancels that found the
 * submission queue full.  So neither message nor node outlives its request,
 * the node is free when the next request starts, and no epoch is compared.
 *
 * The task makes two requests in either ring.  What ends them is
 * CASE=0 themselves, or two deadlines and nothing else
 * CASE=1 themselves, or one cancel (sticky) and nothing else
 * CASE=2 as CASE=0, and a sticky cancel at any moment
 *
 * Abstracted: a task that ends and a new one in its slot are the second
 * request; the kick; a ring runs its submissions in order.
 *
 * What stands for sequential consistency here: the canceller's store of the
 * flag and its CAS on the word; the task's store of IO(e) and its load of the
 * flag (fence between them).
 *
 * Properties: a cancel hits the request it was meant for; the node is in one
 * place at most; no cancel is lost while the request is in flight; the result
 * is what the kernel said; everybody ends.
 *
 * BROKEN=1 the node carries an epoch, the completion wakes at once and the
 *          handler drops what is out of date
 * BROKEN=2 the completion wakes at once, the handler looks at the word
 * BROKEN=3 the handler does not wake a task whose request is done
 * BROKEN=4 every canceller pushes
 * BROKEN=5 the completion waits for the message but not for the list
 * BROKEN=6 the task looks at the cancel flag before it stores IO
 */
#ifndef BROKEN
#define BROKEN 0
#endif
#ifndef CASE
#define CASE 0
#endif

#define N	2

#define RUNNING		0
#define IO		1
#define IO_CANCEL	2
#define WOKEN		3

#define WORD(e, s)	((e) * 4 + (s))
#define EPOCH(w)	((w) / 4)
#define STATE(w)	((w) % 4)

#define SUCCESS		1
#define CANCELLED	2

mtype = { REQUEST, CANCEL };

byte word;
bit runnable, sticky;
byte ring;			/* of the current request */
byte result;
bit handled;			/* the node has been everywhere */
bit complete;			/* the last completion has come */

bit thread[N];
bit in_box[N], in_list[N];	/* the one node */
byte node_epoch;
bit claimed;
chan sq[N] = [4] of { mtype, byte };
byte flight[N];			/* epoch of the request in the kernel */
byte cqe[N], cqe_epoch[N];
byte said;			/* the kernel's result */
bit lasting;			/* only a cancel ends this request */

byte finished;

#define NODE_FREE	(!in_box[0] && !in_box[1] && !in_list[0] && !in_list[1])

inline push_node(w)
{
	assert(NODE_FREE);
	in_box[w] = 1
}

inline wake(e)
{
	assert(!runnable);
	word = WORD(e, WOKEN);
	runnable = 1
}

/*
 * A canceller that means the request of epoch e.  Between CAS and push the
 * request may complete, but its task is not woken.
 */
inline cancel_request(e, won)
{
	d_step {
		if
		:: word == WORD(e, IO) ->
#if BROKEN == 1
			won = NODE_FREE && !claimed;
			claimed = 1
#else
			word = WORD(e, IO_CANCEL);
			won = 1
#endif
#if BROKEN == 4
		:: word == WORD(e, IO_CANCEL) -> won = 1
#endif
		:: else
		fi
	}
	if
	:: won ->
		d_step {
			won = 0;
			claimed = 0;
			push_node(ring);
			node_epoch = e
		}
	:: else
	fi
}

inline completion(w)
{
	d_step {
		result = cqe[w];
		cqe[w] = 0;
		if
		:: STATE(word) == IO -> wake(cqe_epoch[w])
		:: STATE(word) == IO_CANCEL ->
#if BROKEN == 2
			wake(cqe_epoch[w])
#elif BROKEN == 5
			if
			:: in_box[w] -> complete = 1
			:: else -> wake(cqe_epoch[w])
			fi
#else
			if
			:: handled -> wake(cqe_epoch[w])
			:: !handled && in_list[w] ->
				in_list[w] = 0;
				wake(cqe_epoch[w])
			:: else -> complete = 1
			fi
#endif
		fi;
		cqe_epoch[w] = 0
	}
}

/* The message; if there is no room, the cancel waits on a list. */
inline message(w, no_room)
{
	d_step {
		in_box[w] = 0;
#if BROKEN == 1
		if
		:: node_epoch == EPOCH(word) && STATE(word) == IO &&
		   ring == w -> sq[w] ! CANCEL, EPOCH(word)
		:: else
		fi
#else
		if
		:: complete ->
#if BROKEN != 3
			wake(EPOCH(word))
#endif
#if BROKEN == 2
		:: !complete && STATE(word) != IO_CANCEL
#endif
		:: else ->
			if
			:: no_room -> in_list[w] = 1
			:: else ->
				handled = 1;
				sq[w] ! CANCEL, EPOCH(word)
			fi
		fi
#endif
	}
}

proctype worker(byte w)
{
	byte e;
	mtype op;

end:	do
	:: atomic { !thread[w] && in_box[w] ->
		if
		:: message(w, 0)
		:: message(w, 1)
		fi }
	:: d_step { !thread[w] && in_list[w] ->
		in_list[w] = 0;
		handled = 1;
		sq[w] ! CANCEL, EPOCH(word) }
	:: d_step { !thread[w] && cqe[w] == 0 && len(sq[w]) ->
		/* enter: requests are named by their task alone */
		sq[w] ? op, e;
		if
		:: op == REQUEST -> flight[w] = e
		:: op == CANCEL && flight[w] ->
			assert(flight[w] == e);
			cqe_epoch[w] = flight[w];
			flight[w] = 0;
			cqe[w] = CANCELLED;
			said = CANCELLED
		:: op == CANCEL && !flight[w]
		fi;
		e = 0;
		op = 0 }
	:: d_step { flight[w] && !lasting ->
		cqe_epoch[w] = flight[w];
		flight[w] = 0;
		cqe[w] = SUCCESS;
		said = SUCCESS }
	:: atomic { !thread[w] && cqe[w] -> completion(w) }
	od
}

inline request(e)
{
	if
	:: sticky
	:: else ->
		atomic {
			if
			:: !thread[0] -> ring = 0
			:: !thread[1] -> ring = 1
			fi;
			thread[ring] = 1;
			if
			:: lasting = 0
			:: lasting = 1
			fi
		}
		d_step {
			assert(NODE_FREE || BROKEN == 1);
			handled = 0;
			complete = 0;
			sq[ring] ! REQUEST, e
		}
#if BROKEN == 6
		if
		:: sticky -> f = 1
		:: else
		fi;
		word = WORD(e, IO);
#else
		word = WORD(e, IO);
		if
		:: sticky -> f = 1
		:: else
		fi;
#endif
		if
		:: f ->
			f = 0;
			cancel_request(e, f)
		:: else
		fi;
		thread[ring] = 0;
		d_step {
			runnable -> runnable = 0;
			assert(word == WORD(e, WOKEN));
			assert(result == said);
			assert(!lasting || result == CANCELLED);
			word = WORD(e, RUNNING);
			result = 0;
			said = 0
		}
	fi
}

proctype task()
{
	bit f;

	request(1);
	request(2);
	word = WORD(3, RUNNING);
	finished++
}

proctype deadline(byte e)
{
	bit won;

	/* it comes while the task waits, or is not needed any more */
	word == WORD(e, IO) || word == WORD(e, IO_CANCEL) || EPOCH(word) > e ||
	word == WORD(3, RUNNING);
	cancel_request(e, won)
}

proctype canceller()
{
	byte w;
	bit won;

	sticky = 1;
	w = word;
	if
	:: STATE(w) == IO -> cancel_request(EPOCH(w), won)
	:: else
	fi
}

init
{
	atomic {
#if CASE != 1
		run deadline(1);
		run deadline(2);
#endif
#if CASE != 0
		run canceller();
#endif
		run worker(0);
		run worker(1);
		run task()
	}
	finished == 1;
	assert(NODE_FREE || BROKEN == 1)
}
