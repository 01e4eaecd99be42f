#include "leader/leader.h"

#include "inventory/event.h"
#include "inventory/held.h"
#include "leader/errand.h"

/* ---- revocation ---- */

static bool revoke_hear(void *arg, const struct acme_answer *answer, struct err *err)
{
    (void)arg;
    return acme_revoke_hear(answer, err);
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
    bool ok = errand_ask(errand, &ask, key, revoke_hear, NULL, err);
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
