/* log TARGET event NAME [KEY VALUE [KEY VALUE]]; log TARGET error TEXT;
 * log TARGET die CODE TEXT; a TARGET of "-" never calls log_open. */
#include "drv.h"

#include "log.h"

int
main(int argc, char *argv[])
{
	enum log_target target;

	if (strcmp(argv[1], "-") != 0) {
		if (log_target(argv[1], &target, NULL, 0) < 0)
			return 64;
		log_open("drv", target);
	}
	if (!strcmp(argv[2], "event"))
		log_event(argv[3], argc > 4 ? argv[4] : NULL,
		    argc > 5 ? argv[5] : NULL, argc > 6 ? argv[6] : NULL,
		    argc > 7 ? argv[7] : NULL, NULL);
	else if (!strcmp(argv[2], "error"))
		log_error("%s", argv[3]);
	else if (!strcmp(argv[2], "die"))
		log_die(atoi(argv[3]), "%s", argv[4]);
	if (write(2, "raw\n", 4) < 0)
		return 1;
	return 0;
}
