/* http_words.c - why no answer came, as a postmaster reads it. */
#include "http_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "dragoman/base/log.h"

void
dg_http_must(bool is_good, const char *what)
{
	if (is_good)
		return;
	dg_log(DG_LOG_ERROR, "no-http", dg_kv_z("what", what));
	abort();
}

static void
why_no_connection(CURL *easy, char *text, size_t room)
{
	long error = 0;

	curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &error);
	if (error != 0)
		dg_errno_words((int)error, text, room);
	else
		snprintf(text, room, "cannot be reached");
}

void
dg_http_say_why(CURL *easy, CURLcode code, const char *words, size_t max_bytes,
    char text[DG_HTTP_WHY_ROOM])
{
	const size_t room = DG_HTTP_WHY_ROOM;

	if (words[0] == '\0')
		words = curl_easy_strerror(code);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		why_no_connection(easy, text, room);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		snprintf(text, room, "did not answer in time");
		break;
	case CURLE_GOT_NOTHING:
		snprintf(text, room, "closed the connection without an answer");
		break;
	case CURLE_PARTIAL_FILE:
		snprintf(text, room,
		    "closed the connection in the middle of its answer");
		break;
	case CURLE_FILESIZE_EXCEEDED:
		snprintf(text, room, "answered more than %zu bytes", max_bytes);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		snprintf(text, room,
		    "has a certificate that is not accepted: "
		    "%s",
		    words);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		snprintf(text, room, "failed in TLS: %s", words);
		break;
	default:
		snprintf(text, room, "gave no answer: %s", words);
	}
}
