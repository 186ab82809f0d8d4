/* SPDX-License-Identifier: MIT */
/*
 * When a runtime is over: quiescent() and check_over() of core/idle.c, with
 * the counting of core/spawn.c and core/join.c.
 *
 * Each worker counts in words of its own what came alive on it and what ended
 * on it, before a task can be found and after its last step.  Threads count
 * in a word of their own with a door, foreign.  Whoever goes idle as the last
 * sums what ended, then what came alive, and if the two are equal shuts the
 * door by CAS on the foreign count it has added.
 *
 * N workers; a first task, one more from a thread at any moment.  A task may
 * start another one, may wait for an event from outside, and ends; any worker
 * may go on with it.
 *
 * Abstracted: the queues are one count; that a queued task, an event or the
 * end wakes a sleeper is kick.pml; a wake for nothing comes SPURIOUS times.
 *
 * What stands for sequential consistency here: nr_idle and foreign; the store
 * of ended is a release and its load an acquire, so who adds an end adds
 * every start before it.
 *
 * Properties: nothing is alive when it is over, and nothing starts after it;
 * it is found to be over without another wake.
 *
 * BROKEN=1 what came alive is summed before what ended
 * BROKEN=2 a worker counts a start after the task can be found (N=3)
 * BROKEN=3 the door is not shut
 * BROKEN=4 the door is shut whatever the foreign count is by then
 * BROKEN=5 a worker looks before it counts itself idle
 * BROKEN=6 a task is counted ended before its last step
 */
#ifndef BROKEN
#define BROKEN 0
#endif

#ifndef N
#define N		2
#endif
#ifndef SPAWNS
#define SPAWNS		2	/* that tasks may do together */
#endif
#ifndef WAITS
#define WAITS		2	/* likewise */
#endif
#ifndef SPURIOUS
#define SPURIOUS	1
#endif

byte spawned[N], ended[N];
byte foreign;
bit closed;			/* in one word with foreign */
byte nr_idle;
bit over;

byte queue;			/* tasks that can run */
byte waiting;			/* tasks that wait for an event */
byte spawns, waits, spurious;
byte gone;			/* workers that have left their loop */
byte alive;			/* what the counts are to tell */

inline start(w)
{
#if BROKEN == 2
	queue++;
	spawned[w]++
#else
	spawned[w]++;
	queue++
#endif
}

/* A task from where it goes on to where it waits or ends. */
inline carry_on(w)
{
#if BROKEN == 6
	ended[w]++;
#endif
	do
	:: d_step { spawns < SPAWNS -> spawns++; alive++ };
	   start(w)
#if BROKEN != 6
	:: d_step { waits < WAITS -> waits++; waiting++ };
	   break
#endif
	:: true ->
		alive--;
#if BROKEN != 6
		ended[w]++;
#endif
		break
	od
}

inline sum_ended()
{
	do
	:: atomic { i < N -> e = e + ended[i]; i++ }
	:: else -> i = 0; break
	od
}

inline sum_spawned()
{
	do
	:: atomic { i < N -> s = s + spawned[i]; i++ }
	:: else -> i = 0; break
	od
}

/* The last to go idle: is anything alive? */
inline check_over()
{
	if
#if BROKEN == 5
	:: nr_idle != N - 1
#else
	:: nr_idle != N
#endif
	:: else ->
#if BROKEN == 1
		atomic { f = foreign; s = f; shut = closed };
		sum_spawned();
		sum_ended();
#else
		sum_ended();
		atomic { f = foreign; s = f; shut = closed };
		sum_spawned();
#endif
		if
		:: shut || e != s
		:: else ->
			d_step {
#if BROKEN == 3
				shut = 1;
#elif BROKEN == 4
				closed = 1;
				shut = 1;
#else
				if
				:: !closed && foreign == f ->
					closed = 1;
					shut = 1
				:: else
				fi
#endif
			}
			if
			:: shut ->
				over = 1;
				assert(alive == 0)
			:: else
			fi
		fi;
		d_step { e = 0; f = 0; s = 0; shut = 0 }
	fi
}

proctype worker(byte w)
{
	byte i, e, f, s;
	bit shut;

loop:
	if
	:: d_step { queue > 0 -> queue-- };
	   carry_on(w);
	   goto loop
	:: queue == 0
	fi;
	if
	:: over -> goto out
	:: else
	fi;
#if BROKEN == 5
	check_over();
#endif
	nr_idle++;
#if BROKEN != 5
	check_over();
#endif
	/* asleep, unless something is there */
	if
	:: queue > 0 || over
	:: d_step { spurious < SPURIOUS -> spurious++ }
	fi;
	nr_idle--;
	goto loop;
out:
	gone++
}

/* What tasks wait for. */
proctype outside()
{
end:	do
	:: d_step { waiting > 0 -> waiting--; queue++ }
	od
}

proctype thread()
{
	bit in;

	d_step {
		if
		:: !closed ->
			foreign++;
			in = 1;
			alive++;
			assert(!over)
		:: else
		fi
	}
	if
	:: in -> queue++
	:: else
	fi
}

init
{
	atomic {
		foreign = 1;
		alive = 1;
		queue = 1;
		run worker(0);
		run worker(1);
#if N > 2
		run worker(2);
#endif
		run outside();
		run thread()
	}
	gone == N;
	assert(alive == 0 && queue == 0)
}
