/*
 * A talk on the wire: the same job, but carried out by the provider host with real HTTP against a server on this machine, as with
 * `base_url: http://127.0.0.1:PORT` in a configuration.
 *
 * The talk says what every request has to be; here it is compared as it arrives: method, path and query, each header, the body -
 * with the secrets filled in. So each secret setting of the talk is given test bytes that the requests can be made of: a
 * text with characters that must be encoded somewhere, a key, a service account ... whichever its functions take.
 *
 *   wire.c           one talk: settings, house, job, step by step
 *   wire_place.c     addresses: where the talk speaks of the API's hosts, the wire has the server's
 *   wire_secret.c    the bytes of secrets
 *   wire_compare.c   a request as it came against the wish as it was written
 *   wire_peer.c      the server
 */
#ifndef TALKS_WIRE_H
#define TALKS_WIRE_H

#include "dns-providers/dns_provider.h"
#include "dns-providers/veiled.h"

enum { WIRE_SECRETS_MAX = 16, WIRE_HOSTS_MAX = 16 };

/* ---- one talk ---- */

struct wire;
struct wire *wire_new(void);
void wire_free(struct wire *wire);
/* Has it requests by HTTP, and nothing that is no business of the wire? */
bool wire_fits(const struct json *talk);
/* err says the first thing that is not as written. ret_n: grows by the requests that were compared. */
bool wire_replay(struct wire *wire, const struct json *talk, int *ret_n, struct err *err);

/* ---- addresses ---- */

struct wire_places {
    char *hosts[WIRE_HOSTS_MAX]; /* "https://api.example.net" */
    size_t n_hosts;
    char *ours; /* "http://127.0.0.1:4711" */
    char *
        path; /* of the API's own base, "" or "/v4": the same stands in base_url, so that signed paths agree */
};
void wire_places_init(struct wire_places *places, const struct json *talk,
                      const struct dns_provider *provider, int port);
void wire_places_fini(struct wire_places *places);
/* A copy of a wish or of an answer in which the API is here. The caller frees. */
struct json *wire_places_move(const struct wire_places *places, const struct json *tree);

/* ---- secrets ---- */

struct wire_secrets {
    struct {
        char *path;  /* of the setting: "tsig.secret" */
        size_t form; /* which of the forms it has now */
    } items[WIRE_SECRETS_MAX];
    size_t n;
};
/* Adds the secret settings of the tree and sets them to references env:S0, env:S1 ... */
void wire_secrets_take(struct wire_secrets *secrets, const struct section *section,
                       struct json *settings, const char *above);
void wire_secrets_fini(struct wire_secrets *secrets);
/* Chooses the forms so that all expressions of the lines can be worked out. */
bool wire_secrets_choose(struct wire_secrets *secrets, const struct json *lines, struct err *err);
/* What the expressions of a text come to. */
bool wire_secrets_fill(const struct wire_secrets *secrets, struct str text, enum veiled_place place,
                       struct buf *out, struct err *err);
/* By the name of the variable "S0"; NULL: none. For the house, which resolves references. */
const char *wire_secret_of(const struct wire_secrets *secrets, const char *variable);
/* For secrets that are a list of names: those of the talk. */
void wire_forms_name(const struct json *talk);
void wire_forms_free(void);

/* ---- comparing ---- */

/* request: raw. http: a wish's, moved. is_encoded: as the provider wished it. */
bool wire_compare(const char *request, const struct json *http, bool is_encoded,
                  const struct wire_places *places, const struct wire_secrets *secrets,
                  struct err *err);

#endif
