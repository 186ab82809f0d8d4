# SPDX-License-Identifier: MIT
# `make help` lists the targets, CONTRIBUTING.md says how the parts hook in.

MAKEFLAGS += -rR --no-print-directory
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

# As many jobs as CPUs unless told otherwise: a -j of the command line wins.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(or $(NPROC),$(shell nproc))
endif

all:

prefix ?= /usr/local

#? V=1			show whole commands (V=2: and why they run)
#? O=dir		build there (default: build)
#? W=e			a warning is an error
#? CC=clang		another compiler; CROSS_COMPILE=aarch64-linux-gnu-
#? SAN=address		sanitizer build in $(O)/san-*: address, undefined, thread

ifneq ($(filter clean distclean,$(MAKECMDGOALS)),)
ifneq ($(words $(MAKECMDGOALS)),1)
.NOTPARALLEL:
$(if $(filter distclean,$(MAKECMDGOALS)),$(error distclean goes alone))
endif
endif

O ?= build
override O := $(O:%/=%)
O_TOP := $(O)
# What is removed and written there has the names of folders of the source.
ifeq ($(strip $(O)),)
$(error O= names no directory)
endif
ifneq ($(wildcard $(O)/scripts/Makefile.build),)
$(error O=$(O) is the source: say another directory)
endif

ifneq ($(SAN),)
ifeq ($(filter address undefined thread,$(SAN)),)
$(error SAN=$(SAN): address, undefined or thread)
endif
override O := $(O)/san-$(SAN)
endif

VERSION := $(file <VERSION)
SONAME  := liboa.so.$(firstword $(subst ., ,$(VERSION)))
SOFILE  := liboa.so.$(VERSION)

# What make itself would take is not a choice; with -R it is not even there.
tool = $(if $(filter default undefined,$(origin $1)),$(eval $1 := $(CROSS_COMPILE)$2))
$(call tool,CC,gcc)
$(call tool,CXX,$(if $(findstring clang,$(CC)),clang++,g++))
$(call tool,LD,ld)
$(call tool,AR,ar)
OBJCOPY ?= $(CROSS_COMPILE)objcopy
NM      ?= $(CROSS_COMPILE)nm
PKG_CONFIG ?= pkg-config

triplet := $(patsubst %-,%,$(notdir $(CROSS_COMPILE)))
ifeq ($(ARCH),)
ARCH := $(or $(firstword $(subst -, ,$(triplet))),$(shell uname -m))
endif
ifneq ($(findstring clang,$(CC)),)
IS_CLANG := y
cross-flags := $(addprefix --target=,$(triplet))
endif

CFLAGS ?= -O2 -g
warnings := -Wall -Wextra -Wshadow -Wundef -Wvla -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith \
	-Wformat=2 -Wwrite-strings $(if $(filter e,$(W)),-Werror)

ifneq ($(SAN),)
san-flags := -fsanitize=$(SAN) -fno-omit-frame-pointer
ifeq ($(SAN),undefined)
san-flags += -fno-sanitize-recover=undefined
endif
ifeq ($(SAN)$(IS_CLANG),thread)
# Fences of their own are outside its model; the wrappers annotate them.
san-flags += -Wno-tsan
endif
endif

# Objects outside the library set what else they see.
inc = -I.
CPPFLAGS_ALL = -D_GNU_SOURCE -Iinclude $(inc) -I$(O)/include $(EXT_CFLAGS) \
	$(CPPFLAGS)
CFLAGS_ALL = $(cross-flags) -std=gnu11 $(CFLAGS) $(warnings) \
	-fvisibility=hidden -fno-common -ftls-model=initial-exec \
	-pthread $(san-flags)
AFLAGS_ALL = $(cross-flags) $(filter -g% -mbranch% -fcf%,$(CFLAGS)) $(san-flags)
# A struct and a function of one name shadow each other in the eyes of g++.
CXXFLAGS_ALL = $(filter-out -std=% -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition,$(CFLAGS_ALL)) -std=gnu++17
LDFLAGS_ALL = $(LDFLAGS)

include scripts/Kbuild.include

PHONY := all lib tags stat help clean distclean FORCE
# Goals that need neither compiler nor libraries.
light := help clean distclean tags stat uninstall
heavy := $(filter-out $(light),$(or $(MAKECMDGOALS),all))

ifneq ($(heavy),)
include scripts/Makefile.feature
endif
include scripts/Makefile.build
include scripts/Makefile.prog

#? all			libraries, selftests, benches, examples
all: lib $(TEST_PROGS) $(TEST_TOOLS) $(BENCH_PROGS) $(EXAMPLE_PROGS)

#? lib			liboa.a, liboa.so and the archives of the simulator
lib: $(lib-files) $(sim-files)

include scripts/Makefile.lint
include scripts/Makefile.areas
include scripts/Makefile.install

#? tags			an index for editors
tags:
	$(Q)scripts/list-files '*.c' '*.h' '*.S' '*.cc' | ctags -L - -f tags \
		--langmap=c:.c.h

#? stat			files, functions and comments in figures
stat:
	@scripts/stat

#? help			this text
help:
	@awk -f scripts/help.awk $(MAKEFILE_LIST)

built := static shared sim instr obj hdr static-progs selftests bench examples \
	man aarch64 $(notdir $(lib-files) $(sim-files)) $(SONAME) $(SOFILE) \
	liboa-counted.a liboa-internal.a liboa-arch.a liboa.pc

#? clean		remove what was built, keep the probed features
clean:
	$(Q)rm -rf $(addprefix $(O)/,$(built))
	$(Q)rm -f $(O)/.*.cmd

#? distclean		remove the whole build directory
distclean:
	$(Q)if [ -e $(O_TOP)/config.mk ] || [ -e $(O)/config.mk ]; then \
		rm -rf $(O_TOP); fi

FORCE:
.PHONY: $(PHONY)

include $(wildcard $(foreach t,$(targets),$(dir $t).$(notdir $t).cmd))
