#include "crypto/inside.h"

/* A CSR is small and fixed (RFC 2986), and OpenSSL 3.0 takes 200 us for one, most of it to encode a
 * public key whose encoding we have. So it is written here. */

enum { CSR_MAX = 64 * 1024, CSR_NAMES_MAX = 100, DNS_NAME_MAX = 253 };

enum {
    TAG_INTEGER = 0x02,
    TAG_BIT_STRING = 0x03,
    TAG_OCTET_STRING = 0x04,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_ATTRIBUTES = 0xa0, /* [0] of CertificationRequestInfo */
    TAG_DNS_NAME = 0x82,   /* GeneralName, RFC 5280 4.2.1.6 */
    TAG_IP_ADDRESS = 0x87,
};

/* RFC 2985 5.4.2 and RFC 5280 4.2.1.6, whole object identifiers */
static const char oid_extension_request[] = {0x06,       0x09, 0x2a, (char)0x86, 0x48, (char)0x86,
                                             (char)0xf7, 0x0d, 0x01, 0x09,       0x0e};
static const char oid_subject_alt_name[] = {0x06, 0x03, 0x55, 0x1d, 0x11};

static bool dns_name_check(struct str name, struct err *err)
{
    if (name.len == 0 || name.len > DNS_NAME_MAX)
        return err_set(err, ERR_CONFIG, "certificate request: a name of %zu characters", name.len);
    for (size_t i = 0; i < name.len; i++) {
        if (name.p[i] <= ' ' || name.p[i] >= 0x7f)
            return err_set(err, ERR_CONFIG, "certificate request: \"%.*s\" is not an ASCII name",
                           STR_ARG(name));
    }
    return true;
}

static bool general_name_add(struct buf *der, const char *name, struct err *err)
{
    unsigned char address[16];
    size_t address_len = address_parse(name, address);
    if (address_len > 0) {
        der_add(der, TAG_IP_ADDRESS, str_mem(address, address_len));
        return true;
    }
    if (!dns_name_check(str_of(name), err))
        return false;
    der_add(der, TAG_DNS_NAME, str_of(name));
    return true;
}

/* attributes: extensionRequest { subjectAltName }, from the innermost value outwards */
static bool attributes_add(struct buf *der, const char *const *names, size_t n_names,
                           struct err *err)
{
    size_t attributes = der->len;
    buf_add(der, oid_extension_request, sizeof oid_extension_request);
    size_t extensions = der->len;
    buf_add(der, oid_subject_alt_name, sizeof oid_subject_alt_name);
    size_t value = der->len;
    for (size_t i = 0; i < n_names; i++)
        if (!general_name_add(der, names[i], err))
            return false;
    der_wrap(der, value, TAG_SEQUENCE);      /* GeneralNames */
    der_wrap(der, value, TAG_OCTET_STRING);  /* extnValue */
    der_wrap(der, extensions, TAG_SEQUENCE); /* Extension */
    der_wrap(der, extensions, TAG_SEQUENCE); /* Extensions */
    der_wrap(der, extensions, TAG_SET);      /* values */
    der_wrap(der, attributes, TAG_SEQUENCE); /* Attribute */
    der_wrap(der, attributes, TAG_ATTRIBUTES);
    return true;
}

bool csr_new(const struct key *key, const char *const *names, size_t n_names, struct buf *ret_der,
             struct err *err)
{
    if (n_names == 0 || n_names > CSR_NAMES_MAX)
        return err_set(err, ERR_CONFIG, "certificate request: %zu names, 1 to %d are allowed",
                       n_names, CSR_NAMES_MAX);
    AUTO(buf_fini)
    struct buf der = BUF(CSR_MAX);
    der_add(&der, TAG_INTEGER, str_mem("\0", 1)); /* version 1 */
    der_add(&der, TAG_SEQUENCE, STR_NONE);        /* subject */
    buf_add(&der, key->spki, key->spki_len);
    if (!attributes_add(&der, names, n_names, err))
        return false;
    der_wrap(&der, 0, TAG_SEQUENCE); /* CertificationRequestInfo: what is signed */
    CHECK(!der.overflow);

    unsigned char signature[KEY_SIGNATURE_MAX];
    size_t len = key_sign(key, buf_str(&der), signature);
    buf_add_str(&der, key_shape(key->kind)->signature_algo);
    size_t bits = der.len;
    buf_add_char(&der, 0); /* no unused bits */
    buf_add(&der, signature, len);
    der_wrap(&der, bits, TAG_BIT_STRING);
    der_wrap(&der, 0, TAG_SEQUENCE);
    CHECK(!der.overflow);
    buf_fini(ret_der);
    *ret_der = der;
    der = BUF(0);
    return true;
}
