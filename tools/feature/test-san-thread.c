/* SPDX-License-Identifier: MIT */
/* flags: -fsanitize=thread */
int main(void)
{
	return 0;
}
