/* Lines of a batch: what is read is written as it was, and reads the same. */
#include "fuzz.h"

#include "batch.h"

static void
job(const uint8_t *data, size_t n)
{
	char *line = xrealloc(NULL, n + 1);
	struct buf out = BUF_INIT, again = BUF_INIT;
	struct batch_job j;
	const char *why = NULL;

	memcpy(line, data, n);
	if (batch_job_parse(&j, line, n, &why) < 0) {
		must(why);
	} else {
		must(j.n > 0 && strlen(j.id) <= BATCH_ID);
		must(batch_job_write(&j, &out) == 0);
		batch_job_free(&j);
		must(!memchr(out.data, '\n', out.len - 1));
		must(batch_job_parse(&j, out.data, out.len - 1, &why) == 0);
		must(batch_job_write(&j, &again) == 0);
		batch_job_free(&j);
		must(again.len == out.len);
	}
	buf_free(&out);
	buf_free(&again);
	free(line);
}

static void
result(const uint8_t *data, size_t n)
{
	char *line = xrealloc(NULL, n + 1);
	struct buf out = BUF_INIT, copy = BUF_INIT, again = BUF_INIT;
	struct batch_result r;

	memcpy(line, data, n);
	if (batch_result_parse(&r, line, n) == 0) {
		must(r.code >= 0 && r.code <= 599 && *r.id);
		batch_result_write(&r, &out);
		must(out.data[out.len - 1] == '\n');
		buf_add(&copy, out.data, out.len);
		if (batch_result_parse(&r, copy.data, copy.len - 1) == 0) {
			batch_result_write(&r, &again);
			must_equal(&out, &again);
		}
	}
	buf_free(&out);
	buf_free(&copy);
	buf_free(&again);
	free(line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	if (n && memchr(data, '\n', n)) /* ends a line */
		return 0;
	job(data, n);
	result(data, n);
	return 0;
}
