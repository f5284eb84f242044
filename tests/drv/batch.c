/* batch job|result < lines: reads each line and writes it again, or says why
 * not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"

static void
job(char *line, size_t n, struct buf *out)
{
	struct batch_job j;
	const char *why;

	if (batch_job_parse(&j, line, n, &why) < 0) {
		buf_addf(out, "bad: %s\n", why);
		return;
	}
	buf_addf(out, "%zu: ", j.n);
	if (batch_job_write(&j, out) < 0)
		buf_adds(out, "not written\n");
	batch_job_free(&j);
}

static void
result(char *line, size_t n, struct buf *out)
{
	struct batch_result r;

	if (batch_result_parse(&r, line, n) < 0)
		buf_adds(out, "bad\n");
	else
		batch_result_write(&r, out);
}

int
main(int argc, char *argv[])
{
	bool jobs = argc > 1 && strcmp(argv[1], "job") == 0;
	struct buf out = BUF_INIT;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			n--;
		if (jobs)
			job(line, (size_t)n, &out);
		else
			result(line, (size_t)n, &out);
	}
	free(line);
	fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
	return 0;
}
