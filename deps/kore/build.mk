# Kore, built from Debian's packaged source with our patches.
#
# Included by the top-level Makefile, which sets CC, SAN and KORE_BUILD, or
# run alone: make -f deps/kore/build.mk [SAN=1] [KORE_BUILD=dir]
#
#   KORE_LESS      patterns of patches to leave out (tests/edge/unpatched.sh)
#   KORE_LIB       archive of all of Kore's objects, main() among them; link
#                  it whole (-Wl,--whole-archive) and with -rdynamic, since
#                  Kore finds handlers by dlsym()
#   KORE_CPPFLAGS  what a file needs that includes <kore/kore.h>: the patched
#                  headers, and the features that change struct layouts

KORE_MK      := $(lastword $(MAKEFILE_LIST))
KORE_DIR     := $(patsubst %/,%,$(dir $(KORE_MK)))
KORE_SRC     ?= /usr/share/kore
KORE_TOP     := $(if $(filter deps/kore,$(KORE_DIR)),,$(KORE_DIR)/../../)
KORE_BUILD   ?= $(KORE_TOP)build/$(if $(SAN),asan/)kore
KORE_LIB      = $(KORE_BUILD)/libkore.a
KORE_PATCHES := $(sort $(filter-out $(KORE_LESS),\
	$(wildcard $(KORE_DIR)/*.patch)))

KORE_OBJS = $(addprefix $(KORE_BUILD)/obj/,$(addsuffix .o,\
	buf config connection domain http keymgr kore linux mem module msg net \
	pool runtime seccomp timer utils version websocket worker \
	$(if $(filter %/26-tickets.patch,$(KORE_LESS)),,ticket) \
	$(KORE_UNUSED)))

KORE_CPPFLAGS = -I$(KORE_BUILD)/src/include -D_GNU_SOURCE
KORE_WARN = -Wall -Wstrict-prototypes -Wmissing-prototypes -Wshadow \
	-Wpointer-arith -Wcast-qual -Wsign-compare
ifdef SAN
KORE_CPPFLAGS += -DKORE_POOL_MALLOC
KORE_WARN += $(if $(findstring clang,$(CC)),,-Wno-format-truncation)
KORE_CFLAGS ?= -O1 -g -fPIE -fno-omit-frame-pointer \
	-fsanitize=address,undefined -fno-sanitize-recover=undefined
else
KORE_CFLAGS ?= -O2 -g -fPIE -fstack-protector-strong \
	-fstack-clash-protection -D_FORTIFY_SOURCE=2
endif

ifeq ($(firstword $(MAKEFILE_LIST)),$(KORE_MK))
.PHONY: kore
kore: $(KORE_LIB)
endif

# A copy of the source, known to be the one the patches were written against.
$(KORE_BUILD)/src/.patched: $(KORE_MK) $(KORE_DIR)/SHA256SUMS $(KORE_PATCHES)
	@rm -rf $(KORE_BUILD)/src && mkdir -p $(KORE_BUILD)/src
	@cd $(KORE_SRC) && sha256sum --check --quiet --strict \
		$(abspath $(KORE_DIR))/SHA256SUMS >/dev/null 2>&1 || { \
		echo "deps/kore: $(KORE_SRC) is not kore 4.1.0-6 as Debian 12\
 ships it; review the patches, then SHA256SUMS" >&2; exit 1; }
	@cp -R $(KORE_SRC)/. $(KORE_BUILD)/src && chmod -R u+w $(KORE_BUILD)/src
	@for p in $(abspath $(KORE_PATCHES)); do \
		patch -p1 -s -f --no-backup-if-mismatch --fuzz=0 \
			-d $(KORE_BUILD)/src <$$p || { \
			echo "deps/kore: $$p does not apply" >&2; exit 1; }; \
	done
	@cd $(KORE_BUILD)/src && sh misc/linux-platform.sh >src/platform.h && \
		printf 'const char *kore_version = "%s";\n' "$$(cat RELEASE)" \
			>src/version.c
	@touch $@

# Sources and headers appear and change with the stamp only.
$(addprefix $(KORE_BUILD)/src/include/kore/,kore.h http.h hooks.h seccomp.h): \
	$(KORE_BUILD)/src/.patched ;

$(KORE_BUILD)/obj/%.o: $(KORE_BUILD)/src/.patched
	@mkdir -p $(@D)
	@echo "  CC    kore/$*.c"
	@$(CC) -std=gnu11 $(KORE_CFLAGS) $(KORE_WARN) $(KORE_CPPFLAGS) \
		-I$(KORE_BUILD)/src/include/kore -I$(KORE_BUILD)/src/src \
		-D_FILE_OFFSET_BITS=64 -fno-strict-aliasing -fno-common \
		-DPREFIX='"/usr"' -c -o $@ $(KORE_BUILD)/src/src/$*.c

$(KORE_LIB): $(KORE_OBJS)
	@rm -f $@ && ar rcs $@ $(KORE_OBJS)

# The first target of the file that includes this one is its default goal.
ifneq ($(firstword $(MAKEFILE_LIST)),$(KORE_MK))
.DEFAULT_GOAL :=
endif
