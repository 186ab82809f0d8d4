/* SPDX-License-Identifier: MIT */
/* Waiting for the first of several things. See oa_select(3). */
#ifndef OA_SELECT_H
#define OA_SELECT_H

#include <oa/chan.h>
#include <oa/future.h>
#include <oa/sync.h>
#include <oa/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One wait of a select on one object. An object that can be selected keeps a
 * list of them, by ->next and ->prev, under a lock of its own.
 */
struct oa_waiter {
	struct oa_waiter *next, *prev;	/* the object's, while enlisted */
	void *data;			/* what the case says of it */
	uint64_t oa__private[9];
};

struct oa_waitable;

struct oa_waitable_ops {
	/*
	 * Takes at once what there is: >= 0 for the case's .res, -EAGAIN when
	 * there is nothing yet; another error is an outcome as well.
	 */
	int (*take)(struct oa_waitable *w, void *data);
	/* 0: n is in the list; 1: it need not be, take() may succeed. */
	int (*enlist)(struct oa_waitable *w, struct oa_waiter *n);
	/* n is to be in no list afterwards; perhaps it is in none already. */
	void (*delist)(struct oa_waitable *w, struct oa_waiter *n);
};

struct oa_waitable {
	const struct oa_waitable_ops *ops;
};

/*
 * By the object, under its lock, for a waiter in its list: ends the select
 * with res for this case. 1: so it is, and what n->data stands for may be
 * written until the lock is given up; 0: the select has ended otherwise, and
 * the waiter is to be passed over. Either way it is in the list no more then.
 */
OA_API int oa_waiter_wake(struct oa_waiter *n, int res);

/*
 * Tasks to be joined by OA_CASE_JOIN_ANY() or OA_CASE_JOIN_ALL(), any number
 * of them. It starts from its _INIT, and is used by one case at a time.
 */
struct oa_join_set {
	const oa_task_t *tasks;		/* in */
	size_t n;			/* in */
	void **results;			/* out, all: one for each, or NULL */
	void *result;			/* out, any: of the one that was first */
	size_t which;			/* out, any: ... and which that was */
	size_t oa__at;
	uint64_t oa__reserved[2];
};

#define OA_JOIN_SET_INIT(tasks, n, results) \
	{ tasks, n, results, 0, 0, 0, { 0, 0 } }

enum oa_case_kind {
	OA_CASE_KIND_NONE = 0,	/* never ready */
	OA_CASE_KIND_SEND,
	OA_CASE_KIND_RECV,
	OA_CASE_KIND_RECV_FROM,
	OA_CASE_KIND_JOIN,
	OA_CASE_KIND_AT,
	OA_CASE_KIND_EVENT,
	OA_CASE_KIND_SEM,
	OA_CASE_KIND_FD,
	OA_CASE_KIND_WAITABLE,
	OA_CASE_KIND_FUTURE,
	OA_CASE_KIND_JOIN_ANY,
	OA_CASE_KIND_JOIN_ALL,
};

struct oa_case {
	uint32_t size;			/* in: sizeof(struct oa_case) */
	enum oa_case_kind kind;		/* in */
	void *on;			/* in: channel, event, ... */
	void *data;			/* in: element, result, ... */
	union {
		oa_time_t at;		/* in: OA_CASE_KIND_AT */
		oa_task_t task;		/* in: OA_CASE_KIND_JOIN */
		struct {
			int fd;		/* in: OA_CASE_KIND_FD */
			int events;	/* in: as of poll(2) */
		} poll;
	} u;
	int res;			/* out, of the case that was first */
	uint32_t oa__state;
	struct oa_waiter oa__waiter;
};

#ifdef __cplusplus
#define OA__CASE(kind, on, data) \
	{ sizeof(struct oa_case), kind, (void *)(on), (void *)(data), \
	  { 0 }, 0, 0, { 0, 0, 0, { 0, 0, 0, 0, 0, 0, 0, 0, 0 } } }
/* C++ initialises no other than the first member of a union. */
static inline struct oa_case oa__case_join(oa_task_t t, void **result)
{
	struct oa_case c = OA__CASE(OA_CASE_KIND_JOIN, 0, result);

	c.u.task = t;
	return c;
}

static inline struct oa_case oa__case_at(oa_time_t deadline)
{
	struct oa_case c = OA__CASE(OA_CASE_KIND_AT, 0, 0);

	c.u.at = deadline;
	return c;
}

static inline struct oa_case oa__case_fd(int fd, int events)
{
	struct oa_case c = OA__CASE(OA_CASE_KIND_FD, 0, 0);

	c.u.poll.fd = fd;
	c.u.poll.events = events;
	return c;
}

#define OA_CASE_JOIN(t, result)		oa__case_join(t, result)
#define OA_CASE_AT(deadline)		oa__case_at(deadline)
#define OA_CASE_FD(fd, events)		oa__case_fd(fd, events)
#else
#define OA__CASE(k, o, d, ...) \
	{ .size = sizeof(struct oa_case), .kind = (k), .on = (void *)(o), \
	  .data = (void *)(d), ##__VA_ARGS__ }
#define OA_CASE_JOIN(t, result) \
	OA__CASE(OA_CASE_KIND_JOIN, 0, result, .u = { .task = (t) })
#define OA_CASE_AT(deadline) \
	OA__CASE(OA_CASE_KIND_AT, 0, 0, .u = { .at = (deadline) })
#define OA_CASE_FD(fd_, events_) \
	OA__CASE(OA_CASE_KIND_FD, 0, 0, \
		 .u = { .poll = { .fd = (fd_), .events = (events_) } })
#endif
#define OA_CASE_NONE		OA__CASE(OA_CASE_KIND_NONE, 0, 0)
#define OA_CASE_SEND(ch, elem)	OA__CASE(OA_CASE_KIND_SEND, ch, elem)
#define OA_CASE_RECV(ch, elem)	OA__CASE(OA_CASE_KIND_RECV, ch, elem)
#define OA_CASE_RECV_FROM(sub, elem) \
	OA__CASE(OA_CASE_KIND_RECV_FROM, sub, elem)
#define OA_CASE_EVENT(e)	OA__CASE(OA_CASE_KIND_EVENT, e, 0)
#define OA_CASE_SEM(s)		OA__CASE(OA_CASE_KIND_SEM, s, 0)
/* .res: 0, or the error that was set; *value as by oa_future_get(). */
#define OA_CASE_FUTURE(f, value) OA__CASE(OA_CASE_KIND_FUTURE, f, value)
/* On a struct oa_join_set. .res: 0, or the (first) error of a join. */
#define OA_CASE_JOIN_ANY(set)	OA__CASE(OA_CASE_KIND_JOIN_ANY, set, 0)
#define OA_CASE_JOIN_ALL(set)	OA__CASE(OA_CASE_KIND_JOIN_ALL, set, 0)
#define OA_CASE_WAITABLE(w, data) OA__CASE(OA_CASE_KIND_WAITABLE, w, data)

/* The index of the case that was first, or a negative errno. */
OA_API int oa_select(struct oa_case *cases, size_t n);
OA_API OA_MUST_CHECK int oa_tryselect(struct oa_case *cases, size_t n);
OA_API int oa_select_until(struct oa_case *cases, size_t n,
			   oa_time_t deadline);

#ifdef __cplusplus
}
#endif

#endif
