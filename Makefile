# mailpipe: Internet mail as Unix filters. `make demo` plays it, `make check` tests it.
PREFIX ?= /usr/local
DESTDIR ?=
CFLAGS ?= -O2 -g
B ?= build

VERSION := 0.1
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wwrite-strings -Wvla
SAN ?= 0
ifeq ($(SAN),1)
HARDEN := -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
B := build/san$(if $(findstring clang,$(CC)),-clang)
else ifeq ($(FUZZ),1)
CC := clang
CFLAGS := -O1 -g
HARDEN := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined -fprofile-instr-generate \
	-fcoverage-mapping
B := build/fuzz
else
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
PIE := -pie -Wl,-z,relro,-z,now
endif
ALL_CFLAGS := -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ilib $(WARN) \
	$(CFLAGS) $(HARDEN) $(WERROR)

# The order is the architecture: a module includes only modules above it.
PURE := buf hash verdict parse date address addrspec compose crlf header trace \
	received reply dsn base64 sasl proxy intake original media scan batch \
	esmtp pipeline hello transfer smtp params command commandline content \
	mailing smtpd pop3 pop3d uidl imapdata imapreply imap mutf7 foldername \
	ranges tokens dns mx
PROCESS := atomic outgoing job lock owner child handler conn secret log \
	options filter confine peer proxied listener crowd fdpass reuse \
	serve request checker starter starttls resolve
STORE := maildir maildrop mbox envelope supply qname queue entry routes table \
	senders reach profile mailboxes accept target forward staging owners \
	deliver handover transaction receive journal seen sink barrier listing \
	control health bounce settle lda transport plan dispatch runner submit
FOREIGN := url login dialogue refusal dialoptions dial hop agenda contact \
	session wire pop3wire imapwire collector folders folder retrieval \
	fetcher mime tls relay broker

PROGRAMS := mkmsg spool smtp-send smtp-recv mbox-deliver pop3-fetch imap-fetch \
	pop3-serve tls-serve tls-broker auth-passwd
LIBS_mkmsg := gmime-3.0
LIBS_smtp-send := libcurl
LIBS_pop3-fetch := libcurl
LIBS_imap-fetch := libcurl
LIBS_tls-broker := openssl
LIBS_auth-passwd := libcrypt
FOREIGN_mkmsg := mime
PARTS_mkmsg := bin/mkmsg.h bin/mkmsg-header.c bin/mkmsg-body.c
PARTS_auth-passwd := bin/auth-passwd.h bin/auth-passwd-add.c
PARTS_pop3-serve := $(addprefix bin/pop3-serve,.h -login.c -maildrop.c)
PARTS_smtp-recv := $(addprefix bin/smtp-recv,.h -options.c -tables.c)
PARTS_smtp-send := $(addprefix bin/smtp-send,.h -jobs.c -message.c -probe.c)
PARTS_spool := bin/spool.h bin/spool-options.c bin/sendmail.c
DIAL := url login dialogue refusal dialoptions dial
FOREIGN_smtp-send := $(DIAL) hop agenda contact session
FOREIGN_pop3-fetch := $(DIAL) wire pop3wire collector fetcher
FOREIGN_imap-fetch := $(DIAL) wire imapwire folders folder retrieval fetcher
FOREIGN_tls-broker := tls relay broker

OBJECTS := $(patsubst %,$(B)/lib/%.o,$(PURE) $(PROCESS) $(STORE))
BIN := $(addprefix $(B)/bin/,$(PROGRAMS))

# V=1 shows the commands, -s nothing.
Q := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo "  $(1) $@")

all: $(BIN) $(B)/bin/sendmail

$(B)/libmail.a: $(OBJECTS)
	$(call say,AR)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(B)/lib/%.o: lib/%.c | $(B)/lib
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(FOREIGN_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/lib/url.o $(B)/lib/refusal.o $(B)/lib/dial.o: FOREIGN_CFLAGS = $(shell pkg-config --cflags libcurl)
$(B)/lib/mime.o: FOREIGN_CFLAGS = $(shell pkg-config --cflags gmime-3.0)
$(B)/lib/tls.o $(B)/lib/relay.o: FOREIGN_CFLAGS = $(shell pkg-config --cflags openssl)

.SECONDARY:
.SECONDEXPANSION:
$(B)/bin/%: bin/%.c $$(PARTS_$$*) $(B)/libmail.a $$(addprefix $(B)/lib/,$$(addsuffix .o,$$(FOREIGN_$$*))) | $(B)/bin
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(if $(LIBS_$*),$(shell pkg-config --cflags $(LIBS_$*))) \
		-MMD -MP -MF $(B)/lib/bin-$*.d $(PIE) $(LDFLAGS) -o $@ $< \
		$(filter %.c,$(PARTS_$*)) \
		$(patsubst %,$(B)/lib/%.o,$(FOREIGN_$*)) $(B)/libmail.a \
		-Wl,--as-needed $(if $(LIBS_$*),$(shell pkg-config --libs $(LIBS_$*)))

$(B)/bin/sendmail: | $(B)/bin
	$(call say,LN)
	$(Q)ln -sf spool $@

$(B)/lib $(B)/bin $(B)/drv $(B)/proof $(B)/replay:
	@mkdir -p $@

# What the build, the tests and the benchmarks need, as Debian packages.
deps:
	@tests/deps build

PARALLEL = --no-print-directory -j $(shell nproc)
demo:
	@tests/deps build
	@$(MAKE) $(PARALLEL) all
	@tests/demo $(B)/bin

# Many tests wait more than they work. What takes long comes first: the proofs,
# then by size. A process for each test of a file, as -j has it alone, would
# cost more than most tests do. The proofs are sampled here: `make proof' has all
# their cases, points, cuts and controls, the fuzzing and the source's checkers.
JOBS ?= $(shell expr 2 \* $$(nproc))
LONG := $(patsubst %,tests/%.bats,clients servers walk demo architecture proof)
TESTS ?= $(LONG) $(filter-out $(LONG),$(shell ls -S tests/*.bats))
check:
	@tests/deps check
	@$(MAKE) $(PARALLEL) all drivers proofs
	LC_ALL=C MAILPIPE_BUILD=$(abspath $(B)) bats -j $(JOBS) \
		--no-parallelize-within-files $(TESTS)

# What reliable and secure mean, as checks. PARTS names some of them.
proof:
	@tests/deps proof
	@$(MAKE) $(PARALLEL) all drivers proofs
	MAILPIPE_BUILD=$(abspath $(B)) tests/proof/run $(PARTS)

# The grammars fed with what libFuzzer makes of the seeds, SECONDS each.
SECONDS ?= 5
fuzz:
	@tests/deps proof
	@$(MAKE) $(PARALLEL) FUZZ=1 fuzzers
	tests/fuzz/run $(SECONDS) $(TARGETS)

bench:
	@tests/deps bench
	@$(MAKE) $(PARALLEL) all drivers
	MAILPIPE_BUILD=$(abspath $(B)) tests/bench/run

# sendmail is made only where no other MTA's stands; the units name PREFIX.
INSTALLED := $(DESTDIR)$(PREFIX)
MAN := $(notdir $(wildcard man/*.[1-8]))
man_path = $(INSTALLED)/share/man/man$(subst .,,$(suffix $(1)))/$(1)
SENDMAIL := $(INSTALLED)/sbin/sendmail
UNITS := $(patsubst lib/systemd/%,%,$(wildcard lib/systemd/*/*))
units_d = $(INSTALLED)/lib/$(1).d/mailpipe.conf
install: all
	install -d $(INSTALLED)/bin $(INSTALLED)/sbin
	install $(BIN) $(INSTALLED)/bin
	$(foreach m,$(MAN),install -D -m 644 man/$(m) $(call man_path,$(m)) &&) :
	install -d $(addprefix $(INSTALLED)/lib/systemd/,$(sort $(dir $(UNITS))))
	for u in $(UNITS); do sed 's,^ExecStart=,&$(PREFIX)/bin/,' \
		lib/systemd/$$u >$(INSTALLED)/lib/systemd/$$u || exit; done
	for d in sysusers tmpfiles; do install -D -m 644 \
		lib/systemd/mailpipe.$$d $(call units_d,$$d); done
	@if [ -e $(SENDMAIL) ] || [ -L $(SENDMAIL) ]; then \
		[ "$$(readlink $(SENDMAIL))" = ../bin/spool ] || \
		echo "$(SENDMAIL) is another program's and stays"; \
	else ln -s ../bin/spool $(SENDMAIL); fi

uninstall:
	rm -f $(addprefix $(INSTALLED)/bin/,$(PROGRAMS))
	rm -f $(foreach m,$(MAN),$(call man_path,$(m)))
	rm -f $(addprefix $(INSTALLED)/lib/systemd/,$(UNITS)) \
		$(call units_d,sysusers) $(call units_d,tmpfiles)
	@[ "$$(readlink $(SENDMAIL))" != ../bin/spool ] || rm $(SENDMAIL)

clean:
	rm -rf build

include tests/build.mk
-include $(wildcard $(B)/lib/*.d)
.PHONY: all drivers proofs fuzzers deps demo check proof fuzz bench install \
	uninstall clean
