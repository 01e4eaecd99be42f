/*
 * A CA as seen by one account: directory, nonces, account, and the one place where requests are signed and sent.
 *
 *     ca_prepare  -> directory (from the store for up to a day, else fetched), account (found in the store, else its key is made durable and
 *                    it is registered): then the CA is ready. A key rollover that was cut off is settled first
 *     ca_send     -> nonce + JWS + HTTP; badNonce is repeated here (at most 8 times, with the nonce of the error); every other
 *                    answer goes to the caller - but one that puts the account in doubt ("unauthorized", accountDoesNotExist) only
 *                    after the CA was asked about the account: it may be deactivated (held), lost (registered again with the same
 *                    key, the request is repeated), or fine
 *
 * Fewest requests: the nonce of every reply is harvested; new ones are asked for only while fewer circulate than requests wait, up
 * to a ceiling, and never for a burst that replies will soon feed; everything runs over one HTTP/2 connection. The number of
 * requests in flight is bounded by the configuration.
 */
#ifndef AUTHORITY_CA_H
#define AUTHORITY_CA_H

#include "acme/exchange.h"
#include "authority/account_hold.h"
#include "authority/account_row.h"
#include "authority/breaker.h"
#include "inventory/config.h"
#include "inventory/house.h"

struct ca_office; /* all CAs of a run */
struct ca_office *ca_office_new(struct house *house);
void ca_office_free(struct ca_office *office);

struct ca;
/* The CA of that name; opened on first use; lives as long as the office. CONFIG when unknown. Its account may be held: see ca_hold. */
bool ca_open(struct ca_office *office, const char *authority, struct ca **ret, struct err *err);

typedef void ca_ready(void *arg, const struct err *err);
/* Makes the CA ready and calls back from the loop (also when it is ready already). Several callers share one attempt. */
void ca_prepare(struct ca *ca, ca_ready *ready, void *arg);
/* Before ca_prepare, by a person's word: the account is asked of the CA though the store knows it - which finds it, or registers its key
 * again - and though it is held or deactivated; a key that has to be made is of this kind. */
void ca_ask_account(struct ca *ca, enum key_kind kind);
/* Before ca_prepare, by a person's word: as usual, though the account is held. */
void ca_insist(struct ca *ca);
/* Before ca_prepare: no account is wanted, only what is signed with a key of its own will be asked. */
void ca_ask_directory_only(struct ca *ca);
void ca_forget(struct ca *ca,
               void *arg); /* no callback for that arg any more: prepares and sends */
bool ca_is_ready(const struct ca *ca);
/* Why a person must act before this account is used; NULL when nothing hinders. From ca_open on; an answer may begin one at any time: then
 * the caller hears that answer, everything else that waits hears the hold (DENIED), and so does every later ca_prepare, without a request. */
const struct account_hold *ca_hold(const struct ca *ca);

/* The directory alone, without an account: for unsigned questions, and for what may have changed since yesterday. */
bool ca_has_directory(struct ca *ca); /* read from the store when it is there and of the last day */
bool ca_directory_is_fresh(const struct ca *ca); /* fetched within the last minute */
/* Always calls back from the loop; several callers share one request. */
void ca_fetch_directory(struct ca *ca, ca_ready *ready, void *arg);

/* Valid while ready; the directory also when ca_has_directory. */
const struct acme_directory *ca_directory(const struct ca *ca);
const char *ca_directory_url(const struct ca *ca);
const char *ca_account_url(const struct ca *ca);
const char *ca_thumbprint(const struct ca *ca);
int64_t ca_account_id(const struct ca *ca);
const struct account_row *ca_account(const struct ca *ca);
const struct key *ca_account_key(const struct ca *ca);
const char *ca_eab_kid(const struct ca *ca);
/* Key rollover. begins: the row says so, the CA is about to hear of it. look_again: it is not known what the CA made of it; the next
 * ca_prepare asks which key it knows. was_rolled: the new one, it said. */
void ca_roll_begins(struct ca *ca, int64_t next_key_id);
void ca_look_again(struct ca *ca);
bool ca_was_rolled(const struct ca *ca);
const struct authority_config *ca_config(const struct ca *ca);

/* done gets exactly one answer (status 0 when lost). answer is borrowed and released after done. The ask is copied. jwk_key: sign with
 * this key and its JWK instead of the account (revocation by certificate key); NULL otherwise. */
typedef void ca_heard(void *arg, const struct acme_answer *answer);
void ca_send(struct ca *ca, const struct acme_ask *ask, const struct key *jwk_key, ca_heard *done,
             void *arg);
/* A hint: n more requests will follow soon (an order of n names), so nonces may be fetched meanwhile. */
void ca_expect(struct ca *ca, size_t n);

/* How long this CA takes from the challenge answer to `ready`, and from finalize to `valid`: smoothed over the run. */
void ca_learn_validate(struct ca *ca, int64_t ms);
void ca_learn_issue(struct ca *ca, int64_t ms);
int64_t ca_usual_validate_ms(const struct ca *ca);
int64_t ca_usual_issue_ms(const struct ca *ca);
/* How far this machine's clock is ahead of the CA's (behind: negative) when that is too far to issue anything; else 0. */
int64_t ca_clock_off_ms(const struct ca *ca);

/* It took an order. */
void ca_accepted(struct ca *ca);
/* Inside a transaction: the breakers that changed, for later runs. */
bool ca_office_save(struct ca_office *office, struct err *err);

/* The breaker: whether the CA answers at all (breaker.h). ask takes the right to probe, where it is given. */
enum breaker_gate ca_gate(const struct ca *ca);
enum breaker_gate ca_gate_ask(struct ca *ca);
/* "it does not answer since 22:01Z (connect: connection refused)". */
void ca_trouble(const struct ca *ca, struct buf *out);
int64_t ca_open_until_ms(const struct ca *ca); /* 0: it is closed */
bool ca_hangs(const struct ca *ca);            /* the last fault was silence */
void ca_trip(struct ca *ca, const char *why);
void ca_broke_protocol(struct ca *ca, const char *why);

struct ca_figures {
    int64_t n_requests, n_nonce_requests, n_bad_nonces, n_lost;
};
struct ca_figures ca_figures(const struct ca *ca);

#endif
