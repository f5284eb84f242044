#include "verdict.h"

#include <errno.h>
#include <sys/wait.h>

enum verdict
verdict_of_exit(int code)
{
	switch (code) {
	case EX_OK:
		return OK;
	case EX_DATAERR:
	case EX_NOUSER:
	case EX_NOHOST:
	case EX_UNAVAILABLE:
	case EX_NOPERM:
		return PERM;
	default:
		return TEMP;
	}
}

int
verdict_worst(int status, int code)
{
	if (verdict_of_exit(code) == PERM)
		code = EX_UNAVAILABLE;
	if (!code)
		return status;
	return !status || verdict_of_exit(status) == PERM ? code : status;
}

bool
verdict_is_misuse(int code)
{
	return code == EX_USAGE || code == EX_CONFIG || code == 126 ||
	    code == 127;
}

int
verdict_exit_of_wait(int status)
{
	if (!WIFEXITED(status) || WEXITSTATUS(status) >= 126)
		return EX_TEMPFAIL;
	return WEXITSTATUS(status);
}

int
verdict_exit_of_errno(int err, int mistake)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case EISDIR:
	case EACCES:
	case EPERM:
	case ELOOP:
	case ENAMETOOLONG:
	case EINVAL:
	case ENXIO:
	case ENODEV:
	case ENODATA:
	case EMSGSIZE:
	case EBADF:
		return mistake;
	default:
		return EX_TEMPFAIL;
	}
}

enum verdict
verdict_of_code(int code)
{
	if (code >= 200 && code <= 299)
		return OK;
	return code >= 500 && code <= 599 ? PERM : TEMP;
}

const char *
verdict_reply(int exit_code)
{
	switch (exit_code) {
	case EX_OK:
		return "250 2.0.0 Message accepted";
	case EX_DATAERR:
		return "554 5.6.0 Message content refused";
	case EX_NOUSER:
		return "550 5.1.1 No such user here";
	case EX_NOHOST:
		return "550 5.1.2 No such domain";
	case EX_UNAVAILABLE:
		return "554 5.0.0 Delivery refused";
	case EX_NOPERM:
		return "550 5.7.1 Not allowed";
	default:
		return "451 4.3.0 Temporary trouble, try again later";
	}
}
