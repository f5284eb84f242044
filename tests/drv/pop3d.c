/* pop3d PIECE [clear]: stdin to the POP3 server's dialogue, PIECE octets at a
 * time (0: all at once), over a maildrop of two messages of which the second
 * cannot be read. Prints the replies and, behind "| ", the events. The password
 * is "secret"; "cut" as a name makes RETR be cut. */
#include "drv.h"

#include "pop3d.h"

static bool marked;

static enum pop3d_answer
act(const struct pop3d *p, enum pop3d_event event)
{
	bool there = p->number >= 1 && p->number <= 2;

	switch (event) {
	case POP3D_LOGIN:
		printf("| LOGIN <%s> <%s>\n", p->user, p->password);
		if (strcmp(p->user, "busy") == 0)
			return POP3D_IN_USE;
		return strcmp(p->password, "secret") == 0 ? POP3D_DONE
							  : POP3D_DENIED;
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

int
main(int argc, char *argv[])
{
	struct pop3d p = {.clear = argc > 2};
	struct buf in = drv_input();
	size_t piece = argc > 1 ? strtoul(argv[1], NULL, 10) : 0, at = 0;
	enum pop3d_event event = POP3D_MORE;

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
	}
	puts(event == POP3D_CLOSE ? "CLOSED" : "WAITING");
	pop3d_free(&p);
	buf_free(&in);
	return 0;
}
