/*
 * Problem documents (RFC 8555 6.7, RFC 9457): one table says of each type whose fault it is and what to do next.
 */
#ifndef ACME_PROBLEM_H
#define ACME_PROBLEM_H

#include "base/json.h"

/* type, text of the urn, error kind, class, whose fault, sentence for a person; the table itself is problem.def */
enum problem_type {
#define X(type, urn, kind, class, fault, advice) PROBLEM_##type,
#include "acme/problem.def"
#undef X
    PROBLEM_TYPE_N
};

struct acme_identifier_problem {
    const char *identifier; /* NULL when the subproblem names none */
    enum problem_type type;
    const char *detail;
};
struct acme_problem {
    enum problem_type type; /* PROBLEM_OTHER for unknown ones: the HTTP status decided the kind */
    const char *urn;        /* as sent */
    const char *detail;     /* "" when absent; always shown */
    const char *instance;   /* NULL when absent */
    int status;
    enum err_kind kind;
    enum err_class class;
    enum err_fault fault;
    const char *advice;            /* a literal */
    const struct json *algorithms; /* badSignatureAlgorithm, borrowed */
    const struct acme_identifier_problem *subproblems;
    size_t n_subproblems;
};
/* Texts are copied into the arena with control bytes escaped and cut at 512 bytes; only the detail of a paused account may have 900,
 * because it holds the address a person must visit. tree may be NULL (no or no JSON body).
 * A status of 429 is THROTTLED whatever the type; "paused" (Let's Encrypt: 429 with an unpause address) is DENIED and a
 * person's matter. compound is judged as its first known part, a type that is not known by its status: 5xx, 408, 425 and 429 are the CA's. */
const struct acme_problem *acme_problem_read(const struct json *tree, int status,
                                             struct arena *arena);
/* The error of a problem: kind, class, fault and advice, "what: 429 rateLimited: detail [name: detail; ...]", until_ms = retry_at_ms where throttled. A passing
 * fault whose answer names a time (503 with Retry-After) is THROTTLED too. Returns false. */
bool acme_problem_err(const struct acme_problem *problem, const char *what, int64_t retry_at_ms,
                      struct err *err);
const char *problem_type_name(enum problem_type type); /* "rateLimited" */
const char *problem_advice(enum problem_type type);
enum err_fault problem_fault(enum problem_type type);
enum err_class problem_class(enum problem_type type);
enum err_kind problem_kind(enum problem_type type);
enum problem_type problem_type_find(const char *urn); /* with or without the urn prefix */

#endif
