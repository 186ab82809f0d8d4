/* SPDX-License-Identifier: MIT */
/* What oa_features() tells besides the kernel's features. See core/about.c. */
#ifndef OA_CORE_ABOUT_H
#define OA_CORE_ABOUT_H

/* How the start of a runtime went: 0, or what failed. */
void about_started(int err);

#endif
