// SPDX-License-Identifier: MIT
/* echo: the single-threaded servers of io/echo, --by=epoll or --by=uring. */
#include <string.h>

#include "echo.h"
#include "versus/common/versus.h"
#include "versus/raw/raw.h"

void raw_echo(void)
{
	const char *by = opt_string("by", "epoll");
	int fd = versus_listen();

	if (!strcmp(by, "epoll"))
		echo_serve_epoll(fd);
	else if (!strcmp(by, "uring"))
		echo_serve_ring(fd);
	wrong("cannot serve by %s", by);
}
