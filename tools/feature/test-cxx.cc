/* SPDX-License-Identifier: MIT */
/* flags: -std=c++17 */
#include <atomic>

int main()
{
	if constexpr (sizeof(std::atomic<int>) != 0)
		return 0;
}
