/* err.c - fill an error once, put context in front of it.
 *
 * Why fixed room: an error must be writable when memory is short, and its text
 * ends up in one SMTP reply or one log line, where more than this is noise.
 * Both functions format aside first, so that a caller may quote the old text.
 * Nothing is logged here: whoever acts on an error decides that.
 */
#include "dragoman/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void
copy(char *to, size_t room, const char *from)
{
	size_t n = strlen(from);

	if (n >= room)
		n = room - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

enum dg_rc
dg_fail(struct dg_err *e, enum dg_rc rc, int code, const char *enhanced,
    const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	if (e == NULL)
		return rc;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	e->rc = rc;
	e->code = code;
	copy(e->enhanced, sizeof(e->enhanced), enhanced ? enhanced : "");
	copy(e->text, sizeof(e->text), text);
	return rc;
}

void
dg_err_in(struct dg_err *e, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;
	size_t n;

	if (e == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	copy(text + n, sizeof(text) - n, ": ");
	n = strlen(text);
	copy(text + n, sizeof(text) - n, e->text);
	copy(e->text, sizeof(e->text), text);
}

const char *
dg_rc_name(enum dg_rc rc)
{
	switch (rc) {
	case DG_OK:
		return "ok";
	case DG_AGAIN:
		return "again";
	case DG_E_PROTO:
		return "proto";
	case DG_E_LIMIT:
		return "limit";
	case DG_E_IO:
		return "io";
	case DG_E_FULL:
		return "full";
	case DG_E_AUTH:
		return "auth";
	case DG_E_TLS:
		return "tls";
	case DG_E_CONFIG:
		return "config";
	case DG_E_POLICY:
		return "policy";
	case DG_E_ABSENT:
		return "absent";
	case DG_E_TIMEOUT:
		return "timeout";
	case DG_E_CANCEL:
		return "cancel";
	}
	return "unknown";
}
