#include "crypto/inside.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

bool name_line(const X509_NAME *name, char **ret_line, struct err *err)
{
    BIO *bio = BIO_new(BIO_s_mem());
    CHECK(bio != NULL);
    bool fine = X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0;
    char *p = NULL;
    long len = BIO_get_mem_data(bio, &p);
    if (fine)
        *ret_line = mem_strndup(len > 0 ? p : "", (size_t)len);
    BIO_free(bio);
    return fine ||
           openssl_err(err, ERR_BROKEN, "chain: a name of its subjects or issuers is malformed");
}

char *common_name(const X509_NAME *subject)
{
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0)
        return NULL;
    unsigned char *utf8 = NULL;
    int len =
        ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (len < 0) {
        ERR_clear_error();
        return NULL;
    }
    AUTO(buf_fini)
    struct buf text = BUF(CHAIN_PEM_MAX);
    text_escape(&text, str_mem(utf8, (size_t)len), 1024);
    OPENSSL_free(utf8);
    return buf_take(&text);
}

/* The content octets of the INTEGER, with the zero that keeps a high first bit positive. */
static void serial_read(const X509 *x509, struct buf *octets)
{
    unsigned char *der = NULL;
    int len = i2d_ASN1_INTEGER(X509_get0_serialNumber(x509), &der);
    CHECK(len > 2);
    const unsigned char *p = der;
    long content_len = 0;
    int tag = 0, class = 0;
    CHECK((ASN1_get_object(&p, &content_len, &tag, &class, len) & 0x80) == 0);
    buf_add(octets, p, (size_t)content_len);
    OPENSSL_free(der);
}

static char *ari_id(X509 *x509, struct str serial)
{
    const ASN1_OCTET_STRING *key_id = X509_get0_authority_key_id(x509);
    if (key_id == NULL)
        return NULL;
    AUTO(buf_fini)
    struct buf id = BUF(CHAIN_PEM_MAX * 2);
    base64url_encode(&id, ASN1_STRING_get0_data(key_id), (size_t)ASN1_STRING_length(key_id));
    buf_add_char(&id, '.');
    base64url_encode(&id, serial.p, serial.len);
    return buf_take(&id);
}

void cert_spki(const X509 *x509, char out[SPKI_HEX_MAX])
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &der);
    CHECK(len > 0);
    sha256_hex(der, (size_t)len, out);
    OPENSSL_free(der);
}

void cert_facts_fini(struct cert_facts *facts)
{
    mem_free(facts->serial_hex);
    mem_free(facts->issuer);
    mem_free(facts->subject);
    mem_free(facts->common_name);
    mem_free(facts->ari_id);
    struct cert_names names = {.p = facts->names, .n = facts->n_names};
    cert_names_fini(&names);
    *facts = (struct cert_facts){0};
}

static void numbers_read(const struct chain_link *link, struct cert_facts *facts)
{
    AUTO(buf_fini)
    struct buf serial = BUF(CHAIN_PEM_MAX), hex = BUF(2 * CHAIN_PEM_MAX);
    serial_read(link->x509, &serial);
    hex_encode(&hex, serial.p, serial.len);
    facts->serial_hex = buf_take(&hex);
    facts->ari_id = ari_id(link->x509, buf_str(&serial));
    cert_spki(link->x509, facts->spki_hex);
    facts->not_before_at_ms = link->not_before_at_ms;
    facts->not_after_at_ms = link->not_after_at_ms;
    facts->is_ca = link->is_ca;
    facts->is_self_signed = link->is_self_signed;
}

bool chain_facts(const struct chain *chain, size_t i, struct cert_facts *ret_facts, struct err *err)
{
    if (i >= chain->n)
        return err_set(err, ERR_ABSENT, "chain: no certificate %zu, it has %zu", i + 1, chain->n);
    const X509 *x509 = chain->links[i].x509;
    AUTO(cert_facts_fini)
    struct cert_facts facts = {0};
    if (!name_line(X509_get_issuer_name(x509), &facts.issuer, err) ||
        !name_line(X509_get_subject_name(x509), &facts.subject, err))
        return false;
    facts.common_name = common_name(X509_get_subject_name(x509));
    numbers_read(&chain->links[i], &facts);
    AUTO(buf_fini)
    struct buf der = BUF(CHAIN_PEM_MAX);
    chain_cert_der(chain, i, &der);
    sha256_hex(der.p, der.len, facts.sha256_hex);
    struct cert_names names;
    cert_names_read(x509, &names);
    facts.names = names.p;
    facts.n_names = names.n;
    *ret_facts = facts;
    facts = (struct cert_facts){0};
    return true;
}
