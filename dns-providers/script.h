/*
 * What providers share that run programs people bring along: a hook of certbot, a script of acme.sh, a program of their own.
 *
 * All of them get a clean environment: PATH and LANG, what the protocol says, the settings `environment` (texts) and `secrets`
 * (references; the host fills them in, so that they are in no argument, log or talk). How such a program ended is judged in one place.
 */
#ifndef DNS_PROVIDERS_SCRIPT_H
#define DNS_PROVIDERS_SCRIPT_H

#include "dns-providers/wish.h"

/* Rows of a settings table. */
#define SCRIPT_ENVIRONMENT                                                                         \
    {                                                                                              \
        .name = "environment", .kind = SETTING_MAP,                                                \
        .sentence =                                                                                \
            "Variables for its environment. It gets no others but PATH, LANG, these, those "       \
            "of `secrets`, and what is told to it about the record."                               \
    }
#define SCRIPT_SECRETS                                                                             \
    {                                                                                              \
        .name = "secrets", .kind = SETTING_SECRET_MAP,                                             \
        .sentence =                                                                                \
            "Variables whose values are secret, each as a reference. They are in no argument "     \
            "and no log; what the program prints of them is masked."                               \
    }

/* Names can be names of variables, and none is given twice or begins with one of the NULL-terminated prefixes. Kind CONFIG. */
bool script_variables_check(const struct json *settings, const char *const *reserved,
                            struct err *err);
/* An absolute path or a bare name. what: the setting. Kind CONFIG. */
bool script_path_check(const char *what, const char *program, struct err *err);

/* own (NULL-terminated, the arena's) and those of the setting `environment`. */
const char *const *script_environment(const struct dns_job *job, const char *const *own);
/* Those of the setting `secrets`, as dns_wish_run takes them; NULL: none. */
const char *const *script_secrets(const struct dns_job *job);

/* How one protocol runs a program a record. */
struct script_protocol {
    size_t n_lines; /* of its last output that a failure shows */
    const char *(*doing)(const struct dns_job *job, const struct dns_job_record *record);
    void (*run)(const struct dns_job *job, const struct dns_job_record *record,
                struct dns_wish *ret_wish);
    /* It ended well: what it printed. False: *ret_wish says why the job fails all the same. */
    bool (*hear)(const struct dns_job *job, struct dns_job_record *record,
                 const struct dns_answer *answer, struct dns_wish *ret_wish);
};
/* The step of such a provider: one record after the other. */
void script_step(const struct script_protocol *protocol, struct dns_job *job,
                 const struct dns_answer *answer, struct dns_wish *ret_wish);

/* How it ended; false: *ret_wish says why the job fails, with the last n_lines it wrote. doing: "hook present". */
bool script_hear(const struct dns_answer *answer, const char *doing, size_t n_lines,
                 struct dns_wish *ret_wish);
/* Fails with what a program said last. */
void script_fail(const struct dns_answer *answer, const char *doing, size_t n_lines,
                 enum err_kind kind, const char *what, struct dns_wish *ret_wish);
/* The last line with anything on it that starts with prefix. */
struct str script_last_line(struct str output, struct str prefix);

/* Programs that are told a domain write below `_acme-challenge.` of it: the domain for that owner name, NULL when there is none. */
const char *script_domain(const char *owner);

#endif
