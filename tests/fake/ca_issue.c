#include "fake/ca_issue.h"

#include "fake/ca_der.h"

#include <arpa/inet.h>

static const char oid_ecdsa_sha256[] = "\x2a\x86\x48\xce\x3d\x04\x03\x02";
static const char oid_rsa[] = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
static const char oid_server_auth[] = "\x2b\x06\x01\x05\x05\x07\x03\x01";
static const char oid_common_name[] = "\x55\x04\x03";

/* Last octet of the extensions' OIDs, all below 2.5.29. */
enum { EXT_SKI = 14, EXT_USAGE = 15, EXT_SAN = 17, EXT_BASIC = 19, EXT_AKI = 35, EXT_EKU = 37 };

#define OID(literal) str_mem(literal, sizeof(literal) - 1)

struct draft {
    struct str subject, spki;
    struct str san; /* content of the extension, DER; none: p == NULL */
    const unsigned char *serial;
    int64_t not_before_ms, not_after_ms;
    bool is_ca;
};

static void key_id_of(struct str spki, unsigned char out[20])
{
    unsigned char digest[32];
    fake_crypt_sha256(spki, digest);
    memcpy(out, digest, 20);
}

static void name_put(struct buf *out, const char *common_name)
{
    size_t name = fake_der_open(out, DER_SEQUENCE);
    if (common_name != NULL) {
        size_t set = fake_der_open(out, DER_SET), pair = fake_der_open(out, DER_SEQUENCE);
        fake_der_put(out, DER_OID, OID(oid_common_name));
        fake_der_put(out, DER_UTF8, str_of(common_name));
        fake_der_close(out, pair);
        fake_der_close(out, set);
    }
    fake_der_close(out, name);
}

static void extension_put(struct buf *out, char id, bool critical, struct str content)
{
    char oid[3] = {0x55, 0x1d, id};
    size_t extension = fake_der_open(out, DER_SEQUENCE);
    fake_der_put(out, DER_OID, str_mem(oid, sizeof(oid)));
    if (critical)
        fake_der_put(out, DER_BOOL, STR("\xff"));
    fake_der_put(out, DER_OCTETS, content);
    fake_der_close(out, extension);
}

static struct str usage_of(const struct draft *draft)
{
    if (draft->is_ca)
        return STR("\x03\x02\x01\x06"); /* keyCertSign, cRLSign */
    if (str_find(draft->spki, OID(oid_rsa)) < draft->spki.len)
        return STR("\x03\x02\x05\xa0"); /* digitalSignature, keyEncipherment */
    return STR("\x03\x02\x07\x80");     /* digitalSignature */
}

static void key_ids_put(struct buf *out, const struct issuer *by, const struct draft *draft)
{
    unsigned char own[20];
    AUTO(buf_fini)
    struct buf ski = BUF(64), aki = BUF(64);
    key_id_of(draft->spki, own);
    fake_der_put(&ski, DER_OCTETS, str_mem(own, sizeof(own)));
    size_t sequence = fake_der_open(&aki, DER_SEQUENCE);
    fake_der_put(&aki, DER_CONTEXT, str_mem(by->key_id, sizeof(by->key_id)));
    fake_der_close(&aki, sequence);
    extension_put(out, EXT_SKI, false, buf_str(&ski));
    extension_put(out, EXT_AKI, false, buf_str(&aki));
}

static void extensions_put(struct buf *out, const struct issuer *by, const struct draft *draft)
{
    size_t outer = fake_der_open(out, DER_CONTEXT | DER_CONSTRUCTED | 3);
    size_t list = fake_der_open(out, DER_SEQUENCE);
    extension_put(out, EXT_USAGE, true, usage_of(draft));
    extension_put(out, EXT_BASIC, true,
                  draft->is_ca ? STR("\x30\x03\x01\x01\xff") : str_mem("\x30\x00", 2));
    if (!draft->is_ca) {
        AUTO(buf_fini)
        struct buf eku = BUF(64);
        size_t sequence = fake_der_open(&eku, DER_SEQUENCE);
        fake_der_put(&eku, DER_OID, OID(oid_server_auth));
        fake_der_close(&eku, sequence);
        extension_put(out, EXT_EKU, false, buf_str(&eku));
    }
    key_ids_put(out, by, draft);
    if (draft->san.p != NULL)
        extension_put(out, EXT_SAN, draft->subject.len <= 2, draft->san);
    fake_der_close(out, list);
    fake_der_close(out, outer);
}

static void algorithm_put(struct buf *out)
{
    size_t sequence = fake_der_open(out, DER_SEQUENCE);
    fake_der_put(out, DER_OID, OID(oid_ecdsa_sha256));
    fake_der_close(out, sequence);
}

static void tbs_put(struct buf *out, const struct issuer *by, const struct draft *draft)
{
    size_t tbs = fake_der_open(out, DER_SEQUENCE);
    buf_add_str(out, STR("\xa0\x03\x02\x01\x02")); /* version 3 */
    fake_der_put_int(out, draft->serial, 16);
    algorithm_put(out);
    buf_add_str(out, buf_str(&by->name));
    size_t validity = fake_der_open(out, DER_SEQUENCE);
    fake_der_put_time(out, draft->not_before_ms);
    fake_der_put_time(out, draft->not_after_ms);
    fake_der_close(out, validity);
    buf_add_str(out, draft->subject);
    buf_add_str(out, draft->spki);
    extensions_put(out, by, draft);
    fake_der_close(out, tbs);
}

static void cert_put(struct buf *out, const struct issuer *by, const struct draft *draft)
{
    AUTO(buf_fini)
    struct buf signature = BUF(256);
    size_t cert = fake_der_open(out, DER_SEQUENCE), tbs = out->len;
    tbs_put(out, by, draft);
    fake_crypt_sign(by->sign, str_mem(out->p + tbs, out->len - tbs), &signature);
    algorithm_put(out);
    fake_der_put_bits(out, buf_str(&signature));
    fake_der_close(out, cert);
    CHECK(!out->overflow);
}

static void san_put(struct buf *out, char *const *names, size_t n)
{
    size_t list = fake_der_open(out, DER_SEQUENCE);
    for (size_t i = 0; i < n; i++) {
        unsigned char address[4];
        if (inet_pton(AF_INET, names[i], address) == 1)
            fake_der_put(out, DER_CONTEXT | 7, str_mem(address, sizeof(address)));
        else
            fake_der_put(out, DER_CONTEXT | 2, str_of(names[i]));
    }
    fake_der_close(out, list);
}

static const char *common_name_of(const struct leaf *leaf)
{
    for (size_t i = 0; leaf->common_name && i < leaf->n_names; i++) {
        if (strlen(leaf->names[i]) <= 64)
            return leaf->names[i];
    }
    return NULL;
}

void fake_leaf_issue(const struct issuer *issuer, const struct leaf *leaf, struct buf *ret_der)
{
    AUTO(buf_fini)
    struct buf subject = BUF(256), san = BUF(128 * 1024);
    name_put(&subject, common_name_of(leaf));
    san_put(&san, leaf->names, leaf->n_names);
    struct draft draft = {.subject = buf_str(&subject),
                          .spki = leaf->spki,
                          .san = buf_str(&san),
                          .serial = leaf->serial,
                          .not_before_ms = leaf->not_before_ms,
                          .not_after_ms = leaf->not_after_ms};
    cert_put(ret_der, issuer, &draft);
}

static void issuer_init(struct issuer *issuer, const char *common_name)
{
    *issuer = (struct issuer){
        .key = fake_crypt_key_new(), .name = BUF(256), .spki = BUF(256), .pem = BUF(4096)};
    issuer->sign = EVP_PKEY_CTX_new_from_pkey(NULL, issuer->key, NULL);
    CHECK(issuer->sign != NULL && EVP_PKEY_sign_init(issuer->sign) == 1);
    fake_crypt_spki(issuer->key, &issuer->spki);
    key_id_of(buf_str(&issuer->spki), issuer->key_id);
    name_put(&issuer->name, common_name);
}

void fake_issuer_fini(struct issuer *issuer)
{
    EVP_PKEY_CTX_free(issuer->sign);
    EVP_PKEY_free(issuer->key);
    buf_fini(&issuer->name);
    buf_fini(&issuer->spki);
    buf_fini(&issuer->pem);
    *issuer = (struct issuer){0};
}

/* Authorities live through any clock a test may set. */
static void issuer_certify(const struct issuer *issuer, const struct issuer *by, struct buf *pem)
{
    unsigned char serial[16];
    AUTO(buf_fini)
    struct buf der = BUF(4096);
    memcpy(serial, issuer->key_id, sizeof(serial));
    serial[15] ^= by->key_id[0];
    struct draft draft = {.subject = buf_str(&issuer->name),
                          .spki = buf_str(&issuer->spki),
                          .serial = serial,
                          .not_before_ms = time_from_civil(2000, 1, 1, 0, 0, 0),
                          .not_after_ms = time_from_civil(2100, 1, 1, 0, 0, 0),
                          .is_ca = true};
    cert_put(&der, by, &draft);
    fake_pem_put(pem, "CERTIFICATE", buf_str(&der));
}

void fake_issuer_make_root(struct issuer *issuer, const char *common_name)
{
    issuer_init(issuer, common_name);
    issuer_certify(issuer, issuer, &issuer->pem);
}

void fake_chain_make(struct fake_ca *ca)
{
    static const char *const roots[ROOTS_MAX] = {"Fake Root A", "Fake Root B", "Fake Root C",
                                                 "Fake Root D"};
    static const char *const links[CHAIN_MAX] = {"Fake Issuer 1", "Fake Issuer 2", "Fake Issuer 3",
                                                 "Fake Issuer 4"};
    int64_t n = ca->options.chain_length;
    ca->n_intermediates = n < 1 ? 1 : n > CHAIN_MAX ? CHAIN_MAX : (size_t)n;
    for (size_t i = 0; i < ROOTS_MAX; i++)
        fake_issuer_make_root(&ca->roots[i], roots[i]);
    for (size_t i = 0; i < ca->n_intermediates; i++)
        issuer_init(&ca->intermediates[i], links[i]);
    for (size_t i = 0; i + 1 < ca->n_intermediates; i++)
        issuer_certify(&ca->intermediates[i], &ca->intermediates[i + 1], &ca->intermediates[i].pem);
    for (size_t i = 0; i < ROOTS_MAX; i++) {
        buf_init(&ca->cross_pem[i], 4096);
        issuer_certify(&ca->intermediates[ca->n_intermediates - 1], &ca->roots[i],
                       &ca->cross_pem[i]);
    }
}

void fake_chain_free(struct fake_ca *ca)
{
    for (size_t i = 0; i < ROOTS_MAX; i++) {
        fake_issuer_fini(&ca->roots[i]);
        buf_fini(&ca->cross_pem[i]);
    }
    for (size_t i = 0; i < ca->n_intermediates; i++)
        fake_issuer_fini(&ca->intermediates[i]);
}

void fake_chain_pem(const struct fake_ca *ca, struct str leaf_der, size_t n, struct buf *out)
{
    fake_pem_put(out, "CERTIFICATE", leaf_der);
    for (size_t i = 0; i + 1 < ca->n_intermediates; i++)
        buf_add_str(out, buf_str(&ca->intermediates[i].pem));
    buf_add_str(out, buf_str(&ca->cross_pem[n < ROOTS_MAX ? n : 0]));
}
