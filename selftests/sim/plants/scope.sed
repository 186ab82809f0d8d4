# SPDX-License-Identifier: MIT
# A child that starts while its group is being cancelled is not cancelled.
# source: sync/scope.c
# test: lives
/^bool members_late/,/^}/s/smp_mb();/return false;/
