/* SPDX-License-Identifier: MIT */
/* Addresses as the examples read and print them: 192.0.2.1:80, [::1]:80. */
#ifndef OA_EXAMPLES_ADDR_H
#define OA_EXAMPLES_ADDR_H

#include <stddef.h>
#include <sys/socket.h>

#define ADDR_NAME_MAX	80

struct addr {
	struct sockaddr_storage sa;
	socklen_t len;
};

/* 0, or -EINVAL: it is none. They look nothing up. */
int addr_make(struct addr *a, const char *ip, unsigned int port);
int addr_parse(struct addr *a, const char *s);

void addr_set(struct addr *a, const struct sockaddr *sa, socklen_t len);
const struct sockaddr *addr_sa(const struct addr *a);
void addr_name(const struct addr *a, char *buf, size_t n);

#endif
