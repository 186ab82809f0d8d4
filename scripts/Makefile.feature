# SPDX-License-Identifier: MIT
# What compiler and libraries offer, probed once and kept in $(O)/config.mk
# (for make), $(O)/include/generated/config.h (for C) and $(O)/FEATURE-DUMP.
# Probed again when the compiler, a probe or the installed packages change.

feature-key := $(CC) $(cross-flags) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS) $(san-flags) \
	$(PKG_CONFIG_PATH)
config-deps := scripts/probe-features Makefile scripts/Makefile.feature \
	$(wildcard tools/feature/test-* /var/lib/dpkg/status)

-include $(O)/config.mk

# An absent required library is looked for again each time, but once.
ifeq ($(MAKE_RESTARTS),)
ifneq ($(feature_key)|$(MISSING),$(strip $(feature-key))|)
config-deps += FORCE
endif
endif

probe-env = CC='$(CC)' CXX='$(CXX)' PKG_CONFIG='$(PKG_CONFIG)' \
	CPPFLAGS='$(call sh-esc,$(CPPFLAGS))' \
	LDFLAGS='$(call sh-esc,$(LDFLAGS))' \
	triplet='$(triplet)' SILENT='$(filter silent_,$(quiet))'
$(O)/config.mk: $(config-deps)
	@$(probe-env) scripts/probe-features $(O) '$(call sh-esc,$(strip $(feature-key)))'

gen-headers := $(O)/include/generated/config.h
$(O)/include/generated/config.h: $(O)/config.mk ;

# A missing library is an error where it is first needed, not for arch/ alone.
need-libs := $(if $(MISSING),missing-libs)
.PHONY: missing-libs
missing-libs:
	@echo 'liboa needs $(MISSING): run scripts/setup' >&2; exit 1
