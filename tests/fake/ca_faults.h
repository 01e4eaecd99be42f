/*
 * Faults: what the authority does wrong on request, and when (see fake_ca_set).
 *
 * An act has a phase. BEFORE: the reply replaces the request, which has no effect. INSIDE: the
 * handler obeys. AFTER: the request took effect and its reply is spoiled. Names ending in ':' go
 * on with an argument.
 */
#ifndef FAKE_CA_FAULTS_H
#define FAKE_CA_FAULTS_H

#include "fake/ca_core.h"

#define FAKE_ACTS(X)                                                                               \
    X(DROP_REQUEST, "drop-request", BEFORE, "closes the connection without effect")                \
    X(S500, "500", BEFORE, "500 serverInternal")                                                   \
    X(S503, "503", BEFORE, "503 of a load balancer: text, no nonce")                               \
    X(S429, "429", BEFORE, "429 rateLimited with a Link to help")                                  \
    X(S404, "404", BEFORE, "404 malformed, as if the thing never was")                             \
    X(HTML, "html", BEFORE, "502 with an HTML page")                                               \
    X(BADNONCE, "badnonce", BEFORE, "400 badNonce with a fresh nonce")                             \
    X(PROBLEM, "problem:", BEFORE, "problem:STATUS:TYPE[:DETAIL]")                                 \
    X(REDIRECT, "redirect:", BEFORE, "302 to the URL that follows")                                \
    X(WRONG_CERT, "wrong-cert:", INSIDE, "certificate (this time) or finalize (for good): a kind") \
    X(INVALID_AUTHZ, "invalid-authz", INSIDE, "challenge, authz: the validation fails")            \
    X(INVALID_ORDER, "invalid-order", INSIDE, "finalize, order: the order fails")                  \
    X(FOR_EVER, "processing-forever", INSIDE, "challenge, finalize: it never ends")                \
    X(NO_CHALLENGE, "no-challenge", INSIDE, "authz: offers only a type nobody knows")              \
    X(ARI_INVERTED, "ari-inverted", INSIDE, "renewalInfo: end before start")                       \
    X(ARI_PAST, "ari-past", INSIDE, "renewalInfo: a window long gone")                             \
    X(ARI_FUTURE, "ari-future", INSIDE, "renewalInfo: a window beyond the certificate's end")      \
    X(DROP_REPLY, "drop-reply", AFTER, "takes effect, then the connection is closed")              \
    X(DROP_STREAM, "drop-stream", AFTER, "as drop-reply; HTTP/2 resets the stream only")           \
    X(TRUNCATE, "truncate", AFTER, "the connection breaks in the middle of the body")              \
    X(CUT_BODY, "cut-body", AFTER, "half the body, framed as if it were all")                      \
    X(GARBAGE, "garbage", AFTER, "bytes that are no JSON and no PEM")                              \
    X(SLOW, "slow", AFTER, "one byte a second")                                                    \
    X(HUGE, "huge", AFTER, "a gigabyte follows the body")                                          \
    X(DEEP, "deep", AFTER, "100,000 nested arrays")                                                \
    X(EMPTY, "empty", AFTER, "no body")                                                            \
    X(PAGE, "page", AFTER, "200 with an HTML page, as of a captive portal")                        \
    X(RAW, "raw:", AFTER, "raw:TEXT puts it right behind the first brace of the body")             \
    X(HEADER, "header:", AFTER, "header:NAME=VALUE in place of what the header said")              \
    X(NUL, "nul", AFTER, "a member whose text holds a NUL")                                        \
    X(TWICE, "duplicate-key", AFTER, "every object begins with a second \"status\"")               \
    X(MANY_HEADERS, "many-headers", AFTER, "100,000 headers more")                                 \
    X(SET, "set:", AFTER, "set:MEMBER=JSON puts a member into the body")                           \
    X(REMOVE, "remove:", AFTER, "remove:MEMBER takes one out")                                     \
    X(NO_HEADER, "no-header:", AFTER, "no-header:NAME takes a header away")

enum fake_act {
#define X(act, name, phase, what) ACT_##act,
    FAKE_ACTS(X)
#undef X
        ACT_N
};

#define FAKE_WRONGS(X)                                                                             \
    X(NONE, "none", "as it should be")                                                             \
    X(OTHER_KEY, "other-key", "for a key that is not the CSR's")                                   \
    X(MISSING_NAME, "missing-name", "without the last name of the order")                          \
    X(EXTRA_NAME, "extra-name", "with a name nobody asked for")                                    \
    X(OTHER_NAMES, "other-names", "for quite another name")                                        \
    X(EXPIRED, "expired", "ended yesterday")                                                       \
    X(FUTURE, "future", "begins in a year")                                                        \
    X(NO_CHAIN, "no-chain", "the leaf alone")                                                      \
    X(SHUFFLED, "shuffled", "the leaf comes last")                                                 \
    X(WRONG_ISSUER, "wrong-issuer", "followed by an issuer that did not sign it")                  \
    X(GARBAGE, "garbage", "PEM armour around noise")                                               \
    X(LINKS_1000, "1000-links", "a thousand intermediates")                                        \
    X(TRUNCATED, "truncated", "ends within the leaf")

enum fake_wrong {
#define X(wrong, name, what) WRONG_##wrong,
    FAKE_WRONGS(X)
#undef X
        WRONG_N
};

struct fault {
    enum fake_kind on; /* FAKE_KIND_N: any */
    enum fake_act act;
    char *argument, *retry_after, *name; /* retry_after: one header a line */
    enum fake_wrong wrong;
    int64_t nth, times, percent;
    int64_t seen, fired;
};

struct json;
struct call;
bool fake_fault_read(const struct json *tree, struct fault *ret_fault, struct err *err);
void fake_fault_fini(struct fault *fault);
/* The lasting text of a header's name that act HEADER may set; NULL for others. */
const char *fake_fault_header(struct str name);
/* The first fault that hits this request; counts it. NULL when none does. */
struct fault *fake_fault_match(struct call *c);
/* Phase BEFORE: true when the reply is written and the request must have no effect. */
bool fake_fault_before(struct call *c);
void fake_fault_after(struct call *c);
/* The Retry-After headers the fault asks for, in place of any other. */
void fake_fault_retry_after(struct call *c);

#endif
