/*
 * A survey: the pre-flight of a set for each of its authorities, without ordering anything. What `chancery check --online` shows.
 *
 * Who a CA is comes from its directory as the store has it, else the directory is fetched, else from the table of well-known CAs; the
 * account from the store. Nothing is written, and no account is registered.
 */
#ifndef RENEWAL_PREFLIGHT_SURVEY_H
#define RENEWAL_PREFLIGHT_SURVEY_H

#include "renewal/preflight.h"

struct
    caa_advice { /* a record that would permit this CA and account and nobody else; owned by the survey */
    const char *owner, *tag;
    const char *value; /* without quotes */
};
struct survey_view {
    const struct set_config *set;
    const struct authority_config *authority;
    const char *const *identities; /* n 0: nobody knows, CAA cannot be judged */
    size_t n_identities;
    const char *account_url; /* NULL: none is registered yet */
    const char *profile;     /* that is asked for there, or NULL */
    const struct err *
        profile_fault; /* why it cannot be had there, with what can; kind NONE: nothing is known against it */
    const char *note; /* why less than everything was looked at; "" */
    bool judges_dnssec;
    const struct preflight *preflight; /* over */
    size_t n_names;                    /* views of it: preflight_view */
    const struct caa_advice *advice;
    size_t n_advice;
};
typedef void survey_told(void *arg, const struct survey_view *view);

struct survey;
/* house: config, loop, dns, http; store may be NULL (then no account is known). Borrowed. */
struct survey *survey_new(struct house *house);
void survey_free(struct survey *survey); /* NULL allowed */
/* Runs the loop until each authority of the set was looked at, and tells of each. False when a signal came between. */
bool survey_set(struct survey *survey, const struct set_config *set, survey_told *told, void *arg);

#endif
