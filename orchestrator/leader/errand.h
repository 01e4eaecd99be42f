/*
 * An errand: one conversation with one CA, outside any order - revoke, register, roll a key.
 *
 * It takes the lead for itself, so that no run uses the account meanwhile, opens one CA, and waits for one thing at a time:
 *
 *     errand_open -> errand_prepare -> errand_ask ... -> errand_close
 *
 * Everything asked may be asked again: an errand that was killed is repeated.
 */
#ifndef LEADER_ERRAND_H
#define LEADER_ERRAND_H

#include "authority/ca.h"
#include "authority/lease.h"

struct errand {
    struct house *house;
    struct ca_office *office;
    struct ca *ca;
    struct lease *lease;
    bool over, ok;
    struct err err;
};

/* Takes the lead and opens the CA; purpose is shown to others that wait. HELD: another process leads. errand_close also after a failure. */
bool errand_open(struct errand *errand, struct house *house, const char *authority,
                 const char *purpose, struct err *err);
void errand_close(struct errand *errand);

/* ABSENT: no account is in use there. To be asked before errand_prepare, which would make one. */
bool errand_has_account(const struct errand *errand, struct err *err);
/* Directory and account, as an order would have them. */
bool errand_prepare(struct errand *errand, struct err *err);

/* Sends one ask and waits: hear gets the answer, which is borrowed for the call, and says whether it was the right one.
 * AGAIN when nothing came within two minutes, or somebody asked for an end. key: as for ca_send. */
typedef bool errand_hear(void *arg, const struct acme_answer *answer, struct err *err);
bool errand_ask(struct errand *errand, const struct acme_ask *ask, const struct key *key,
                errand_hear *hear, void *arg, struct err *err);

#endif
