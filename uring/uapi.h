/* SPDX-License-Identifier: MIT */
/* Constants of the kernel that installed headers may lack. */
#ifndef OA_URING_UAPI_H
#define OA_URING_UAPI_H

#include <liburing.h>
#include <linux/futex.h>
#include <sys/syscall.h>

/* io_uring_setup flags */
#define OA_SETUP_NO_SQARRAY	(1u << 16)

/* io_uring_enter flags */
#define OA_ENTER_EXT_ARG	(1u << 3)
#define OA_ENTER_REGISTERED	(1u << 4)
#define OA_ENTER_ABS_TIMER	(1u << 5)
#define OA_ENTER_NO_IOWAIT	(1u << 7)

/* io_uring_params.features */
#define OA_FEAT_RECVSEND_BUNDLE	(1u << 14)
#define OA_FEAT_MIN_TIMEOUT	(1u << 15)
#define OA_FEAT_NO_IOWAIT	(1u << 17)

/* io_uring_register */
#define OA_REGISTER_CLOCK		29u
#define OA_REGISTER_SEND_MSG_RING	31u

/* What goes with OA_ENTER_EXT_ARG. */
struct oa_getevents_arg {
	uint64_t sigmask;
	uint32_t sigmask_sz;
	uint32_t min_wait_usec;
	uint64_t ts;
};

struct oa_clock_register {
	uint32_t clockid;
	uint32_t resv[3];
};

/* Operations, and what they take */
#define OA_OP_READ_MULTISHOT	49
#define OA_OP_FUTEX_WAIT	51
#define OA_OP_FIXED_FD_INSTALL	54
#define OA_OP_RECV_ZC		58
#define OA_OP_NONE		255	/* no kernel has it: -EINVAL */
#define OA_TIMEOUT_MULTISHOT	(1u << 6)
#define OA_ACCEPT_POLL_FIRST	(1u << 2)	/* in ioprio */

/* From -ERESTARTSYS down: "do it again", which system calls never return. */
#define ERESTARTSYS		512
#define ERESTART_RESTARTBLOCK	516

/* futex2 */
#ifndef FUTEX_32
#define FUTEX_32 2
#endif
#define OA_FUTEX2_U32		0x02u
#define OA_FUTEX2_PRIVATE	128u
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define OA_SYS_futex_wake	454
#define OA_SYS_futex_wait	455

#endif
