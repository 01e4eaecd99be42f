#include "io/http_server_inside.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* TLS 1.3, and 1.2 with ECDHE and AEAD only. */
const char tls_priorities[] =
    "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:"
    "+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:"
    "%SERVER_PRECEDENCE";

enum { SUBJECT_MAX = 512 };

static gnutls_datum_t datum(struct str s)
{
    return (gnutls_datum_t){.data = (unsigned char *)(uintptr_t)s.p, .size = (unsigned)s.len};
}

/* The library only says that it does not start; here is why. */
static bool credentials_try(gnutls_certificate_credentials_t all, const struct http_server_tls *tls,
                            struct err *err)
{
    gnutls_datum_t certificate = datum(tls->certificate), key = datum(tls->key);
    gnutls_datum_t ca = datum(tls->client_ca);
    int code = gnutls_certificate_set_x509_key_mem(all, &certificate, &key, GNUTLS_X509_FMT_PEM);
    if (code < 0)
        return err_set(err, ERR_CONFIG, "its certificate and key cannot be used together: %s",
                       gnutls_strerror(code));
    if (tls->client_ca.len == 0)
        return true;
    code = gnutls_certificate_set_x509_trust_mem(all, &ca, GNUTLS_X509_FMT_PEM);
    if (code > 0)
        return true;
    return err_set(err, ERR_CONFIG, "the CA of its clients cannot be used: %s",
                   code < 0 ? gnutls_strerror(code) : "there is no certificate in it");
}

bool tls_check(const struct http_server_tls *tls, struct err *err)
{
    gnutls_certificate_credentials_t all;
    gnutls_priority_t priorities;
    CHECK(gnutls_priority_init(&priorities, tls_priorities, NULL) == GNUTLS_E_SUCCESS);
    gnutls_priority_deinit(priorities);
    CHECK(gnutls_certificate_allocate_credentials(&all) == GNUTLS_E_SUCCESS);
    bool ok = credentials_try(all, tls, err);
    gnutls_certificate_free_credentials(all);
    return ok;
}

/* ---- who the client is ---- */

static bool is_verified(gnutls_session_t session)
{
    unsigned status = 1;
    gnutls_typed_vdata_st wanted = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                    .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT};
    return gnutls_certificate_type_get(session) == GNUTLS_CRT_X509 &&
           gnutls_certificate_verify_peers(session, &wanted, 1, &status) == GNUTLS_E_SUCCESS &&
           status == 0;
}

static char *subject_of(const gnutls_datum_t *der)
{
    gnutls_x509_crt_t certificate;
    gnutls_datum_t dn = {0};
    char *subject = NULL;
    if (gnutls_x509_crt_init(&certificate) != GNUTLS_E_SUCCESS)
        return NULL;
    if (gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER) == GNUTLS_E_SUCCESS &&
        gnutls_x509_crt_get_dn3(certificate, &dn, 0) == GNUTLS_E_SUCCESS && dn.size <= SUBJECT_MAX)
        subject = mem_strndup((const char *)dn.data, dn.size);
    gnutls_free(dn.data);
    gnutls_x509_crt_deinit(certificate);
    return subject;
}

void peer_read(struct http_link *link)
{
    unsigned n = 0;
    unsigned char hash[32];
    size_t len = sizeof hash;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(link->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    if (info == NULL || info->tls_session == NULL)
        return;
    gnutls_session_t session = info->tls_session;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
    if (chain == NULL || n == 0 || !is_verified(session) ||
        gnutls_fingerprint(GNUTLS_DIG_SHA256, &chain[0], hash, &len) != GNUTLS_E_SUCCESS)
        return;
    AUTO(buf_fini)
    struct buf hex = BUF(2 * sizeof hash);
    hex_encode(&hex, hash, sizeof hash);
    memcpy(link->peer.fingerprint, hex.p, 2 * sizeof hash + 1);
    link->subject = subject_of(&chain[0]);
    link->peer.subject = link->subject != NULL ? link->subject : "";
    link->has_peer = true;
}
