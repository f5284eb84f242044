# What tests are made of, besides the programs.

# Drivers let tests and fuzzers feed the pure modules from standard input.
DRIVERS := $(patsubst tests/drv/%.c,$(B)/drv/%,$(wildcard tests/drv/*.c))
REPLAYS := $(patsubst tests/fuzz/%.c,$(B)/replay/%,$(wildcard tests/fuzz/*.c)) \
	$(addprefix $(B)/replay/broken-,wrong hang overflow leak)
drivers: $(DRIVERS) $(REPLAYS)
$(B)/drv/%: tests/drv/%.c $(B)/libmail.a | $(B)/drv $(B)/lib
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -MF $(B)/lib/drv-$*.d $(PIE) $(LDFLAGS) \
		-o $@ $< $(B)/libmail.a

# The grammars, fed with their seeds and small changes of these, compiled as the
# rest is; `make fuzz' has libFuzzer's.
$(B)/replay/main.o: tests/fuzz/replay/main.c | $(B)/replay
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<
$(B)/replay/broken-%: tests/proof/broken/fuzz/%.c $(B)/replay/main.o
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(PIE) $(LDFLAGS) -o $@ $< $(B)/replay/main.o
$(B)/replay/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/replay/main.o $(B)/libmail.a
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(PIE) $(LDFLAGS) -o $@ $< $(B)/replay/main.o \
		$(B)/libmail.a

# Subjects, tools and broken controls of the proof.
PROOFS := $(patsubst tests/proof/%.c,$(B)/proof/%,$(wildcard tests/proof/*.c)) \
	$(patsubst tests/proof/preload/%.c,$(B)/proof/%.so,$(wildcard tests/proof/preload/*.c)) \
	$(patsubst tests/proof/broken/%.c,$(B)/proof/%,$(wildcard tests/proof/broken/*.c))
# A walk starts it at each point.
ifneq ($(SAN),1)
$(B)/proof/walk-transport: PIE := -static-pie
endif
$(B)/proof/%: tests/proof/broken/%.c | $(B)/proof
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(PIE) $(LDFLAGS) -o $@ $<
$(B)/proof/%.so: tests/proof/preload/%.c | $(B)/proof
	$(call say,CC)
	$(Q)$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared -o $@ $<
$(B)/proof/%: tests/proof/%.c $$(wildcard tests/proof/$$*/*.[ch]) | $(B)/proof
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) $(PIE) $(LDFLAGS) -o $@ $(filter %.c,$^)
# A spool that has few messages in work at once.
$(B)/proof/spool-few: bin/spool.c $(PARTS_spool) lib/plan.c $(B)/libmail.a | $(B)/proof
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -DPLAN_ITEMS=4 $(PIE) $(LDFLAGS) -o $@ \
		$(filter %.c,$^) $(B)/libmail.a
proofs: $(PROOFS) $(B)/proof/spool-few

# libFuzzer's, one for each grammar.
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/%,$(wildcard tests/fuzz/*.c))
$(B)/%: tests/fuzz/%.c tests/fuzz/fuzz.h $(B)/libmail.a
	$(call say,CC)
	$(Q)$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $< $(B)/libmail.a
fuzzers: $(FUZZERS)
