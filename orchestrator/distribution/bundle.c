#include "distribution/bundle_inside.h"

#include <inttypes.h>

enum { FILES_MAX = 16, FILE_MAX = CHAIN_PEM_MAX + 64 * 1024, SHA256_SHOWN = 8 };

struct bundle_file {
    char *name;
    struct secret bytes;
};
struct bundle {
    struct bundle_file files[FILES_MAX];
    size_t n;
};

enum part { PART_NONE, PART_KEY, PART_LEAF, PART_CHAIN };

/* The PEM files: which parts, in which order. */
static const struct {
    unsigned format;
    const char *name;
    enum part parts[3];
} pem_files[] = {
    {FORMAT_KEY, "key.pem", {PART_KEY}},
    {FORMAT_CERT, "cert.pem", {PART_LEAF}},
    {FORMAT_CHAIN, "chain.pem", {PART_CHAIN}},
    {FORMAT_FULLCHAIN, "fullchain.pem", {PART_LEAF, PART_CHAIN}},
    {FORMAT_COMBINED, "combined.pem", {PART_LEAF, PART_CHAIN, PART_KEY}},
    {FORMAT_KEYFIRST, "keyfirst.pem", {PART_KEY, PART_LEAF, PART_CHAIN}},
};

void bundle_free(struct bundle *bundle)
{
    if (bundle == NULL)
        return;
    for (size_t i = 0; i < bundle->n; i++) {
        mem_free(bundle->files[i].name);
        secret_fini(&bundle->files[i].bytes);
    }
    mem_free(bundle);
}

size_t bundle_n(const struct bundle *bundle)
{
    return bundle->n;
}

const char *bundle_name(const struct bundle *bundle, size_t i)
{
    CHECK(i < bundle->n);
    return bundle->files[i].name;
}

struct str bundle_bytes(const struct bundle *bundle, size_t i)
{
    CHECK(i < bundle->n);
    return secret_str(&bundle->files[i].bytes);
}

void bundle_version(const struct certificate *certificate, struct buf *out)
{
    buf_printf(out, "%" PRId64 "-%.*s", certificate->version, SHA256_SHOWN, certificate->sha256);
}

static struct secret *bundle_add(struct bundle *bundle, const char *name)
{
    CHECK(bundle->n < FILES_MAX);
    struct bundle_file *file = &bundle->files[bundle->n++];
    file->name = mem_strdup(name);
    return &file->bytes;
}

static void part_add(enum part part, const struct secret *key_pem, const struct chain *chain,
                     struct buf *out)
{
    switch (part) {
    case PART_NONE:
        break;
    case PART_KEY:
        buf_add_str(out, secret_str(key_pem));
        break;
    case PART_LEAF:
        chain_cert_pem(chain, 0, out);
        break;
    case PART_CHAIN:
        chain_rest_pem(chain, out);
        break;
    }
}

static void pem_files_add(struct bundle *bundle, unsigned formats, const struct secret *key_pem,
                          const struct chain *chain)
{
    for (size_t i = 0; i < sizeof pem_files / sizeof pem_files[0]; i++) {
        struct buf text = BUF(FILE_MAX);
        if ((formats & pem_files[i].format) == 0)
            continue;
        for (size_t p = 0; p < 3; p++)
            part_add(pem_files[i].parts[p], key_pem, chain, &text);
        CHECK(!text.overflow);
        secret_take_buf(bundle_add(bundle, pem_files[i].name), &text);
    }
}

static bool key_is_here(const struct key *key, unsigned formats, struct err *err)
{
    return key != NULL || (formats & FORMATS_WITH_KEY) == 0 ||
           err_set(err, ERR_REFUSED,
                   "its private key is elsewhere: it was made from a certificate request, so only "
                   "cert, chain and fullchain can be written");
}

bool bundle_make(const struct key *key, const struct chain *chain, const char *friendly_name,
                 unsigned formats, const struct secret *pkcs12_password, bool pkcs12_legacy,
                 struct bundle **ret, struct err *err)
{
    AUTO(secret_fini)
    struct secret key_pem = {0}, p12 = {0};
    bool wants_p12 = (formats & FORMAT_PKCS12) != 0;
    if (!key_is_here(key, formats, err))
        return false;
    if (wants_p12 &&
        !pkcs12_build(key, chain, friendly_name, pkcs12_password, pkcs12_legacy, &p12, err))
        return false;
    struct bundle *bundle = NEW(struct bundle);
    if (key != NULL)
        key_to_pem(key, &key_pem);
    pem_files_add(bundle, formats, &key_pem, chain);
    if (wants_p12) {
        *bundle_add(bundle, BUNDLE_PKCS12) = p12;
        p12 = (struct secret){0};
    }
    *ret = bundle;
    return true;
}

char *bundle_file_name(const char *name, const char *suffix)
{
    const char *end = strrchr(name, '.');
    CHECK(end != NULL);
    return suffix == NULL ? mem_strdup(name)
                          : mem_printf("%.*s.%s%s", (int)(end - name), name, suffix, end);
}

void bundle_join(struct bundle **bundle, struct bundle *take_other, const char *suffix)
{
    struct bundle *into = *bundle != NULL ? *bundle : NEW(struct bundle);
    for (size_t i = 0; i < take_other->n; i++) {
        CHECK(into->n < FILES_MAX);
        into->files[into->n++] = (struct bundle_file){
            bundle_file_name(take_other->files[i].name, suffix), take_other->files[i].bytes};
        mem_free(take_other->files[i].name);
    }
    mem_free(take_other);
    *bundle = into;
}

bool bundle_replace(struct bundle *bundle, const char *name, struct str bytes)
{
    for (size_t i = 0; i < bundle->n; i++) {
        struct bundle_file *file = &bundle->files[i];
        if (strcmp(file->name, name) != 0)
            continue;
        secret_fini(&file->bytes);
        secret_init(&file->bytes, bytes.p, bytes.len);
        return true;
    }
    return false;
}

bool bundle_new(struct house *house, const struct certificate *certificate, unsigned formats,
                const struct secret *pkcs12_password, bool pkcs12_legacy, struct bundle **ret,
                struct err *err)
{
    AUTO(key_fini)
    struct key *key = NULL;
    AUTO(chain_fini)
    struct chain *chain = NULL;
    return ((certificate->key_id == 0 || held_key_load(house, certificate->key_id, &key, err)) &&
            chain_parse_pem(buf_str(&certificate->chain_pem), &chain, err) &&
            bundle_make(key, chain, certificate->set_name, formats, pkcs12_password, pkcs12_legacy,
                        ret, err)) ||
           err_wrap(err, "version %" PRId64 " of set %s", certificate->version,
                    certificate->set_name);
}
