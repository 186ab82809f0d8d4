/* SPDX-License-Identifier: MIT */
/* Addresses as the examples read and print them. */
#include "addr.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static int make(struct addr *a, const char *ip, const char *port)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *ai;

	if (getaddrinfo(ip, port, &hints, &ai))
		return -EINVAL;
	addr_set(a, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	return 0;
}

int addr_make(struct addr *a, const char *ip, unsigned int port)
{
	char digits[12];

	snprintf(digits, sizeof(digits), "%u", port);
	return make(a, ip, digits);
}

int addr_parse(struct addr *a, const char *s)
{
	const char *colon = strrchr(s, ':');
	char ip[ADDR_NAME_MAX];
	size_t n;

	if (!colon || colon == s || !colon[1])
		return -EINVAL;
	n = (size_t)(colon - s);
	if (*s == '[' && colon[-1] == ']') {
		s++;
		n -= 2;
	} else if (memchr(s, ':', n)) {
		return -EINVAL;
	}
	if (!n || n >= sizeof(ip))
		return -EINVAL;
	memcpy(ip, s, n);
	ip[n] = '\0';
	return make(a, ip, colon + 1);
}

void addr_set(struct addr *a, const struct sockaddr *sa, socklen_t len)
{
	memset(a, 0, sizeof(*a));
	memcpy(&a->sa, sa, len);
	a->len = len;
}

const struct sockaddr *addr_sa(const struct addr *a)
{
	return (const struct sockaddr *)&a->sa;
}

void addr_name(const struct addr *a, char *buf, size_t n)
{
	char host[ADDR_NAME_MAX], port[8];

	if (getnameinfo(addr_sa(a), a->len, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(buf, n, "?");
	else
		snprintf(buf, n, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
			 port);
}
