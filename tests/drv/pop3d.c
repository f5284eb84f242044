/* pop3d PIECE [clear] [stls] [notls] [resume]...: stdin to the POP3 server's
 * dialogue, PIECE octets at a time (0: all at once), over a maildrop of two
 * messages of which the second cannot be read. Prints the replies and, behind
 * "| ", the events. The password is "secret"; as names "cut" makes RETR be cut,
 * "busy", "trouble" and "handed" have their answers. stls: it is offered, and
 * the handshake is a line "HANDSHAKE" at the start of a piece; notls: it is
 * not to be had. resume: starts with a login to be answered. */
#include "drv.h"

#include "pop3d.h"

static bool marked, has_tls = true;

static enum pop3d_answer
log_in(const struct pop3d *p)
{
	printf("| LOGIN <%s> <%s>\n", p->user, p->password);
	if (strcmp(p->user, "busy") == 0)
		return POP3D_IN_USE;
	if (strcmp(p->user, "trouble") == 0)
		return POP3D_NO_LOGIN;
	if (strcmp(p->user, "handed") == 0)
		return POP3D_HANDED_ON;
	return strcmp(p->password, "secret") == 0 ? POP3D_DONE : POP3D_DENIED;
}

static enum pop3d_answer
act(const struct pop3d *p, enum pop3d_event event)
{
	bool there = p->number >= 1 && p->number <= 2;

	switch (event) {
	case POP3D_STLS:
		puts("| STLS");
		return has_tls ? POP3D_DONE : POP3D_NO_TLS;
	case POP3D_LOGIN:
		return log_in(p);
	case POP3D_LIST:
	case POP3D_UIDL:
		printf("| %s", event == POP3D_LIST ? "LIST" : "UIDL");
		if (p->all)
			puts(" all");
		else
			printf(" %llu\n", (unsigned long long)p->number);
		return p->all || there ? POP3D_SAID : POP3D_NO_MESSAGE;
	case POP3D_TOP:
	case POP3D_RETR:
		printf("| RETR %llu", (unsigned long long)p->number);
		if (event == POP3D_TOP)
			printf(" %llu", (unsigned long long)p->lines);
		puts("");
		if (strcmp(p->user, "cut") == 0)
			return POP3D_CUT;
		return p->number == 1 ? POP3D_SAID
		    : there           ? POP3D_UNREADABLE
				      : POP3D_NO_MESSAGE;
	case POP3D_DELE:
		printf("| DELE %llu\n", (unsigned long long)p->number);
		marked |= p->number == 2;
		return there ? POP3D_DONE : POP3D_NO_MESSAGE;
	case POP3D_UPDATE:
		puts("| UPDATE");
		return marked ? POP3D_NOT_REMOVED : POP3D_DONE;
	case POP3D_RSET:
		puts("| RSET");
		marked = false;
		return POP3D_DONE;
	default:
		puts("| STAT");
		return POP3D_SAID;
	}
}

static void
print(struct pop3d *p)
{
	fwrite(p->out.data, 1, p->out.len, stdout);
	buf_reset(&p->out);
}

/* The client waits for our go-ahead before it sends this. */
static size_t
shake_hands(struct pop3d *p, const struct buf *in, size_t at)
{
	static const char line[] = "HANDSHAKE\r\n";
	char *found = memmem(in->data + at, in->len - at, line, strlen(line));
	enum pop3d_event event;
	size_t n = found ? (size_t)(found - in->data) - at : 0;

	if (!found)
		return at;
	if (pop3d_take(p, in->data + at, n, &event) != n || event != POP3D_MORE)
		puts("NOT DROPPED");
	pop3d_secure(p);
	return at + n + strlen(line);
}

static void
set(struct pop3d *p, const char *word)
{
	p->clear |= strcmp(word, "clear") == 0;
	p->starttls |= strcmp(word, "stls") == 0;
	if (strcmp(word, "notls") == 0)
		has_tls = false;
	if (strcmp(word, "resume") == 0) {
		pop3d_resume(p);
		pop3d_answer(p, POP3D_DONE);
	}
}

int
main(int argc, char *argv[])
{
	struct pop3d p = {.clear = false};
	struct buf in = drv_input();
	size_t piece = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, at = 0;
	enum pop3d_event event = POP3D_MORE;

	for (int i = 2; i < argc; i++)
		set(&p, argv[i]);
	if (!p.in)
		pop3d_begin(&p);
	print(&p);
	while (event != POP3D_CLOSE && (at < in.len || event != POP3D_MORE)) {
		size_t left = in.len - at;

		if (piece > 0 && left > piece)
			left = piece;
		at += pop3d_take(&p, in.data + at, left, &event);
		if (event > POP3D_REPLIED && event < POP3D_CLOSE)
			pop3d_answer(&p, act(&p, event));
		print(&p);
		if (p.in_handshake)
			at = shake_hands(&p, &in, at);
	}
	puts(event == POP3D_CLOSE ? "CLOSED" : "WAITING");
	pop3d_free(&p);
	buf_free(&in);
	return 0;
}
