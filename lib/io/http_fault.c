#include "io/http_inside.h"

struct fault {
    CURLcode code;
    enum err_kind kind;
    const char *phase; /* NULL: by how far the transfer came */
    const char *why;   /* NULL: curl's own words */
};

/* What is not in the table is a passing fault. */
static const struct fault faults[] = {
    {CURLE_UNSUPPORTED_PROTOCOL, ERR_BROKEN, "answer",
     NULL}, /* also: an answer that is not HTTP/1 */
    {CURLE_URL_MALFORMAT, ERR_REFUSED, "URL", NULL},
    {CURLE_WEIRD_SERVER_REPLY, ERR_BROKEN, "answer", NULL},
#if LIBCURL_VERSION_NUM >= 0x080600
    {CURLE_TOO_LARGE, ERR_BROKEN, "answer",
     NULL}, /* before 8.6 curl had no limit of its own here */
#endif
    {CURLE_BAD_CONTENT_ENCODING, ERR_BROKEN, "answer", NULL},
    {CURLE_OUT_OF_MEMORY, ERR_LOCAL, NULL, "out of memory"},
    {CURLE_COULDNT_RESOLVE_HOST, ERR_AGAIN, "name resolution", "no address found"},
    {CURLE_PARTIAL_FILE, ERR_AGAIN, "answer", "the connection ended in the middle of the body"},
    {CURLE_SEND_FAIL_REWIND, ERR_AGAIN, "answer", "the connection was closed without an answer"},
    {CURLE_GOT_NOTHING, ERR_AGAIN, "answer", "the connection was closed without an answer"},
    {CURLE_OPERATION_TIMEDOUT, ERR_AGAIN, NULL, NULL},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_DENIED, "TLS handshake", NULL},
    {CURLE_SSL_CACERT_BADFILE, ERR_DENIED, "TLS trust file", NULL},
    {CURLE_SSL_ISSUER_ERROR, ERR_DENIED, "TLS handshake", NULL},
    {CURLE_SSL_INVALIDCERTSTATUS, ERR_DENIED, "TLS handshake", NULL},
};

static const struct fault *fault_find(CURLcode code)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (faults[i].code == code)
            return &faults[i];
    return NULL;
}

static bool reached(CURL *easy, CURLINFO info)
{
    curl_off_t us = 0;
    return curl_easy_getinfo(easy, info, &us) == CURLE_OK && us > 0;
}

/* A call that waits for a free connection has reached nothing yet, like one whose name is being looked up; curl
 * does not tell them apart. */
static const char *phase_of(const struct http_call *call)
{
    if (reached(call->easy, CURLINFO_STARTTRANSFER_TIME_T))
        return "answer";
    if (reached(call->easy, CURLINFO_PRETRANSFER_TIME_T))
        return "waiting for the answer";
    long port = 0; /* of our end: known when TCP is connected; curl's time of it waits for TLS */
    curl_easy_getinfo(call->easy, CURLINFO_LOCAL_PORT, &port);
    if (call->place.is_tls && port > 0)
        return "TLS handshake";
    return reached(call->easy, CURLINFO_NAMELOOKUP_TIME_T) ? "connect" : "name resolution";
}

/* "SSL certificate problem: certificate has expired" and "error:0A00010B:SSL routines::wrong version number" carry
 * their point at the end. */
static const char *point_of(const char *text)
{
    static const char *const fronts[] = {
        "SSL certificate problem: ", "SSL: ", "error setting certificate file: "};
    for (size_t i = 0; i < sizeof fronts / sizeof fronts[0]; i++)
        if (strncmp(text, fronts[i], strlen(fronts[i])) == 0)
            return text + strlen(fronts[i]);
    const char *routine = strstr(text, "SSL routines::");
    return routine != NULL ? routine + strlen("SSL routines::") : text;
}

static const char *why_of(const struct http_call *call, CURLcode code)
{
    return call->curl_error[0] != '\0' ? point_of(call->curl_error) : curl_easy_strerror(code);
}

/* Most failed handshakes are a peer that restarts. These say that it speaks no TLS at all, or none that may be trusted. */
static enum err_kind handshake_kind(const char *text)
{
    if (strstr(text, "wrong version number") != NULL || strstr(text, "packet length") != NULL)
        return ERR_BROKEN;
    if (strstr(text, "unsupported protocol") != NULL || strstr(text, "protocol version") != NULL)
        return ERR_DENIED;
    return ERR_AGAIN;
}

static void fault_connect(struct http_call *call)
{
    long code = 0;
    curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &code);
    if (call->forbidden[0] != '\0')
        err_set(&call->err, ERR_REFUSED, "%s: connect: the address %s is not public",
                call->place.text, call->forbidden);
    else if (code != 0)
        err_set(&call->err, ERR_AGAIN, "%s: connect: %s", call->place.text,
                strerrordesc_np((int)code));
    else
        err_set(&call->err, ERR_AGAIN, "%s: connect: %s", call->place.text,
                why_of(call, CURLE_COULDNT_CONNECT));
}

void http_fault(struct http_call *call, CURLcode code)
{
    const char *host = call->place.text;
    if (call->flaw == HTTP_FLAW_HEAD) {
        err_set(&call->err, ERR_BROKEN, "%s: answer: headers of more than %d bytes", host,
                HTTP_HEAD_MAX);
        return;
    }
    if (call->flaw == HTTP_FLAW_BODY) {
        err_set(&call->err, ERR_BROKEN, "%s: answer: a body of more than %zu bytes", host,
                call->max_body);
        return;
    }
    if (code == CURLE_COULDNT_CONNECT) {
        fault_connect(call);
        return;
    }
    const char *why = why_of(call, code);
    /* With HTTP/2 curl gives up on a flood of headers by itself, in words of its library. */
    if (strstr(why, "nghttp2_session_mem_recv") != NULL) {
        err_set(&call->err, ERR_BROKEN, "%s: answer: HTTP/2 frames that cannot be taken", host);
        return;
    }
    if (code == CURLE_SSL_CONNECT_ERROR) {
        err_set(&call->err, handshake_kind(why), "%s: TLS handshake: %s", host, why);
        return;
    }
    const struct fault *fault = fault_find(code);
    const char *phase = fault != NULL && fault->phase != NULL ? fault->phase : phase_of(call);
    if (fault != NULL && fault->why != NULL)
        why = fault->why;
    err_set(&call->err, fault != NULL ? fault->kind : ERR_AGAIN, "%s: %s: %s", host, phase, why);
}
