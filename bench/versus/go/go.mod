// SPDX-License-Identifier: MIT
module versus

go 1.19
