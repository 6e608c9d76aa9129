# Builds objs/srs from trunk/, one archive per layer. `make help` lists what else it does.
#
# One file, not recursive. Objects are in objs/<flavour>/ and depend on the flags that configure
# chose; which libraries and archives a unit test may link comes from trunk/LAYERS, so that a call
# to a layer above does not even link.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

ifneq ($(filter-out help clean format,$(or $(MAKECMDGOALS),all)),)
-include objs/config.mk
-include objs/$(FLAVOUR)/config.mk
objs/config.mk: configure
	./configure $(CONFIGURE_ARGS)
ifdef FLAVOUR
objs/$(FLAVOUR)/config.mk:
	./configure $(CONFIGURE_ARGS)
endif
endif

# From the command line: make BUILD=DIR PROGRAM=FILE builds somewhere else.
BUILD ?= objs/$(FLAVOUR)
PROGRAM ?= objs/srs

CPPFLAGS := -Itrunk -D_GNU_SOURCE
CFLAGS := -std=gnu2x $(OPTIMISE) $(WARN) $(CFLAGS_LIBS) $(USER_CFLAGS)
LDFLAGS := $(LDFLAGS_FLAVOUR) $(USER_LDFLAGS)
# make V=1 shows the whole commands.
say = $(if $(V),,@echo '  $(1)' $(patsubst $(BUILD)/%,%,$@);)
COMPILE = $(call say,CC  )$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP

# Layers: their sources, and what LAYERS lets each see.
LAYERS := $(shell awk '/^[a-z]/ { print $$1 }' trunk/LAYERS)
may_use = $(shell awk '$$1 == "$(1)" { for (i = 1; i <= NF; i++) print $$i }' trunk/LAYERS)
$(foreach l,$(LAYERS),$(eval SEES_$(l) := $(filter $(LAYERS),$(call may_use,$(l)))))
# What a test of a layer links: what the layer sees, and what that needs itself.
$(foreach l,$(LAYERS),$(eval LINKS_$(l) := $(sort $(SEES_$(l)) $(foreach s,$(SEES_$(l)),$(SEES_$(s))))))
SOURCES := $(wildcard $(LAYERS:%=trunk/%/*.c))
ASSEMBLY := $(if $(filter aarch64%,$(MACHINE)),$(wildcard $(LAYERS:%=trunk/%/*_aarch64.S)))
OBJECTS := $(SOURCES:trunk/%.c=$(BUILD)/%.o) $(ASSEMBLY:trunk/%.S=$(BUILD)/%.o)
ARCHIVES := $(LAYERS:%=$(BUILD)/lib/%.a)

# The libraries that come with a layer.
LIBS_base := -pthread
LIBS_co := $(LIBS_ST)
LIBS_net := $(LIBS_CARES) $(LIBS_SSL)
LIBS_conf := $(LIBS_YAML)
LIBS_rtmp := $(LIBS_SSL)
LIBS_rtc := $(LIBS_SSL)
LIBS_sip := $(LIBS_SSL)
LIBS_http := $(LIBS_SSL)
LIBS_output := $(LIBS_SSL)
LIBS_node := $(LIBS_JANSSON) $(LIBS_SSL)
# $(call libs,LAYERS) and $(call archives,LAYERS)
libs = $(foreach l,$(1),$(LIBS_$(l))) -lm
archives = $(1:%=$(BUILD)/lib/%.a)
link = $(call say,LINK)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(1) -Wl,--start-group $(2) -Wl,--end-group $(3)

.PHONY: all unit coverage fuzz-coverage blackbox test test-programs check tidy format demo chaos mesh-churn bench soak bench-tools fuzz \
	fuzz-targets headers install uninstall man dist deb sim clean help objects FORCE

all: $(PROGRAM)

# A copy put in place by one rename, so that a running server is not disturbed.
$(PROGRAM): $(BUILD)/srs objs/config.mk
	@cp $< $@.new && mv -f $@.new $@

$(BUILD)/srs: $(ARCHIVES)
	$(call link,,$^,$(call libs,$(LAYERS)))

objects: $(OBJECTS)

$(BUILD)/%.o: trunk/%.c objs/$(FLAVOUR)/config.mk
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# The page's files are assembled into this object.
$(BUILD)/service/page_files.o objs/fuzz/service/page_files.o: $(wildcard trunk/page/*)

# What this build is made from: the file changes with it, and only version.o depends on it.
BUILD_VERSION = $(shell scripts/version)
VERSION_FLAGS = -DBUILD_NUMBER='"$(word 1,$(BUILD_VERSION))"' -DBUILD_COMMIT='"$(word 2,$(BUILD_VERSION))"' \
	-DBUILD_DATE='"$(word 3,$(BUILD_VERSION))"'
$(BUILD)/version.flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(BUILD_VERSION)' | cmp -s - $@ || printf '%s\n' '$(BUILD_VERSION)' >$@
$(BUILD)/base/version.o: CPPFLAGS += $(VERSION_FLAGS)
$(BUILD)/base/version.o: $(BUILD)/version.flags

$(BUILD)/%.o: trunk/%.S objs/$(FLAVOUR)/config.mk
	@mkdir -p $(@D)
	$(COMPILE) -c -o $@ $<

# The list changes when a source comes or goes: then the archive is made again without it.
define layer_rules
$(BUILD)/lib/$(1).list: FORCE
	@mkdir -p $$(@D)
	@echo '$$(filter $(BUILD)/$(1)/%,$$(OBJECTS))' | cmp -s - $$@ || \
		echo '$$(filter $(BUILD)/$(1)/%,$$(OBJECTS))' >$$@
$(BUILD)/lib/$(1).a: $(filter $(BUILD)/$(1)/%,$(OBJECTS)) $(BUILD)/lib/$(1).list
	@rm -f $$@.new && $(AR) rcs $$@.new $$(filter %.o,$$^) && mv -f $$@.new $$@
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$(l))))

# Tests. Each test/unit/<layer>/<noun>_test.c is a program; test/support/ is an archive from which
# a test takes what it calls. Frames of tests may be large, their stacks are.
TEST_FLAGS := -Itest -Wframe-larger-than=65536
SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/support/*.c))
UNIT_SOURCES := $(wildcard $(LAYERS:%=test/unit/%/*_test.c))
UNITS := $(UNIT_SOURCES:%.c=$(BUILD)/%)
FUZZ_SOURCES := $(wildcard $(LAYERS:%=test/fuzz/%/*_fuzz.c))
REPLAYS := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
# make unit T=chunk runs one.
RUN_UNITS := $(if $(T),$(filter %/$(T)_test %/$(T)_fuzz,$(UNITS) $(REPLAYS)),$(UNITS) $(REPLAYS))

$(BUILD)/test/%.o: test/%.c objs/$(FLAVOUR)/config.mk
	@mkdir -p $(@D)
	$(COMPILE) $(TEST_FLAGS) -c -o $@ $<

$(BUILD)/test/support.a: $(SUPPORT)
	@mkdir -p $(@D)
	@rm -f $@.new && $(AR) rcs $@.new $^ && mv -f $@.new $@

define unit_rules
$(BUILD)/test/unit/$(1)/%_test: $(BUILD)/test/unit/$(1)/%_test.o $(BUILD)/test/support.a \
		$(call archives,$(LINKS_$(1)))
	$$(call link,$$<,$$(filter %.a,$$^),$$(call libs,$(LINKS_$(1))) $$(LIBS_CMOCKA))
endef
$(foreach l,$(LAYERS),$(eval $(call unit_rules,$(l))))

# test/fuzz/<layer>/<noun>_fuzz.c links what a unit test of its layer links. With the main() of
# test/support/replay.c it runs its corpus as a unit test.
define replay_rules
$(BUILD)/test/fuzz/$(1)/%_fuzz: $(BUILD)/test/fuzz/$(1)/%_fuzz.o $(BUILD)/test/support.a \
		$(call archives,$(LINKS_$(1)))
	$$(call link,$$<,$$(filter %.a,$$^),$$(call libs,$(LINKS_$(1))) $$(LIBS_CMOCKA))
endef
$(foreach l,$(LAYERS),$(eval $(call replay_rules,$(l))))

unit: $(RUN_UNITS)
	@scripts/run-unit $(RUN_UNITS)

# Line coverage of each layer by the unit tests alone, from a build of its own. COVERAGE_MIN=80 fails
# when a layer has less; LAYER=name lists the files of one and their lines that did not run.
coverage: SHELL := /bin/bash
GCOV = $(subst gcc,gcov,$(notdir $(firstword $(filter-out %ccache,$(CC)))))
ifeq ($(FLAVOUR),coverage)
coverage: $(OBJECTS) $(RUN_UNITS)
	@find $(BUILD) -name '*.gcda' -delete
	@scripts/run-unit $(RUN_UNITS) | { grep -v '^ok' || true; }; exit $${PIPESTATUS[0]}
	@scripts/coverage --gcov $(GCOV) $(COVERAGE_MIN:%=--min %) $(LAYER:%=--layer %) $(BUILD) $(LAYERS)

# What each fuzz target's corpus reaches of the files that it is for; F=chunk takes one and lists the lines that none of
# its inputs reaches.
fuzz-coverage: $(OBJECTS) $(if $(F),$(filter %/$(F)_fuzz,$(REPLAYS)),$(REPLAYS))
	@scripts/coverage --gcov $(GCOV) --targets test/fuzz/TARGETS $(F:%=--only %) $(BUILD)
else
coverage fuzz-coverage:
	@./configure $(filter --cc=% --werror,$(CONFIGURE_ARGS)) --coverage --keep-flavour
	@$(MAKE) --no-print-directory FLAVOUR=coverage $@
endif

# The long cases run in their short form; make chaos, make mesh-churn and BLACKBOX_FLAGS= run them
# at full length.
BLACKBOX_FLAGS ?= --short
override BLACKBOX_FLAGS += $(if $(filter sanitize,$(FLAVOUR)),--sanitize)
export BLACKBOX_FLAGS

# A WebRTC client by pion, where Debian's packages of it are: for one case, which is skipped without it.
GOCODE := /usr/share/gocode
PION_PEER := $(if $(wildcard $(GOCODE)/src/github.com/pion/webrtc/go.mod),$(if $(shell command -v go),objs/pion_peer))
objs/pion_peer: test/support/pion_peer.go
	@echo '  GO   $@'
	@GO111MODULE=off GOPATH=$(GOCODE) GOCACHE=$(CURDIR)/objs/go-cache go build -o $@ $<

blackbox: all bench-tools $(PION_PEER)
	@python3 test/blackbox/run.py $(BLACKBOX_FLAGS) $(T:%=-k '*%*')

# What all tests need, which takes long: make -j2 test-programs, then make test.
test-programs: all bench-tools $(PION_PEER) $(UNITS) $(REPLAYS)

test: test-programs
	@scripts/run-tests $(UNITS) $(REPLAYS)

# Static checks.
headers:
	@scripts/check-headers "$(CC) $(CPPFLAGS) -std=gnu2x $(WARN) $(CFLAGS_LIBS)"

check: headers $(OBJECTS)
	@scripts/check-symbols $(OBJECTS)
	@scripts/check-layers
	@scripts/check-style

tidy:
	@scripts/tidy $(CPPFLAGS) -std=gnu2x

format:
	clang-format -i $$(find trunk test -name '*.[ch]')

# Fuzzing: clang's libFuzzer, TIME seconds for each target, or TOTAL seconds for all of them, of which
# two run at a time. F=chunk takes one.
TIME ?= 60
FUZZ_TIME = $(if $(TOTAL),$(shell echo $$(($(TOTAL) * 2 > $(words $(FUZZERS)) ? $(TOTAL) * 2 / $(words $(FUZZERS)) : 1))),$(TIME))
FUZZ_FLAGS := -g -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
FUZZ_OBJECTS := $(SOURCES:trunk/%.c=objs/fuzz/%.o)
# replay.c has a main() of its own.
FUZZ_SUPPORT := $(patsubst %.c,objs/fuzz/%.o,$(filter-out %/replay.c,$(wildcard test/support/*.c)))
FUZZERS := $(patsubst test/fuzz/%.c,objs/fuzz/%,$(filter $(if $(F),%/$(F)_fuzz.c,%),$(FUZZ_SOURCES)))
# A second compiler finds other warnings. Red zones make every frame larger.
FUZZ_CC = clang $(CPPFLAGS) -std=gnu2x $(filter-out -Wframe-larger-than=%,$(WARN)) $(CFLAGS_LIBS) $(FUZZ_FLAGS)

objs/fuzz/%.o: trunk/%.c
	@mkdir -p $(@D)
	$(call say,FUZZ)$(FUZZ_CC) -MMD -MP -c -o $@ $<

objs/fuzz/test/support/%.o: test/support/%.c
	@mkdir -p $(@D)
	$(call say,FUZZ)$(FUZZ_CC) $(TEST_FLAGS) -MMD -MP -c -o $@ $<

objs/fuzz/lib/support.a: $(FUZZ_SUPPORT)
	@mkdir -p $(@D)
	@rm -f $@.new && $(AR) rcs $@.new $^ && mv -f $@.new $@

define fuzz_rules
objs/fuzz/lib/$(1).a: $(filter objs/fuzz/$(1)/%,$(FUZZ_OBJECTS))
	@mkdir -p $$(@D)
	@rm -f $$@.new && $(AR) rcs $$@.new $$^ && mv -f $$@.new $$@
objs/fuzz/$(1)/%_fuzz: test/fuzz/$(1)/%_fuzz.c objs/fuzz/lib/support.a $(LINKS_$(1):%=objs/fuzz/lib/%.a)
	@mkdir -p $$(@D)
	$$(call say,FUZZ)$$(FUZZ_CC) $$(TEST_FLAGS) -fsanitize=fuzzer -o $$@ $$< \
		-Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $$(call libs,$(LINKS_$(1))) $$(LIBS_CMOCKA)
endef
$(foreach l,$(LAYERS),$(eval $(call fuzz_rules,$(l))))

fuzz-targets: $(FUZZERS)

fuzz: $(FUZZERS)
	@scripts/fuzz $(FUZZ_TIME) $(FUZZERS)

# Tools of the benchmark: the load generators and the program that only writes. test/bench/floor*.c is the floor, rtc_*.c
# the load generator for WebRTC, srt_*.c that for SRT; these two share lives.c, and all three BENCH_SHARED.
BENCH_LAYERS := base co net codec rtmp http
BENCH_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/bench/*.c))
BENCH_TOOLS := $(if $(wildcard test/bench/srs_bench.c),objs/srs_bench) \
	$(if $(wildcard test/bench/floor.c),objs/floor) $(if $(wildcard test/bench/rtc_bench.c),objs/rtc_bench) \
	$(if $(and $(findstring WITH_SRT,$(CFLAGS_LIBS)),$(wildcard test/bench/srt_bench.c)),objs/srt_bench)

bench-tools: $(BENCH_TOOLS) objs/cluster_sim

BENCH_SHARED := $(patsubst %,$(BUILD)/test/bench/%.o,options url process figures stamp media results)
LIVES := $(BENCH_SHARED) $(BUILD)/test/bench/lives.o
FLOOR_OBJECTS := $(filter $(BUILD)/test/bench/floor%,$(BENCH_OBJECTS))
RTC_BENCH_OBJECTS := $(filter $(BUILD)/test/bench/rtc_%,$(BENCH_OBJECTS))
SRT_BENCH_OBJECTS := $(filter $(BUILD)/test/bench/srt_%,$(BENCH_OBJECTS))
SRS_BENCH_OBJECTS := $(filter-out $(FLOOR_OBJECTS) $(RTC_BENCH_OBJECTS) $(SRT_BENCH_OBJECTS) $(LIVES),$(BENCH_OBJECTS))
objs/srs_bench: $(SRS_BENCH_OBJECTS) $(BENCH_SHARED) $(call archives,$(BENCH_LAYERS))
	$(call link,$(filter %.o,$^),$(filter %.a,$^),$(call libs,$(BENCH_LAYERS)))

RTC_BENCH_LAYERS := base co net codec http rtc
objs/rtc_bench: $(RTC_BENCH_OBJECTS) $(LIVES) $(BUILD)/test/support.a $(call archives,$(RTC_BENCH_LAYERS))
	$(call link,$(filter %.o,$^),$(filter %.a,$^),$(call libs,$(RTC_BENCH_LAYERS)))

SRT_BENCH_LAYERS := base co net codec srt
objs/srt_bench: $(SRT_BENCH_OBJECTS) $(LIVES) $(call archives,$(SRT_BENCH_LAYERS))
	$(call link,$(filter %.o,$^),$(filter %.a,$^),$(call libs,$(SRT_BENCH_LAYERS)))

objs/floor: $(FLOOR_OBJECTS)
	$(call link,$^,,-pthread $(LIBS_SSL))

# A cluster of thousands of nodes in one process, with this program's own cluster layer.
SIM_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/sim/*.c))
objs/cluster_sim: $(SIM_OBJECTS) $(BUILD)/test/support.a $(call archives,$(LINKS_session))
	$(call link,$(filter %.o,$^),$(filter %.a,$^),$(call libs,$(LINKS_session)) $(LIBS_CMOCKA))

sim: objs/cluster_sim
	@scripts/sim

# Running things.
demo: all
	@scripts/demo

chaos: all
	@TEST_SRS=$(abspath $(PROGRAM)) scripts/chaos $(CHAOS_FLAGS)

mesh-churn: all
	@TEST_SRS=$(abspath $(PROGRAM)) scripts/mesh-churn

bench: all bench-tools
	@scripts/bench

# The seed's two figures: 7,000 edges for five minutes, 10,000 streams over four origins.
soak: all bench-tools
	@scripts/bench --row edges --row mesh

# Installing. The unit files say /usr/local until they are installed elsewhere.
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
COMMANDS := cluster fleet check-host sign-link
MAN_PAGES := objs/man/srs.1 objs/man/srs.conf.5 $(COMMANDS:%=objs/man/srs-%.1)
SHARED := lib/systemd/system/srs@.service lib/systemd/system/srs.target lib/sysusers.d/srs.conf \
	share/bash-completion/completions/srs share/man/man5/srs.conf.5 share/man/man1/srs.1 \
	$(COMMANDS:%=share/man/man1/srs-%.1)
put = install -D -m $(1) $(2) $(DESTDIR)$(3)
relocated = sed -e 's|/usr/local/etc/|$(SYSCONFDIR)/|g' -e 's|/usr/local/|$(PREFIX)/|g' $(1) >objs/man/$(notdir $(1)).$$$$.new && \
	mv -f objs/man/$(notdir $(1)).$$$$.new objs/man/$(notdir $(1)) && $(call put,644,objs/man/$(notdir $(1)),$(2))
LONG_DATE = $(shell LC_ALL=C date -d $(word 3,$(BUILD_VERSION)) '+%B %e, %Y')
MAKE_PAGE = awk -v page=$(1) -v version=$(word 1,$(BUILD_VERSION)) -v date='$(LONG_DATE)' -f scripts/packaging/man

# At once, and of each make in a file of its own: several may run at a time.
WHOLE = >$@.$$$$.new && mv -f $@.$$$$.new $@

man: $(MAN_PAGES)
objs/man/srs.1: $(PROGRAM) scripts/packaging/man
	@mkdir -p $(@D)
	@$(PROGRAM) --help | $(call MAKE_PAGE,srs) $(WHOLE)
objs/man/srs.conf.5: $(PROGRAM) scripts/packaging/man
	@mkdir -p $(@D)
	@$(PROGRAM) --help-config | $(call MAKE_PAGE,srs.conf) $(WHOLE)
objs/man/srs-%.1: scripts/% scripts/packaging/man
	@mkdir -p $(@D)
	@COLUMNS=100 scripts/$* --help | $(call MAKE_PAGE,srs-$*) $(WHOLE)

install: all man
	$(call put,755,$(PROGRAM),$(PREFIX)/bin/srs)
	@for c in $(COMMANDS); do $(call put,755,scripts/$$c,$(PREFIX)/bin/srs-$$c) || exit 1; done
	@for part in scripts/srs_fleet/*.py; do \
		$(call put,644,$$part,$(PREFIX)/share/srs/srs_fleet/$${part##*/}) || exit 1; done
	@for page in $(MAN_PAGES); do \
		$(call put,644,$$page,$(PREFIX)/share/man/man$${page##*.}/$${page##*/}) || exit 1; done
	$(call put,644,scripts/packaging/completion.bash,$(PREFIX)/share/bash-completion/completions/srs)
	$(call put,644,scripts/packaging/sysusers.conf,$(PREFIX)/lib/sysusers.d/srs.conf)
	$(call put,644,scripts/packaging/srs.target,$(PREFIX)/lib/systemd/system/srs.target)
	$(call relocated,scripts/srs@.service,$(PREFIX)/lib/systemd/system/srs@.service)
	@# What somebody has edited stays.
	@for f in conf/*; do to=$(DESTDIR)$(SYSCONFDIR)/srs/$${f#conf/}; \
		if [ -f $$f ] && [ ! -e $$to ]; then echo "install -D -m 644 $$f $$to"; \
		install -D -m 644 $$f $$to || exit 1; fi; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/srs $(COMMANDS:%=$(DESTDIR)$(PREFIX)/bin/srs-%) $(SHARED:%=$(DESTDIR)$(PREFIX)/%)
	rm -rf $(DESTDIR)$(PREFIX)/share/srs

# Packages: what a release is unpacked from, and Debian's.
dist:
	@scripts/packaging/dist objs

deb:
	@scripts/packaging/deb objs

clean:
	find objs -mindepth 1 -maxdepth 1 ! -name .gitkeep -exec rm -rf {} +

help:
	@echo 'make              build objs/srs (./configure --help: flavours and compilers)'
	@echo 'make test         all tests; T=NAME with unit or blackbox runs one'
	@echo 'make unit         the unit tests and the fuzzing corpora'
	@echo 'make coverage     lines of each layer that the unit tests run; LAYER=NAME: file by file'
	@echo 'make blackbox     the tests of the real program with real players'
	@echo 'make check        layers, banned calls, sizes, headers, format: seconds'
	@echo 'make tidy         clang-tidy and cppcheck: minutes'
	@echo 'make format       let clang-format lay out the sources'
	@echo 'make demo         two origins, an edge, a test picture; DEMO_SECONDS=N ends it'
	@echo 'make chaos        origins and edges die while viewers watch'
	@echo 'make mesh-churn   a mesh of origins that come and go, MINUTES=10'
	@echo 'make bench        what serving costs, beside the cheapest possible program'
	@echo 'make soak         7,000 edges for five minutes, 10,000 streams over four origins'
	@echo 'make sim          clusters of a thousand nodes, simulated with our own cluster layer'
	@echo 'make fuzz         libFuzzer, TIME=60 seconds a target or TOTAL=N for all, F=NAME for one'
	@echo 'make fuzz-coverage  lines that the corpora reach of the files they are for; F=NAME for one'
	@echo 'make bench-tools  objs/srs_bench, objs/rtc_bench and objs/srt_bench, load generators for any server'
	@echo 'make install      PREFIX=/usr/local, DESTDIR for packaging'
	@echo 'make man          the manual pages, in objs/man'
	@echo 'make dist         objs/srs-VERSION.tar.gz'
	@echo 'make deb          objs/srs-server_VERSION_ARCH.deb'
	@echo 'make clean        empty objs/'

FORCE:

DEPENDENCIES := $(patsubst %.o,%.d,$(OBJECTS) $(SUPPORT) $(UNITS:%=%.o) $(REPLAYS:%=%.o) \
	$(BENCH_OBJECTS) $(SIM_OBJECTS) $(FUZZ_OBJECTS) $(FUZZ_SUPPORT))
-include $(wildcard $(DEPENDENCIES))
.SECONDARY:
