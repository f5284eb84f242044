#include "dialoptions.h"

#include <stdio.h>
#include <string.h>

#include "parse.h"

int
dial_option(
    struct dial_options *o, int key, const char *value, char *why, size_t size)
{
	static const char *const modes[] = {
	    [TLS_REQUIRED] = "required",
	    [TLS_OPPORTUNISTIC] = "opportunistic",
	    [TLS_OFF] = "off",
	};
	uint64_t seconds;

	switch (key) {
	case DIAL_TLS:
		for (int i = TLS_REQUIRED; i <= TLS_OFF; i++)
			if (strcmp(value, modes[i]) == 0) {
				o->tls = (enum tls)i;
				return 0;
			}
		snprintf(why, size,
		    "`%s' is not required, opportunistic or off", value);
		return -1;
	case DIAL_TIMEOUT:
		if (parse_duration(value, &seconds) == 0 && seconds > 0 &&
		    seconds <= 86400) {
			o->timeout = o->login.seconds = (unsigned)seconds;
			return 0;
		}
		snprintf(why, size, "`%s' is not a time of 1s to 1d", value);
		return -1;
	case DIAL_CAFILE:
		o->cafile = value;
		return 0;
	case DIAL_PROXY:
		o->proxy = value;
		return 0;
	case DIAL_PASSWORD_COMMAND:
		o->login.password_command = value;
		return 0;
	case DIAL_PASSWORD_FILE:
		o->login.password_file = value;
		return 0;
	case DIAL_PASSWORD_FD:
		o->login.password_fd = value;
		return 0;
	case DIAL_OAUTH2_COMMAND:
		o->login.oauth2_command = value;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	}
	return 1;
}
