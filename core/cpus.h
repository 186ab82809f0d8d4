/* SPDX-License-Identifier: MIT */
/* Which processors this process may use. See core/cpus.c. */
#ifndef OA_CORE_CPUS_H
#define OA_CORE_CPUS_H

/* Affinity and, where it is less, the CPU quota of the control groups. */
unsigned int cpus_usable(void);
/*
 * By the quotas of the groups that the file @groups names, which lie below
 * @mounts; 0: no limit.
 */
unsigned int cpus_by_quota(const char *mounts, const char *groups);
/* The @n-th that the calling thread may run on, wrapping round. */
int cpus_nth(unsigned int n);
/* @cpu -1: nothing. */
void cpus_pin_self(int cpu);
void cpus_unpin_self(int cpu);

#endif
