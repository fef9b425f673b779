# Dragoman, a scriptable SMTP relay.
#
#   make demo            install what is missing, build, show real conversations
#   make test            install what is missing, build, test everything
#
#   make                 build the program: build/dragoman
#   make deps            install what is missing to build and to test (apt)
#   make check           lint, unit and policy tests: the loop of a minute
#   make install         [PREFIX=/usr/local] [DESTDIR=]
#
#   make lint            the house rules that a program can check
#   make unit            the unit tests
#   make check-FLOOR     the unit tests of one floor: make check-base
#   make peers           fetch the mail servers to test against: build/peers
#   make bench           measure
#   make bare            both commands in a fresh Debian with git and make only
#   make crash           kill it at every fault point and look for lost mail
#   make fuzz            [FUZZ_SECONDS=5] for each target
#   make clean
#
# MODE=release|asan|tsan|fuzz|faults chooses flags and directory (asan goes to
# build/asan); BUILD=dir chooses another directory; V=1 shows the commands.

VERSION = 0.1.0
MODE    = release
PREFIX  = /usr/local
DESTDIR =

# What apt must have installed.  Nothing is done when all of it is there.
# (nettle-dev: libunbound.pc names it, so pkg-config wants to see it.)
PKGS_BUILD = gcc make pkg-config libc6-dev git \
	libevent-dev libssl-dev liblua5.4-dev lua5.4 libyaml-dev libsqlite3-dev \
	libunbound-dev nettle-dev libjansson-dev libcurl4-openssl-dev \
	libgsasl-dev
PKGS_DEMO = python3 python3-impacket
PKGS_TEST = libcmocka-dev clang libclang-rt-14-dev clang-tidy clang-format \
	lua-check python3-pytest python3-aiosmtpd \
	python3-yaml openssl sqlite3 curl swaks libauthen-ntlm-perl \
	libauthen-sasl-perl libdigest-hmac-perl libnet-ssleay-perl \
	sasl2-bin libsasl2-modules libsasl2-modules-gssapi-mit gsasl krb5-user \
	strace
# Mail servers exclude each other as packages, and a KDC starts when it is
# installed: fetched and unpacked instead.
PKGS_PEERS = exim4-daemon-heavy exim4-base postfix krb5-kdc krb5-admin-server
PKGS_PEERS_LIBS = libidn12 libmariadb3 libspf2-2 libnsl2 libdb5.3 \
	libgnutls-dane0 libpcre2-8-0 libperl5.36 libpq5 libldap-2.5-0 libpam0g \
	libgssrpc4 libkadm5srv-mit12 libkdb5-10 libss2 libverto1 libverto-libev1
PEERS_USERS = Debian-exim postfix
PEERS_GROUPS = postdrop

# --- modes ---------------------------------------------------------------

CC = gcc
WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wwrite-strings -Werror
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
HARDEN_LD = -pie -Wl,-z,relro,-z,now

ifeq ($(MODE),release)
BUILD ?= build
FLAGS = -O2 -g $(HARDEN)
LDFLAGS = $(HARDEN_LD)
else ifeq ($(MODE),faults)
FLAGS = -O2 -g $(HARDEN) -DDG_FAULTS
LDFLAGS = $(HARDEN_LD)
else ifeq ($(MODE),asan)
FLAGS = -O1 -g -fno-omit-frame-pointer -DDG_FAULTS \
	-fsanitize=address,undefined -fno-sanitize-recover=all
else ifeq ($(MODE),tsan)
FLAGS = -O1 -g -fno-omit-frame-pointer -DDG_FAULTS -fsanitize=thread
else ifeq ($(MODE),fuzz)
CC = clang
FLAGS = -O1 -g -fno-omit-frame-pointer -DDG_FUZZ -Wno-error \
	-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
else
$(error MODE=$(MODE) is none of release, faults, asan, tsan, fuzz)
endif
BUILD ?= build/$(MODE)

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-builtin-rules
Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2:$(BUILD)/%=%))

LIBRARIES = libevent libevent_openssl libevent_pthreads openssl lua5.4 \
	yaml-0.1 sqlite3 libunbound jansson libcurl libgsasl
LIB_FLAGS := $(shell pkg-config --cflags $(LIBRARIES) 2>/dev/null)
LIBS := $(shell pkg-config --libs $(LIBRARIES) 2>/dev/null) -lpthread -lm
ifeq ($(LIB_FLAGS),)
ifneq ($(filter-out help deps deps-demo demo test peers bare clean print-floors, \
	$(or $(MAKECMDGOALS),all)),)
$(error libraries to build with are missing: make deps)
endif
endif
COMMIT := $(shell GIT_OPTIONAL_LOCKS=0 git describe --always 2>/dev/null)
FULL_VERSION := $(VERSION)$(if $(COMMIT),+$(COMMIT))

ABOUT = -DDG_VERSION='"$(FULL_VERSION)"' -DDG_PREFIX='"$(PREFIX)"'

CFLAGS = -std=c11 -D_DEFAULT_SOURCE $(WARN) $(FLAGS) -pthread
CPPFLAGS = -Iinclude $(LIB_FLAGS) -MMD -MP $(ABOUT)

# A unit test may also see what its floor keeps to itself: "core/base/utf8.h".
$(BUILD)/tests/%.o: CPPFLAGS += -I.

# --- floors --------------------------------------------------------------

# Lowest first; what each may stand on (core/README.md).  A unit test links its
# own floor and these, so that a layering mistake does not link.
FLOORS = base wire crypto auth smtp net spool policy config relay app
below_base =
below_wire = base
below_crypto = base
below_auth = crypto wire base
below_smtp = auth $(below_auth)
below_net = $(below_smtp)
below_spool = $(below_smtp)
below_policy = spool net smtp $(below_smtp)
below_config = $(below_policy)
below_relay = config policy $(below_policy)
below_app = relay $(below_relay)

sources = $(wildcard core/$(1)/*.c)
libs_of = $(patsubst %,$(BUILD)/lib%.a,$(1) $(below_$(1)))
objects = $(patsubst %.c,$(BUILD)/%.o,$(call sources,$(1)))
SOURCES := $(wildcard core/*/*.c)
TESTS := $(wildcard tests/unit/$(or $(FLOOR),*)/*_test.c)
SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/unit/support/*.c))
FUZZERS := $(wildcard tests/fuzz/*_fuzz.c)

.PHONY: all help deps deps-demo peers man check unit lint test demo bench \
	bare crash fuzz install clean libs unit-programs fuzz-programs \
	bench-programs print-floors force
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BUILD)/dragoman

libs: $(FLOORS:%=$(BUILD)/lib%.a)

print-floors:
	@$(foreach f,$(FLOORS),echo '$(f):' $(below_$(f));)

help:
	@sed -n '2,/^$$/{s/^# \{0,1\}//p}' Makefile

# The directory is named too: its time changes when a file goes away.
define floor
$(BUILD)/lib$(1).a: $(call objects,$(1)) $(wildcard core/$(1))
unit_$(1) = $(patsubst %.c,$(BUILD)/%,$(filter tests/unit/$(1)/%,$(TESTS)))
$$(unit_$(1)): $(BUILD)/%: $(BUILD)/%.o $$(SUPPORT) $(call libs_of,$(1))
unit-programs: $$(unit_$(1))
endef
$(foreach f,$(FLOORS),$(eval $(call floor,$(f))))
$(BUILD)/libpolicy.a: $(BUILD)/embedded_lua.o

$(BUILD)/lib%.a:
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $(filter %.o,$^)

$(BUILD)/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

LINK = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -Wl,--as-needed $(LIBS)

$(BUILD)/dragoman: $(call libs_of,app)
	$(call say,LD,$@)
	$(Q)$(LINK)

$(BUILD)/tests/unit/%_test:
	$(call say,LD,$@)
	$(Q)$(LINK) -lcmocka

$(BUILD)/tests/bench/%_bench: $(BUILD)/tests/bench/%_bench.o \
		$(call libs_of,policy)
	$(call say,LD,$@)
	$(Q)$(LINK)

$(BUILD)/tests/fuzz/%_fuzz: $(BUILD)/tests/fuzz/%_fuzz.o $(call libs_of,app)
	$(call say,LD,$@)
	$(Q)$(LINK) -fsanitize=fuzzer

# What `make bench` measures with.
$(BUILD)/tests/bench/count_syncs.so: tests/bench/count_syncs.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -o $@ $< -ldl
bench-programs: $(BUILD)/tests/bench/spool_bench \
	$(BUILD)/tests/bench/count_syncs.so

fuzz-programs: $(patsubst %.c,$(BUILD)/%,$(FUZZERS))

# What says the version or the place is made again when that changes.
$(BUILD)/about: force
	@mkdir -p $(@D)
	@echo "$(ABOUT)" | cmp -s - $@ || echo "$(ABOUT)" >$@
TELLING := $(shell grep -lsE 'DG_(VERSION|PREFIX)' $(SOURCES) /dev/null)
$(patsubst %.c,$(BUILD)/%.o,$(TELLING)): $(BUILD)/about

# The Lua runtime as bytes in C: embedded.h says what the table means.
LUA := $(wildcard lua/dragoman/*.lua)
$(BUILD)/embedded_lua.c: $(LUA) $(wildcard lua/dragoman)
	$(call say,EMBED,$@)
	@mkdir -p $(@D)
	@{ echo '#include "dragoman/policy/embedded.h"'; i=0; \
	for f in $(LUA); do i=$$((i + 1)); \
	  echo "static const unsigned char text$$i[] = {"; \
	  od -An -v -tx1 $$f | sed 's/ \(..\)/0x\1,/g'; echo '0};'; \
	done; i=0; \
	echo 'const struct dg_embedded dg_embedded[] = {'; \
	for f in $(LUA:lua/dragoman/%.lua=%); do i=$$((i + 1)); \
	  echo "{ \"dragoman.$$f\", text$$i, sizeof(text$$i) - 1 },"; \
	done; echo '{ NULL, NULL, 0 } };'; \
	echo "const size_t dg_embedded_n = $$i;"; } >$@

$(BUILD)/embedded_lua.o: $(BUILD)/embedded_lua.c
	@$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

# --- tests ---------------------------------------------------------------

# tests/run builds what a suite needs, in each suite's own mode.
RUN = +@BUILD=$(BUILD) MODE=$(MODE) MAKE='$(MAKE)' tests/run

test: deps peers
demo: deps-demo
check test lint unit fuzz crash demo:
	$(RUN) $@
check-%:
	$(RUN) unit $*
bench: deps peers
bench bare:
	+@test -x tests/$@/run || { echo 'tests/$@/run: not there yet'; exit 1; }
	+@BUILD=$(BUILD) MAKE='$(MAKE)' tests/$@/run
	$(if $(filter bench,$@),+@BUILD=$(BUILD) MAKE='$(MAKE)' tests/bench/hooks)

# --- the machine ---------------------------------------------------------

SUDO = $(if $(filter-out 0,$(shell id -u)),sudo)
missing = $$(for p in $(1); do dpkg-query -W -f='$${db:Status-Status}\n' $$p \
	2>/dev/null | grep -qx installed || echo $$p; done)
install_missing = @m="$(missing)"; if [ -n "$$m" ]; then echo "installing" $$m; \
	$(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive \
	apt-get install -qy --no-install-recommends --no-upgrade \
	-o DPkg::Lock::Timeout=600 $$m; fi

deps:
	$(call install_missing,$(PKGS_BUILD) $(PKGS_DEMO) $(PKGS_TEST))
deps-demo:
	$(call install_missing,$(PKGS_BUILD) $(PKGS_DEMO))

DOWNLOAD = apt-get download -q -o APT::Sandbox::User=root $(PKGS_PEERS)
peers: build/peers/.complete
build/peers/.list: force
	@mkdir -p $(@D)
	@echo "$(PKGS_PEERS)" | cmp -s - $@ || echo "$(PKGS_PEERS)" >$@
build/peers/.complete: build/peers/.list | deps
	$(call install_missing,$(PKGS_PEERS_LIBS))
	@for g in $(PEERS_GROUPS); do getent group $$g >/dev/null || \
	  $(SUDO) groupadd -r $$g || exit 1; done
	@for u in $(PEERS_USERS); do getent passwd $$u >/dev/null || \
	  $(SUDO) useradd -r -M -s /usr/sbin/nologin $$u || exit 1; done
	@mkdir -p build/peers/packages
	cd build/peers/packages && { $(DOWNLOAD) || \
	  { $(SUDO) apt-get update -q && $(DOWNLOAD); }; }
	@for d in build/peers/packages/*.deb; do \
	  dpkg-deb -x $$d build/peers || exit 1; done
	@touch $@

# The manual's tables come from those that the program is made of.
MAN := $(wildcard core/man/*.[1-8])
man: $(MAN:core/%=$(BUILD)/%)
$(BUILD)/man/%: core/man/% core/man/fill $(BUILD)/dragoman \
		include/dragoman/policy/questions.def core/policy/libs.def \
		$(wildcard core/man/questions/*.lua)
	$(call say,MAN,$@)
	@mkdir -p $(@D)
	$(Q)core/man/fill $(BUILD)/dragoman <$< >$@

SHARE = $(DESTDIR)$(PREFIX)/share
install: all man
	install -d $(DESTDIR)$(PREFIX)/sbin $(SHARE)/dragoman
	install -m 755 $(BUILD)/dragoman $(DESTDIR)$(PREFIX)/sbin/dragoman
	cp -R policies examples $(SHARE)/dragoman/
	@for m in $(notdir $(MAN)); do install -D -m 644 $(BUILD)/man/$$m \
	  $(SHARE)/man/man$${m##*.}/$$m || exit 1; done
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system \
	  $(DESTDIR)$(PREFIX)/lib/sysusers.d
	sed 's#/usr/local/#$(PREFIX)/#g' examples/systemd/dragoman.service \
	  >$(DESTDIR)$(PREFIX)/lib/systemd/system/dragoman.service
	install -m 644 examples/systemd/dragoman.sysusers \
	  $(DESTDIR)$(PREFIX)/lib/sysusers.d/dragoman.conf

clean:
	rm -rf $(BUILD)

-include $(wildcard $(addprefix $(BUILD)/,*.d core/*/*.d tests/fuzz/*.d tests/bench/*.d \
	tests/unit/*/*.d))
