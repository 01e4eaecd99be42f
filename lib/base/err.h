/*
 * Errors that know what to do next.
 *
 * What can fail returns bool, takes `struct err *err` last and leaves its ret_ outputs untouched on
 * failure. The KIND tells the program what to do; the TEXT tells a person what happened, outermost
 * context first, on one line:
 *
 *     set shop: order at letsencrypt: newOrder: 429 rateLimited: too many certificates (5) ...
 *
 * A struct err lives on the caller's stack, owns nothing and never allocates. Programming mistakes
 * do not become errors: CHECK() stops the process, because any stop is safe here.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

/* kind, name, what the program does about it */
#define ERR_KINDS(X)                                                                               \
    X(NONE, "none", "nothing happened")                                                            \
    X(AGAIN, "again", "a passing fault: try again with back-off")                                  \
    X(THROTTLED, "throttled", "the peer asks for patience: try again at until_ms")                 \
    X(DENIED, "denied", "credentials or policy refuse: a person must act")                         \
    X(REFUSED, "refused", "the peer refuses this very request: change it before trying again")     \
    X(ABSENT, "absent", "the thing asked for does not exist")                                      \
    X(BROKEN, "broken", "the peer or the data breaks the rules of its format or protocol")         \
    X(CONFIG, "config", "the configuration or the command line is wrong: a person must act")       \
    X(STORE, "store", "our own store or sealing key cannot be used: stop issuing")                 \
    X(LOCAL, "local", "this machine fails us (disk full, no descriptors): pause and try again")    \
    X(HELD, "held", "another process holds the lease")                                             \
    X(BUG, "bug", "we contradict ourselves: report it")

enum err_kind {
#define X(kind, name, what) ERR_##kind,
    ERR_KINDS(X)
#undef X
        ERR_KIND_N
};

/* class, name, when another try makes sense and what it takes */
#define ERR_CLASSES(X)                                                                             \
    X(LATER, "later", "tried again with back-off: after 1, 10 and 100 minutes, then daily")        \
    X(AT_ONCE, "at once", "repeated at once; nothing to do")                                       \
    X(POLL, "re-poll", "the state is looked at again; nothing to do")                              \
    X(CONFIG, "configuration",                                                                     \
      "something must be set right; tried again slowly: after 10 and 100 minutes, then daily")     \
    X(HUMAN, "human",                                                                              \
      "only a person can change it: held until the set's file, chancery.yaml or the CA's "         \
      "directory changes")

enum err_class {
#define X(class, name, what) CLASS_##class,
    ERR_CLASSES(X)
#undef X
        ERR_CLASS_N
};

/* fault, name, who must move before another try can succeed */
#define ERR_FAULTS(X)                                                                              \
    X(UNKNOWN, "unknown", "nobody knows")                                                          \
    X(CA, "ca", "the CA")                                                                          \
    X(CONFIG, "configuration", "the configuration")                                                \
    X(QUOTA, "quota", "nobody: the limit fills up again with time")                                \
    X(DNS, "dns", "the DNS of the domain")                                                         \
    X(US, "us", "Chancery")                                                                        \
    X(PERSON, "person", "a person, at the CA's web site")

enum err_fault {
#define X(fault, name, who) FAULT_##fault,
    ERR_FAULTS(X)
#undef X
        ERR_FAULT_N
};

enum { ERR_TEXT_MAX = 1024 };

struct err {
    enum err_kind kind;
    enum err_class class;
    enum err_fault fault;
    int64_t until_ms;   /* THROTTLED: UTC unix milliseconds of the next sensible try, else 0 */
    const char *advice; /* what a person should do, a literal; NULL when nothing is known */
    char text[ERR_TEXT_MAX];
};

/* Fills *err (kind and text; class and fault as the kind usually has them, no advice) and returns false, so that a failing function ends in
 * `return err_set(err, ERR_AGAIN, "connect to %s: %s", host, why);`. Text beyond the ceiling is cut
 * with "..."; control bytes become '?'. err may be NULL: then only false is returned. */
bool err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the text and returns false; kind and until_ms stay. */
bool err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* As err_set, with the kind fixed to THROTTLED and the time of the next try. */
bool err_throttled(struct err *err, int64_t until_ms, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* From an errno value: ENOSPC, EDQUOT, EMFILE, ENFILE, ENOMEM, EROFS, EIO -> LOCAL;
 * ENOENT, ENOTDIR -> ABSENT; EACCES, EPERM -> DENIED; the network's passing faults -> AGAIN; else
 * LOCAL. The text becomes "context: strerror". */
bool err_errno(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Says more than the kind does. advice: a literal or NULL. Returns false. */
bool err_judge(struct err *err, enum err_class class, enum err_fault fault, const char *advice);

void err_clear(struct err *err);
const char *err_kind_name(enum err_kind kind);
const char *err_class_name(enum err_class class);
/* ERR_NONE when the name is unknown. */
enum err_kind err_kind_find(const char *name);

/* Stops the process with file, line and condition on stderr when cond is false. Never compiled out.
 */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond))
_Noreturn void check_failed(const char *file, int line, const char *what);

/* Runs fini(&variable) when the variable leaves its scope: AUTO(buf_fini) struct buf b = ...; */
#define AUTO(fini) __attribute__((cleanup(fini)))

#endif
