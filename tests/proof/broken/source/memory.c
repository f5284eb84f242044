/* Uses what it has freed, and writes behind an array: for the checkers of
 * source, and for valgrind. */
#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char *argv[])
{
	int *p = malloc(sizeof *p), past[2];

	if (!p)
		return 1;
	if (argc > 1)
		past[2] = argv[1][0];
	*p = 3;
	free(p);
	printf("%d\n", argc > 1 ? past[0] : *p);
	return 0;
}
