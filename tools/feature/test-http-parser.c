/* SPDX-License-Identifier: MIT */
/* flags: -lhttp_parser */
#include <http_parser.h>

int main(void)
{
	struct http_parser p;

	http_parser_init(&p, HTTP_REQUEST);
	return 0;
}
