/* walk-transport: a transport (mailpipe-batch(5)) that takes messages by
 * putting them into the folder sent, below a line for each recipient, as the
 * walker's server does; it knows no recipient whose name begins with nobody. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIELDS 20

static bool
is_known(const char *rcpt)
{
	return strncmp(rcpt, "<nobody", 7) != 0;
}

static void
copy(const char *path, long offset, FILE *to)
{
	static char data[1 << 20];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = pread(fd, data, sizeof(data), offset);

	if (n < 0 || fwrite(data, 1, (size_t)n, to) != (size_t)n)
		exit(75);
	close(fd);
}

/* A dot file is none that readers see. */
static void
take(char *field[], int n)
{
	static int taken;
	static const char made[] = "sent/.new";
	char kept[64];
	FILE *f;

	snprintf(kept, sizeof(kept), "sent/%d.%d", (int)getpid(), ++taken);
	f = fopen(made, "we");
	if (!f)
		exit(75);
	for (int i = 5; i < n; i++)
		if (is_known(field[i]))
			fprintf(f, "Rcpt: %s\n", field[i]);
	copy(field[1], strtol(field[2], NULL, 10), f);
	if (fclose(f) != 0 || rename(made, kept) != 0)
		exit(75);
}

static void
answer(char *field[], int n)
{
	for (int i = 5; i < n; i++) {
		printf("%s\t%s\t%s\n", field[0], field[i],
		    is_known(field[i]) ? "ok\t250\t2.0.0\ttaken"
				       : "perm\t550\t5.1.1\tno such user");
		fflush(stdout);
	}
}

int
main(void)
{
	char *line = NULL, *rest, *field[FIELDS];
	size_t room = 0;
	int n;

	while (getline(&line, &room, stdin) > 0) {
		rest = line;
		line[strcspn(line, "\n")] = '\0';
		for (n = 0; n < FIELDS && rest; n++)
			field[n] = strsep(&rest, "\t");
		take(field, n);
		answer(field, n);
	}
	free(line);
	return 0;
}
