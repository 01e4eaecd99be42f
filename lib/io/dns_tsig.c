#include "io/dns_tsig.h"

#include <ldns/ldns.h>
#include <ldns/sha2.h>

enum { HEADER_LEN = 12, RECORD_MAX = 1024, MESSAGE_MAX = 65535, CLASS_ANY = 255, BLOCK_MAX = 128 };

typedef unsigned char *hash_function(const unsigned char *data, unsigned int len, unsigned char *digest);

struct tsig_algorithm {
    const char *name;
    size_t block_len, mac_len;
    hash_function *hash;
};

static const struct tsig_algorithm algorithms[] = {
    {"hmac-sha256", LDNS_SHA256_BLOCK_LENGTH, LDNS_SHA256_DIGEST_LENGTH, ldns_sha256},
    {"hmac-sha384", LDNS_SHA384_BLOCK_LENGTH, LDNS_SHA384_DIGEST_LENGTH, ldns_sha384},
    {"hmac-sha512", LDNS_SHA512_BLOCK_LENGTH, LDNS_SHA512_DIGEST_LENGTH, ldns_sha512},
};

static const struct tsig_algorithm *algorithm_find(const char *name)
{
    struct str s = str_of(name);
    if (str_ends(s, STR(".")))
        s.len--;
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
        if (str_eq_nocase(s, str_of(algorithms[i].name)))
            return &algorithms[i];
    return NULL;
}

static bool name_to_wire(const char *name, unsigned char *out, size_t *ret_len)
{
    ldns_rdf *rdf = name != NULL ? ldns_dname_new_frm_str(name) : NULL;
    if (rdf == NULL)
        return false;
    ldns_dname2canonical(rdf);
    size_t len = ldns_rdf_size(rdf);
    bool fits = len <= TSIG_NAME_MAX;
    if (fits) {
        memcpy(out, ldns_rdf_data(rdf), len);
        *ret_len = len;
    }
    ldns_rdf_deep_free(rdf);
    return fits;
}

bool tsig_key_init(struct tsig_key *key, const char *name, const char *algorithm, const struct secret *secret, struct err *err)
{
    *key = (struct tsig_key){.algorithm = algorithm_find(algorithm)};
    if (key->algorithm == NULL)
        return err_set(err, ERR_CONFIG, "TSIG: algorithm %s: known are hmac-sha256, hmac-sha384, hmac-sha512",
                       algorithm != NULL ? algorithm : "(none)");
    if (!name_to_wire(name, key->name, &key->name_len))
        return err_set(err, ERR_CONFIG, "TSIG: %s cannot be a key's name", name != NULL ? name : "(none)");
    CHECK(name_to_wire(key->algorithm->name, key->algorithm_name, &key->algorithm_name_len));
    if (secret == NULL || secret->len == 0)
        return err_set(err, ERR_CONFIG, "TSIG: key %s: the secret is empty", name);
    secret_init(&key->secret, secret->p, secret->len);
    return true;
}

void tsig_key_fini(struct tsig_key *key)
{
    secret_fini(&key->secret);
}

static void hash_into(const struct tsig_algorithm *algorithm, struct str data, unsigned char *out)
{
    CHECK(data.len <= UINT32_MAX);
    algorithm->hash((const unsigned char *)data.p, (unsigned int)data.len, out);
}

static void hash_padded(const struct tsig_key *key, unsigned char pad, struct str data, unsigned char *out)
{
    unsigned char block[BLOCK_MAX] = {0};
    const struct tsig_algorithm *algorithm = key->algorithm;
    if (key->secret.len > algorithm->block_len)
        hash_into(algorithm, secret_str(&key->secret), block);
    else
        memcpy(block, key->secret.p, key->secret.len);
    for (size_t i = 0; i < algorithm->block_len; i++)
        block[i] ^= pad;
    struct buf all = BUF(algorithm->block_len + data.len);
    buf_add(&all, block, algorithm->block_len);
    buf_add_str(&all, data);
    hash_into(algorithm, buf_str(&all), out);
    mem_cleanse(block, sizeof block);
    mem_cleanse(all.p, all.len);
    buf_fini(&all);
}

size_t tsig_hmac(const struct tsig_key *key, struct str data, unsigned char *out)
{
    unsigned char inner[TSIG_MAC_MAX];
    hash_padded(key, 0x36, data, inner);
    hash_padded(key, 0x5c, str_mem(inner, key->algorithm->mac_len), out);
    return key->algorithm->mac_len;
}

static void add_number(struct buf *out, uint64_t value, int n_bytes)
{
    while (n_bytes-- > 0)
        buf_add_char(out, (char)(unsigned char)(value >> (8 * n_bytes)));
}

static uint64_t number_at(const unsigned char *p, int n_bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < n_bytes; i++)
        value = value << 8 | p[i];
    return value;
}

/* RFC 8945 4.2 and 4.3.3: what is signed besides the message. */
struct tsig_fields {
    uint64_t time_s;
    uint64_t fudge_s, original_id, error;
    struct str mac, other;
};

static void add_variables(struct buf *out, const struct tsig_key *key, const struct tsig_fields *fields)
{
    buf_add(out, key->name, key->name_len);
    add_number(out, CLASS_ANY, 2);
    add_number(out, 0, 4); /* TTL */
    buf_add(out, key->algorithm_name, key->algorithm_name_len);
    add_number(out, fields->time_s, 6);
    add_number(out, fields->fudge_s, 2);
    add_number(out, fields->error, 2);
    add_number(out, fields->other.len, 2);
    buf_add_str(out, fields->other);
}

void tsig_sign(const struct tsig_key *key, struct buf *message, int64_t now_ms, struct tsig_mac *ret_mac)
{
    CHECK(message->len >= HEADER_LEN);
    unsigned char *head = (unsigned char *)message->p;
    struct tsig_fields fields = {
        .time_s = (uint64_t)(now_ms / MS_SECOND), .fudge_s = TSIG_FUDGE_S, .original_id = number_at(head, 2)};
    struct buf signed_part = BUF(MESSAGE_MAX + RECORD_MAX);
    buf_add_str(&signed_part, buf_str(message));
    add_variables(&signed_part, key, &fields);
    ret_mac->len = tsig_hmac(key, buf_str(&signed_part), ret_mac->p);
    buf_fini(&signed_part);

    uint64_t n_additional = number_at(head + 10, 2) + 1;
    head[10] = (unsigned char)(n_additional >> 8);
    head[11] = (unsigned char)n_additional;
    buf_add(message, key->name, key->name_len);
    add_number(message, LDNS_RR_TYPE_TSIG, 2);
    add_number(message, CLASS_ANY, 2);
    add_number(message, 0, 4);
    add_number(message, key->algorithm_name_len + 16 + ret_mac->len, 2);
    buf_add(message, key->algorithm_name, key->algorithm_name_len);
    add_number(message, fields.time_s, 6);
    add_number(message, fields.fudge_s, 2);
    add_number(message, ret_mac->len, 2);
    buf_add(message, ret_mac->p, ret_mac->len);
    add_number(message, fields.original_id, 2);
    add_number(message, 0, 2); /* error */
    add_number(message, 0, 2); /* other data */
}

/* The last record, and where it begins. NULL in *ret_last when there is none. */
static bool walk_to_last(struct str wire, ldns_rr **ret_last, size_t *ret_pos, struct err *err)
{
    const uint8_t *p = (const uint8_t *)wire.p;
    if (wire.len < HEADER_LEN)
        return err_set(err, ERR_BROKEN, "DNS message: %zu bytes", wire.len);
    uint64_t n_questions = number_at(p + 4, 2);
    uint64_t n = n_questions + number_at(p + 6, 2) + number_at(p + 8, 2) + number_at(p + 10, 2);
    size_t pos = HEADER_LEN;
    ldns_rr *last = NULL;
    for (uint64_t i = 0; i < n; i++) {
        ldns_rr_free(last);
        last = NULL;
        *ret_pos = pos;
        ldns_status status =
            ldns_wire2rr(&last, p, wire.len, &pos, i < n_questions ? LDNS_SECTION_QUESTION : LDNS_SECTION_ANSWER);
        if (status != LDNS_STATUS_OK)
            return err_set(err, ERR_BROKEN, "DNS message: record %d: %s", (int)i + 1, ldns_get_errorstr_by_id(status));
    }
    *ret_last = last;
    return true;
}

/* ldns keeps the two length bytes of such a field. */
static struct str field_bytes(const ldns_rdf *rdf)
{
    return str_mem(ldns_rdf_data(rdf) + 2, ldns_rdf_size(rdf) - 2);
}

static bool fields_read(const ldns_rr *rr, struct tsig_fields *ret_fields)
{
    static const size_t least[7] = {1, 6, 2, 2, 2, 2, 2};
    if (ldns_rr_rd_count(rr) != 7)
        return false;
    for (size_t i = 0; i < 7; i++)
        if (ldns_rdf_size(ldns_rr_rdf(rr, i)) < least[i])
            return false;
    ret_fields->time_s = number_at(ldns_rdf_data(ldns_rr_rdf(rr, 1)), 6);
    ret_fields->fudge_s = number_at(ldns_rdf_data(ldns_rr_rdf(rr, 2)), 2);
    ret_fields->mac = field_bytes(ldns_rr_rdf(rr, 3));
    ret_fields->original_id = number_at(ldns_rdf_data(ldns_rr_rdf(rr, 4)), 2);
    ret_fields->error = number_at(ldns_rdf_data(ldns_rr_rdf(rr, 5)), 2);
    ret_fields->other = field_bytes(ldns_rr_rdf(rr, 6));
    return true;
}

static bool name_is(ldns_rdf *name, const unsigned char *wire, size_t len)
{
    ldns_dname2canonical(name);
    return ldns_rdf_size(name) == len && memcmp(ldns_rdf_data(name), wire, len) == 0;
}

/* RFC 8945 5.3.2: the request's MAC with its length, the answer as it was before it was signed, the variables. */
static bool mac_fits(const struct tsig_key *key, const struct tsig_mac *request, struct str before, const struct tsig_fields *fields)
{
    struct buf all = BUF(MESSAGE_MAX + RECORD_MAX + fields->other.len);
    struct tsig_mac mac;
    add_number(&all, request->len, 2);
    buf_add(&all, request->p, request->len);
    size_t at = all.len;
    buf_add_str(&all, before);
    unsigned char *head = (unsigned char *)all.p + at;
    uint64_t n_additional = number_at(head + 10, 2) - 1;
    head[0] = (unsigned char)(fields->original_id >> 8);
    head[1] = (unsigned char)fields->original_id;
    head[10] = (unsigned char)(n_additional >> 8);
    head[11] = (unsigned char)n_additional;
    add_variables(&all, key, fields);
    mac.len = tsig_hmac(key, buf_str(&all), mac.p);
    buf_fini(&all);
    struct secret ours, theirs;
    secret_init(&ours, mac.p, mac.len);
    secret_init(&theirs, fields->mac.p, fields->mac.len);
    bool fits = secret_eq(&ours, &theirs);
    secret_fini(&ours);
    secret_fini(&theirs);
    return fits;
}

static bool record_judge(const struct tsig_key *key, const struct tsig_mac *request, struct str before, ldns_rr *rr,
                         struct tsig_verdict *ret_verdict, struct err *err)
{
    struct tsig_fields fields;
    if (!fields_read(rr, &fields))
        return err_set(err, ERR_BROKEN, "DNS message: the TSIG record is malformed");
    *ret_verdict = (struct tsig_verdict){.is_signed = true,
                                         .error = (int)fields.error,
                                         .signed_at_s = (int64_t)fields.time_s,
                                         .fudge_s = (int64_t)fields.fudge_s};
    if (fields.error == TSIG_BADTIME && fields.other.len == 6)
        ret_verdict->server_at_s = (int64_t)number_at((const unsigned char *)fields.other.p, 6);
    ret_verdict->fits = name_is(ldns_rr_owner(rr), key->name, key->name_len) &&
                        name_is(ldns_rr_rdf(rr, 0), key->algorithm_name, key->algorithm_name_len) &&
                        number_at((const unsigned char *)before.p + 10, 2) > 0 && mac_fits(key, request, before, &fields);
    return true;
}

bool tsig_judge(const struct tsig_key *key, const struct tsig_mac *request, struct str answer, struct tsig_verdict *ret_verdict,
                struct err *err)
{
    ldns_rr *last = NULL;
    size_t pos = 0;
    if (!walk_to_last(answer, &last, &pos, err))
        return false;
    bool ok = true;
    if (last != NULL && !ldns_rr_is_question(last) && ldns_rr_get_type(last) == LDNS_RR_TYPE_TSIG)
        ok = record_judge(key, request, str_mem(answer.p, pos), last, ret_verdict, err);
    else
        *ret_verdict = (struct tsig_verdict){0};
    ldns_rr_free(last);
    return ok;
}

const char *tsig_error_name(int error)
{
    switch (error) {
    case TSIG_BADSIG:
        return "BADSIG";
    case TSIG_BADKEY:
        return "BADKEY";
    case TSIG_BADTIME:
        return "BADTIME";
    case TSIG_BADTRUNC:
        return "BADTRUNC";
    }
    return "unknown";
}
