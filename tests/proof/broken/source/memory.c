/* Uses what it has freed and divides by it: for the checkers of source, and for
 * valgrind. */
#include <stdio.h>
#include <stdlib.h>

int
main(void)
{
	int *p = malloc(sizeof *p);

	if (!p)
		return 1;
	*p = 3;
	free(p);
	printf("%d\n", 12 / *p);
	return 0;
}
