#include "received.h"

#include <string.h>

#include "address.h"
#include "date.h"

#define FOR_MAX 800 /* of an address, to keep the line under 998 octets */

/* Behind the name that the client gives itself comes its address in (), which
 * it cannot write; what is no name stands in a comment. */
static void
add_client(const struct received *r, struct buf *out)
{
	if (address_is_domain(r->name))
		buf_addf(out, "Received: from %s (%s)\n", r->name, r->address);
	else
		buf_addf(out, "Received: from unknown (%s)\n\t(HELO %s)\n",
		    r->address, r->name);
}

void
received_write(const struct received *r, struct buf *out)
{
	char date[DATE_MAX];

	date_rfc5322(r->at, date);
	add_client(r, out);
	if (r->version)
		buf_addf(out, "\t(using %s with cipher %s)\n", r->version,
		    r->cipher);
	buf_addf(out, "\tby %s with %s id %s", r->by, r->protocol, r->id);
	if (r->rcpt && strlen(r->rcpt) < FOR_MAX)
		buf_addf(out, "\n\tfor <%s>", r->rcpt);
	buf_addf(out, "; %s\n", date);
}
