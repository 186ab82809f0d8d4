/* SPDX-License-Identifier: MIT */
/*
 * oa-shmutex: a mutex in memory shared by two processes, on oa_futex_wait(3).
 * Tasks of both count with it. Only those wait that find it held; the process
 * they are in goes on with its other tasks.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <oa.h>

enum {
	FREE,
	HELD,
	WAITED_FOR,		/* held, and who lets go has to wake one */
};

struct mutex {
	uint32_t word;
};

struct shared {
	struct mutex mutex;
	uint32_t here;		/* processes that have begun */
	unsigned long counter;	/* under the mutex */
	unsigned long waits;	/* likewise; how often it was held */
};

struct process {
	struct shared *sh;
	unsigned int tasks, rounds, workers;
};

/*
 * 0; or the mutex is not ours: -ETIMEDOUT, -ECANCELED. A wake that came in
 * time is a success of the wait, so who gives up has taken none from others.
 */
static int mutex_lock(struct mutex *m, oa_time_t deadline, unsigned int *waits)
{
	uint32_t was = FREE;
	int err;

	*waits = 0;
	if (__atomic_compare_exchange_n(&m->word, &was, HELD, 0,
					__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return 0;
	/* From here on we do not know whether others wait: say that they do. */
	while (__atomic_exchange_n(&m->word, WAITED_FOR, __ATOMIC_ACQUIRE)) {
		++*waits;
		err = oa_futex_wait_until(&m->word, WAITED_FOR, deadline);
		if (err && err != -EAGAIN)
			return err;
	}
	return 0;
}

static int mutex_unlock(struct mutex *m)
{
	int woken = 0;

	if (__atomic_exchange_n(&m->word, FREE, __ATOMIC_RELEASE) == WAITED_FOR)
		woken = oa_futex_wake(&m->word, 1);
	return woken < 0 ? woken : 0;
}

static void *count_task(void *arg)
{
	struct process *p = arg;
	struct shared *sh = p->sh;
	unsigned long seen;
	unsigned int waits;
	int err;

	for (unsigned int i = 0; i < p->rounds; i++) {
		err = mutex_lock(&sh->mutex, oa_after(300 * OA_SEC), &waits);
		if (err)
			return oa_err(err);
		seen = sh->counter;
		sh->waits += waits;
		/* It is the task that holds it, whatever runs meanwhile. */
		if (i % 8 == 0)
			oa_yield();
		sh->counter = seen + 1;
		err = mutex_unlock(&sh->mutex);
		if (err)
			return oa_err(err);
	}
	return NULL;
}

/* Waits until the other process is there as well. */
static int meet(uint32_t *here, oa_time_t deadline)
{
	uint32_t n = __atomic_add_fetch(here, 1, __ATOMIC_ACQ_REL);
	int err = 0;

	if (n == 2)
		oa_futex_wake(here, INT_MAX);
	while (n < 2 && (!err || err == -EAGAIN)) {
		err = oa_futex_wait_until(here, n, deadline);
		n = __atomic_load_n(here, __ATOMIC_ACQUIRE);
	}
	return n < 2 ? err : 0;
}

static int count_all(struct process *p, oa_task_t *t)
{
	int err = meet(&p->sh->here, oa_after(20 * OA_SEC)), e;
	void *result;

	if (err)
		return err;
	for (unsigned int i = 0; i < p->tasks; i++)
		t[i] = oa_spawn(count_task, p);
	for (unsigned int i = 0; i < p->tasks; i++) {
		e = oa_join(t[i], &result);
		if (!e)
			e = oa_err_code(result);
		err = err ? err : e;
	}
	return err;
}

static void *first_task(void *arg)
{
	struct process *p = arg;
	oa_task_t *t = calloc(p->tasks, sizeof(*t));
	int err = t ? count_all(p, t) : -ENOMEM;

	free(t);
	if (err)
		fprintf(stderr, "oa-shmutex: %s\n", oa_strerror(err));
	return NULL;
}

static int run(struct process *p)
{
	int err = oa_run(first_task, p, .workers = p->workers);

	if (err)
		fprintf(stderr, "oa-shmutex: cannot run: %s\n",
			oa_strerror(err));
	return err ? 1 : 0;
}

static unsigned int number(const char *s, int min, int max)
{
	char *end;
	long v = strtol(s, &end, 10);

	if (end == s || *end || v < min || v > max) {
		fprintf(stderr,
			"oa-shmutex: '%s' is not a number from %d to %d\n", s,
			min, max);
		exit(2);
	}
	return (unsigned int)v;
}

static void parse_options(struct process *p, int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "n:r:w:")) != -1) {
		if (o == 'n')
			p->tasks = number(optarg, 1, 10000);
		else if (o == 'r')
			p->rounds = number(optarg, 1, 1000000);
		else if (o == 'w')
			p->workers = number(optarg, 1, 256);
		else
			break;
	}
	if (o != -1 || optind != argc) {
		fputs("usage: oa-shmutex [-n tasks] [-r rounds] [-w workers]\n",
		      stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct process p = { .tasks = 16, .rounds = 1000 };
	unsigned long expected;
	int bad, status = 1;
	pid_t child;

	opterr = 0;
	parse_options(&p, argc, argv);
	p.sh = mmap(NULL, sizeof(*p.sh), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p.sh == MAP_FAILED) {
		perror("oa-shmutex: mmap");
		return 1;
	}
	/* Before there is a runtime, so that each process has its own. */
	child = fork();
	if (child < 0) {
		perror("oa-shmutex: fork");
		return 1;
	}
	bad = run(&p);
	if (!child)
		return bad;
	waitpid(child, &status, 0);
	expected = 2ul * p.tasks * p.rounds;
	printf("2 processes, %u tasks each, %u rounds: counted %lu of %lu, waited %lu times\n",
	       p.tasks, p.rounds, p.sh->counter, expected, p.sh->waits);
	return bad || status || p.sh->counter != expected;
}
