# Epione. `make help` lists the targets; ./demo and ./check install packages first.
CC       ?= gcc
BUILD    ?= build
J        ?= 2
MAKEFLAGS += --no-builtin-rules

WARN = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wsign-compare -Wformat=2 -Wvla \
	-Wwrite-strings -fno-common
HARDEN = -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE -fstack-clash-protection
OPT = -O2 -g
ifdef SAN
BUILD := build/asan
OPT = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
HARDEN = -fPIE
endif
PGINC = $(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)
CPPFLAGS_ALL = -D_GNU_SOURCE -Isrc -I$(BUILD)/gen -I$(PGINC)
CFLAGS_ALL = -std=gnu11 $(OPT) $(WARN) $(HARDEN) $(CPPFLAGS_ALL) $(CFLAGS)
LDFLAGS_ALL = $(OPT) -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
LIBS = -lpq -lssl -lcrypto -ljansson -loath -largon2 -lutf8proc -lqrencode -lpthread -ldl

# deps/kore defines KORE_LIB (an archive with Kore's main) and KORE_CPPFLAGS.
KORE_BUILD = $(BUILD)/kore
-include deps/kore/build.mk

LIB_SRC = $(wildcard src/base/*.c src/data/*.c src/gate/*.c src/care/*.c)
LIB_OBJ = $(LIB_SRC:src/%.c=$(BUILD)/obj/%.o)
EDGE_SRC = $(wildcard src/edge/*.c) $(wildcard src/main.c)
EDGE_OBJ = $(EDGE_SRC:src/%.c=$(BUILD)/obj/%.o)
CTL_SRC = $(wildcard src/ctl/*.c)
CTL_OBJ = $(CTL_SRC:src/%.c=$(BUILD)/obj/%.o)
QUERIES = $(wildcard sql/queries/*.sql)
GEN = $(if $(wildcard tools/sqlgen.c),$(BUILD)/gen/sql.h)
GEN_OBJ = $(if $(wildcard tools/sqlgen.c),$(BUILD)/obj/gen/sql.o)
TABLES = $(wildcard src/tables/*.def)

.PHONY: all
all: $(BUILD)/epione $(BUILD)/epionectl

$(BUILD)/obj/edge/%.o $(BUILD)/obj/main.o: CPPFLAGS_ALL += $(KORE_CPPFLAGS)
$(EDGE_OBJ): | $(KORE_LIB)
$(BUILD)/obj/%.o: src/%.c $(TABLES) | $(GEN)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/gen/sql.c: $(BUILD)/gen/sql.h ;
$(BUILD)/gen/sql.h: $(BUILD)/sqlgen $(QUERIES) src/tables/fields.def
	@mkdir -p $(@D)
	$(BUILD)/sqlgen -o $(BUILD)/gen src/tables/fields.def $(sort $(QUERIES))
$(BUILD)/sqlgen: tools/sqlgen.c tools/sqlgen_check.c tools/sqlgen_write.c tools/sqlgen.h
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(filter %.c,$^)
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

$(BUILD)/libepione.a: $(LIB_OBJ) $(GEN_OBJ)
	rm -f $@ && ar rcs $@ $^
$(BUILD)/epione: $(EDGE_OBJ) $(BUILD)/libepione.a $(KORE_LIB)
	$(CC) $(LDFLAGS_ALL) -rdynamic -o $@ $(EDGE_OBJ) -Wl,--whole-archive $(KORE_LIB) -Wl,--no-whole-archive $(BUILD)/libepione.a $(LIBS)
$(BUILD)/epionectl: $(CTL_OBJ) $(BUILD)/libepione.a
	$(CC) $(LDFLAGS_ALL) -o $@ $(CTL_OBJ) $(BUILD)/libepione.a $(LIBS)

# unit tests: each file is a program
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*_test.c))
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libepione.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Itests/unit -MMD -MP $(LDFLAGS_ALL) -o $@ $< $(BUILD)/libepione.a $(LIBS) -lcmocka
-include $(UNIT:=.d)
.PHONY: unit one
unit: $(UNIT)
	@for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done
one: $(BUILD)/unit/$(T)
	$(BUILD)/unit/$(T)
