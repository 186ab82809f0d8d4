/* SPDX-License-Identifier: MIT */
/* flags: -fsanitize=undefined */
int main(void)
{
	return 0;
}
