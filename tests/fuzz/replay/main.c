/* A grammar's target without libFuzzer: replay SEED...
 *
 * Each seed whole, cut at each octet, and with each octet gone, twice there or
 * another; of a long seed 200 octets at most. It prints how many inputs that
 * were. A target that finds something dies, as does one that takes a second of
 * the processor for what is thousands of times faster: replay says at which
 * octet of which seed that was. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { LENGTH = 1 << 16, PLACES = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const uint8_t others[] = {0, '\n', '\r', ' ', '"', '0', '<', 0x80, 0xff};
static unsigned long inputs;
static char what[300];

/* The inputs of one place follow. */
static void
begin(const char *seed, size_t at)
{
	struct itimerval second = {.it_value.tv_sec = 1};

	snprintf(what, sizeof what, "replay: %s, octet %zu\n", seed, at);
	setitimer(ITIMER_PROF, &second, NULL);
}

/* In memory of its own length, so that a sanitizer sees a read behind it. */
static void
input(const uint8_t *a, size_t n, const uint8_t *b, size_t m)
{
	uint8_t *copy = malloc(n + m + (n + m == 0));

	if (!copy)
		abort();
	memcpy(copy, a, n);
	memcpy(copy + n, b, m);
	LLVMFuzzerTestOneInput(copy, n + m);
	free(copy);
	inputs++;
}

static void
change(const char *seed, uint8_t *data, size_t n, size_t at)
{
	uint8_t was = data[at];

	begin(seed, at);
	input(data, at, data, 0);
	input(data, at, data + at + 1, n - at - 1);
	input(data, at + 1, data + at, n - at);
	for (size_t i = 0; i < sizeof others; i++) {
		data[at] = others[i];
		input(data, n, data, 0);
	}
	data[at] = was ^ 0x20;
	input(data, n, data, 0);
	data[at] = was;
}

static void
replay(const char *seed)
{
	static uint8_t data[LENGTH];
	FILE *f = fopen(seed, "rb");
	size_t n = f ? fread(data, 1, sizeof data, f) : 0;

	if (!f || ferror(f)) {
		fprintf(stderr, "replay: read %s: failed\n", seed);
		exit(75);
	}
	fclose(f);
	begin(seed, n);
	input(data, n, data, 0);
	size_t step = n / PLACES + 1;
	for (size_t at = 0; at < n; at += step)
		change(seed, data, n, at);
}

static void
died(int signal)
{
	ssize_t done = write(2, what, strlen(what));

	(void)done;
	_exit(128 + signal);
}

int
main(int argc, char **argv)
{
	signal(SIGABRT, died);
	signal(SIGPROF, died);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%lu\n", inputs);
	return inputs == 0;
}
