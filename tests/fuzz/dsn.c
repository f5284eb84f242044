/* What a sender wants to be told, as a user says it, reads back as it was
 * said; as parameters that came from elsewhere it gives printable values. */
#include "fuzz.h"

#include "dsn.h"

static void
said(const char *text)
{
	struct buf params = BUF_INIT;
	char value[400];

	buf_adds(&params, "BODY=8BITMIME");
	if (dsn_envid(text, &params) == 0) {
		must(dsn_param(buf_str(&params), "ENVID", value, sizeof value));
		dsn_decode(value, false);
		must(strcmp(value, text) == 0);
	}
	if (dsn_ret(text, &params) == 0)
		must(dsn_param(buf_str(&params), "RET", value, sizeof value) &&
		    strlen(value) == 4);
	if (dsn_notify(text, &params) == 0)
		must(dsn_notifies(buf_str(&params), "NEVER", false) !=
		    (dsn_notifies(buf_str(&params), "SUCCESS", false) ||
			dsn_notifies(buf_str(&params), "FAILURE", false) ||
			dsn_notifies(buf_str(&params), "DELAY", false)));
	must(strncmp(buf_str(&params), "BODY=8BITMIME", 13) == 0);
	must(!strpbrk(params.data, "\r\n\t"));
	buf_free(&params);
}

static void
given(const char *text)
{
	char value[32];
	const char *p;

	if (!dsn_param(text, "ORCPT", value, sizeof value))
		return;
	must(strlen(value) < sizeof value);
	dsn_decode(value, strncmp(value, "utf-8;", 6) == 0);
	for (p = value; *p; p++)
		must((unsigned char)*p >= ' ' && *p != 127);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf text = BUF_INIT;

	buf_add(&text, data, n);
	said(buf_str(&text));
	given(buf_str(&text));
	buf_free(&text);
	return 0;
}
