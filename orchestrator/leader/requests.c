#include "leader/leader.h"

#include "authority/lease.h"
#include "inventory/event.h"
#include "inventory/held.h"

enum { SINGLE_LEASE_MS = 60 * 1000, SINGLE_PATIENCE_MS = 120 * 1000 };

/* One conversation with one CA, outside any order: prepare, one ask, one answer. */
struct errand {
    struct house *house;
    struct ca_office *office;
    struct ca *ca;
    struct lease *lease;
    bool over, ok;
    struct err err;
};

static void errand_ready(void *arg, const struct err *err)
{
    struct errand *errand = arg;
    errand->over = true;
    errand->ok = err == NULL;
    if (err != NULL)
        errand->err = *err;
}

static bool errand_wait(struct errand *errand, struct err *err)
{
    int64_t give_up_at_ms = house_now(errand->house) + SINGLE_PATIENCE_MS;
    while (!errand->over) {
        if (house_now(errand->house) >= give_up_at_ms || loop_n_stops(errand->house->loop) > 0) {
            ca_forget(errand->ca, errand);
            return err_set(err, ERR_AGAIN,
                           "stopped before the CA answered; asking again is harmless");
        }
        loop_wait(errand->house->loop, give_up_at_ms);
    }
    if (!errand->ok)
        *err = errand->err;
    return errand->ok;
}

static bool errand_open(struct errand *errand, struct house *house, const char *authority,
                        const char *purpose, struct err *err)
{
    *errand = (struct errand){.house = house, .office = ca_office_new(house)};
    if (!lease_take(house, "leader", purpose, SINGLE_LEASE_MS, true, &errand->lease, err))
        return false;
    house->fencing = lease_fencing(errand->lease);
    return ca_open(errand->office, authority, &errand->ca, err);
}

static bool errand_prepare(struct errand *errand, struct err *err)
{
    ca_prepare(errand->ca, errand_ready, errand);
    return errand_wait(errand, err);
}

static void errand_close(struct errand *errand)
{
    ca_office_free(errand->office);
    lease_drop(errand->house, errand->lease);
    errand->house->fencing = 0;
}

bool leader_account(struct house *house, const char *authority, char **ret_url, struct err *err)
{
    struct errand errand;
    bool ok = errand_open(&errand, house, authority, "account", err);
    if (ok)
        ca_ask_account(errand.ca);
    ok = ok && errand_prepare(&errand, err);
    if (ok)
        *ret_url = mem_strdup(ca_account_url(errand.ca));
    errand_close(&errand);
    return ok;
}

/* ---- revocation ---- */

static void revoke_heard(void *arg, const struct acme_answer *answer)
{
    struct errand *errand = arg;
    errand->over = true;
    errand->ok = acme_revoke_hear(answer, &errand->err);
}

static bool leaf_der(const struct certificate *certificate, struct buf *out, struct err *err)
{
    struct chain *chain = NULL;
    if (!chain_parse_pem(buf_str(&certificate->chain_pem), &chain, err))
        return false;
    chain_cert_der(chain, 0, out);
    chain_free(chain);
    return true;
}

/* The name may stand for another CA by now, which would not know the certificate. */
static bool authority_is_the_same(const struct errand *errand,
                                  const struct certificate *certificate, struct err *err)
{
    if (strcmp(certificate->directory, ca_directory_url(errand->ca)) == 0)
        return true;
    return err_set(err, ERR_CONFIG,
                   "the certificate was issued by %s, but authority %s is %s now: configure an "
                   "authority with that directory",
                   certificate->directory, certificate->authority, ca_directory_url(errand->ca));
}

static bool revoke_send(struct errand *errand, const struct certificate *certificate, int reason,
                        bool by_key, struct err *err)
{
    AUTO(buf_fini)
    struct buf der = BUF(CHAIN_PEM_MAX);
    AUTO(key_fini)
    struct key *key = NULL;
    struct arena *arena;
    struct acme_ask ask;

    if (!leaf_der(certificate, &der, err) ||
        (by_key && !held_key_load(errand->house, certificate->key_id, &key, err)))
        return false;
    if (ca_directory(errand->ca)->revoke_cert == NULL)
        return err_set(err, ERR_REFUSED, "authority %s does not offer revocation",
                       certificate->authority);
    arena = arena_new();
    acme_revoke_ask(ca_directory(errand->ca), buf_str(&der), reason, by_key, arena, &ask);
    errand->over = false;
    ca_send(errand->ca, &ask, key, revoke_heard, errand);
    bool ok = errand_wait(errand, err);
    arena_free(arena);
    return ok;
}

static bool revoke_tell(struct house *house, const struct certificate *certificate, int reason)
{
    /* Repeated: done is done, and it is told once. */
    return certificate->revoked_at_ms != 0 ||
           event_write(house, EVENT_CERTIFICATE_REVOKED, certificate->set_name,
                       certificate->order_id, "version %lld, serial %s, reason %d",
                       (long long)certificate->version, certificate->serial, reason);
}

/* alreadyRevoked counts as done, so a kill between the CA's answer and this commit costs one harmless request. */
static bool revoke_save(struct house *house, const struct certificate *certificate, int reason,
                        struct err *err)
{
    if (!store_begin(house->store, err))
        return false;
    if (!held_certificate_revoked(house, certificate->id, reason, err) ||
        !revoke_tell(house, certificate, reason) || !store_commit(house->store, err)) {
        store_rollback(house->store);
        return false;
    }
    return true;
}

bool leader_revoke(struct house *house, int64_t certificate_id, int reason, bool by_key,
                   struct err *err)
{
    struct certificate *certificate = NULL;
    struct errand errand;
    if (!held_certificate(house, certificate_id, true, &certificate, err))
        return false;
    bool ok = errand_open(&errand, house, certificate->authority, "revoke", err) &&
              authority_is_the_same(&errand, certificate, err) && errand_prepare(&errand, err) &&
              revoke_send(&errand, certificate, reason, by_key, err) &&
              revoke_save(house, certificate, reason, err);
    errand_close(&errand);
    certificate_free(certificate);
    return ok;
}
