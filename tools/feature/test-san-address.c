/* SPDX-License-Identifier: MIT */
/* flags: -fsanitize=address */
int main(void)
{
	return 0;
}
