#include "fake/ca_inner.h"

#include <openssl/err.h>
#include <openssl/x509.h>

/* The octets of a CertID's part, or an empty buf. */
static bool part_decode(struct str *rest, struct buf *out)
{
    struct str part;
    return str_split(rest, '.', &part) && base64url_decode(out, part) && out->len > 0;
}

struct fake_cert *fake_call_cert_id(struct call *c, struct str cert_id)
{
    AUTO(buf_fini)
    struct buf key_id = BUF(256), serial = BUF(256);
    struct str rest = cert_id;
    const struct issuer *issuer = &c->ca->intermediates[0];
    if (!part_decode(&rest, &key_id) || !part_decode(&rest, &serial) || rest.len != 0) {
        fake_call_problem(c, 400, "malformed", "%.*s is no CertID", STR_ARG(cert_id));
        return NULL;
    }
    const unsigned char *octets = (const unsigned char *)serial.p;
    size_t len = serial.len;
    /* The octets of the DER INTEGER: 00 leads when the high bit is set, and only then. */
    bool exact = octets[0] < 0x80 && !(len > 1 && octets[0] == 0 && octets[1] < 0x80);
    unsigned char full[16] = {0};
    if (len > 1 && octets[0] == 0) {
        octets++;
        len--;
    }
    struct fake_cert *cert = NULL;
    if (exact && len <= sizeof(full)) {
        memcpy(full + sizeof(full) - len, octets, len);
        cert = fake_cert_find_octets(c->ca, full, sizeof(full));
    }
    if (cert == NULL ||
        !str_eq(buf_str(&key_id), str_mem(issuer->key_id, sizeof(issuer->key_id)))) {
        fake_call_problem(c, 404, "malformed", "no certificate of ours has the CertID %.*s",
                          STR_ARG(cert_id));
        return NULL;
    }
    return cert;
}

/* A CA that has to revoke wants what it issued before replaced, and not what it issues now. */
static bool wants_back(const struct call *c, const struct fake_certificate *cert)
{
    int64_t life_ms = cert->not_after_ms - cert->not_before_ms;
    return c->ca->options.ari_now == 1 ||
           (c->ca->options.ari_now == 2 && c->now_ms - cert->issued_at_ms >= life_ms / 10);
}

/* Two thirds of the life, half of a short one; a hundredth of it to both sides. */
static void window_of(const struct call *c, const struct fake_certificate *cert, int64_t *ret_start,
                      int64_t *ret_end)
{
    int64_t life_ms = cert->not_after_ms - cert->not_before_ms;
    int64_t centre_ms =
        cert->not_before_ms + (life_ms < 10 * MS_DAY ? life_ms / 2 : life_ms / 3 * 2);
    if (c->ca->options.ari_at_pm != 0)
        centre_ms = cert->not_before_ms + life_ms / 1000 * c->ca->options.ari_at_pm;
    *ret_start = centre_ms - life_ms / 100;
    *ret_end = centre_ms + life_ms / 100;
    if (cert->revoked || wants_back(c, cert)) {
        *ret_start = c->now_ms - MS_HOUR;
        *ret_end = c->now_ms - 30 * MS_MINUTE;
    }
    if (fake_call_must(c, ACT_ARI_PAST)) {
        *ret_start = c->now_ms - 30 * MS_DAY;
        *ret_end = *ret_start + MS_DAY;
    } else if (fake_call_must(c, ACT_ARI_FUTURE)) {
        *ret_start = cert->not_after_ms + 365 * MS_DAY;
        *ret_end = *ret_start + MS_DAY;
    } else if (fake_call_must(c, ACT_ARI_INVERTED)) {
        int64_t start = *ret_start;
        *ret_start = *ret_end;
        *ret_end = start;
    }
}

void fake_answer_renewal_info(struct call *c)
{
    if (c->ca->options.ari == 0) {
        fake_call_problem(c, 404, "malformed", "there is no renewalInfo");
        return;
    }
    const struct fake_cert *cert = fake_call_cert_id(c, c->tail);
    if (cert == NULL)
        return;
    int64_t start, end;
    struct json *out = json_object(), *window = json_object();
    window_of(c, &cert->public, &start, &end);
    fake_json_set_time(window, "start", start);
    fake_json_set_time(window, "end", end);
    json_set(out, "suggestedWindow", window);
    if (wants_back(c, &cert->public)) {
        AUTO(mem_fini)
        char *why = mem_printf("%s/incident/1", c->ca->base_url);
        json_set_text(out, "explanationURL", why);
    }
    fake_call_header(c, "retry-after", "%lld", (long long)c->ca->options.ari_retry_s);
    fake_call_json(c, 200, out);
}

/* By the serial number in the DER, and only if every octet is ours. */
static struct fake_cert *cert_of_der(const struct fake_ca *ca, struct str der)
{
    const unsigned char *p = (const unsigned char *)der.p;
    X509 *x509 = d2i_X509(NULL, &p, (long)der.len);
    struct fake_cert *cert = NULL;
    ERR_clear_error();
    if (x509 == NULL)
        return NULL;
    const ASN1_INTEGER *serial = X509_get0_serialNumber(x509);
    unsigned char full[16] = {0};
    int len = ASN1_STRING_length(serial);
    if (len > 0 && len <= 16) {
        memcpy(full + 16 - len, ASN1_STRING_get0_data(serial), (size_t)len);
        cert = fake_cert_find_octets(ca, full, sizeof(full));
    }
    X509_free(x509);
    return cert != NULL && str_eq(buf_str(&cert->der), der) ? cert : NULL;
}

static bool holds_all_names(struct call *c, const struct fake_cert *cert)
{
    for (size_t i = 0; i < cert->public.n_names; i++) {
        if (fake_authz_find_valid(c->ca, c->account->id, cert->public.names[i], c->now_ms) == NULL)
            return false;
    }
    return true;
}

static bool revoker_is_allowed(struct call *c, const struct fake_cert *cert)
{
    if (c->account == NULL)
        return strcmp(c->jwk.spki_sha256, cert->public.spki_sha256) == 0 ||
               fake_call_problem(c, 403, "unauthorized",
                                 "the signing key is not the certificate's");
    return cert->public.account == c->account->id || holds_all_names(c, cert) ||
           fake_call_problem(c, 403, "unauthorized", "the account neither ordered nor controls it");
}

static bool reason_read(struct call *c, int *ret_reason)
{
    const struct json *reason = json_find(c->payload, "reason");
    int64_t number = json_as_int(reason, reason == NULL ? 0 : -1);
    if (number != 0 && number != 1 && number != 4 && number != 5)
        return fake_call_problem(c, 400, "badRevocationReason", "only 0, 1, 4 and 5 are taken");
    /* Whoever signs with the key itself has the key: treated as compromised. */
    *ret_reason = c->account == NULL ? 1 : (int)number;
    return true;
}

static bool revocation_read(struct call *c, struct fake_cert **ret_cert, int *ret_reason)
{
    AUTO(buf_fini)
    struct buf der = BUF(JSON_SIZE_MAX);
    const char *text = json_text(c->payload, "certificate");
    if (text == NULL || !base64url_decode(&der, str_of(text)))
        return fake_call_problem(c, 400, "malformed", "certificate: absent or no base64url");
    struct fake_cert *cert = cert_of_der(c->ca, buf_str(&der));
    if (cert == NULL)
        return fake_call_problem(c, 404, "malformed", "this certificate is none of ours");
    *ret_cert = cert;
    return revoker_is_allowed(c, cert) && reason_read(c, ret_reason);
}

void fake_answer_revoke(struct call *c)
{
    struct fake_cert *cert = NULL;
    int reason = 0;
    if (!fake_call_authenticate(c, SIGNER_EITHER) || !fake_call_wants_payload(c) ||
        !revocation_read(c, &cert, &reason))
        return;
    if (cert->public.revoked) {
        fake_call_problem(c, 400, "alreadyRevoked", "the certificate is revoked");
        return;
    }
    cert->public.revoked = true;
    cert->public.revoke_reason = reason;
    c->ca->counts.revoked++;
    if (reason == 1)
        fake_map_put(&c->ca->blocked_keys, cert->public.spki_sha256, 1);
    c->reply->status = 200;
}
