#include <stdio.h>
#include <string.h>

#include "world.h"

struct state *state;

/* Numbered lines, so that a part of a message is like no other. */
static void
write_text(int m, size_t octets)
{
	char *text = state->text[m];
	size_t n = (size_t)sprintf(text,
	    "From: ann@example.org\nSubject: number %d\n"
	    "Message-ID: <%d@example.org>\n"
	    "Date: Mon, 2 Nov 2026 06:30:12 +0000\n\n",
	    m, m);

	for (int i = 0; n < octets; i++)
		n += (size_t)sprintf(text + n, "message %d line %06d\n", m, i);
}

void
world_size(size_t octets)
{
	for (int m = 0; m < TEXTS; m++)
		write_text(m, m < SECOND ? octets : SMALL);
}

/* Those whom the message that is spooled is for: the server knows the last of
 * them not; LMTP has the others. */
const char *const rcpts[RCPTS] = {
    "bob@example.org", "carl@example.org", "nobody@example.org"};

static void
judge_envelope(const char *top, size_t n, struct seen *seen)
{
	char listed[64], own[64];

	for (int r = 0; r < RCPTS; r++) {
		snprintf(listed, sizeof(listed), " <%s>\n", rcpts[r]);
		snprintf(own, sizeof(own), "\nDelivered-To: %s\n", rcpts[r]);
		seen->sent[r] += memmem(top, n, listed, strlen(listed)) ||
		    memmem(top, n, own, strlen(own));
	}
}

static bool
is_report(const char *data, size_t n, struct seen *seen)
{
	char key[64];
	bool is = false;

	if (!memmem(data, n, "\nAuto-Submitted: auto-replied", 29) &&
	    !memmem(data, n, "delivery-status", 15))
		return false;
	for (int r = 0; r < RCPTS; r++) {
		snprintf(
		    key, sizeof(key), "Final-Recipient: rfc822;%s\n", rcpts[r]);
		if (memmem(data, n, key, strlen(key))) {
			seen->bounced[r]++;
			is = true;
		}
	}
	return is;
}

/* Header fields on top, and line ends that a peer adds, leave it whole; a Bcc
 * does not. */
void
message_judge(const char *data, size_t n, struct seen *seen)
{
	if (is_report(data, n, seen))
		return;
	while (n > 1 && data[n - 1] == '\n' && data[n - 2] == '\n')
		n--;
	for (int m = 0; m < TEXTS; m++) {
		size_t len = strlen(state->text[m]), top = n - len;

		if (n < len || memcmp(data + top, state->text[m], len) != 0 ||
		    (top > 0 && data[top - 1] != '\n') ||
		    memmem(data, top, "\nBcc:", 5))
			continue;
		seen->count[m]++;
		if (m == FIRST)
			judge_envelope(data, top, seen);
		return;
	}
	seen->partial++;
}
