#include "io/dns_tsig.h"

#include "io/dns_read.h"

#include <ldns/ldns.h>
#include <ldns/sha2.h>

enum { RECORD_MAX = 1024, CLASS_ANY = 255, BLOCK_MAX = 128 };

typedef unsigned char *hash_function(const unsigned char *data, unsigned int len,
                                     unsigned char *digest);

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

static bool name_parse(const char *text, struct dns_name *ret_name)
{
    ldns_rdf *rdf = text != NULL && text[0] != '\0' ? ldns_dname_new_frm_str(text) : NULL;
    if (rdf == NULL)
        return false;
    struct dns_wire wire = dns_wire_of(str_mem(ldns_rdf_data(rdf), ldns_rdf_size(rdf)));
    dns_wire_name(&wire, ret_name);
    ldns_rdf_deep_free(rdf);
    return !wire.bad;
}

bool tsig_key_init(struct tsig_key *key, const char *name, const char *algorithm,
                   const struct secret *secret, struct err *err)
{
    *key = (struct tsig_key){.algorithm = algorithm_find(algorithm)};
    if (key->algorithm == NULL)
        return err_set(err, ERR_CONFIG,
                       "TSIG: algorithm %s: known are hmac-sha256, hmac-sha384, hmac-sha512",
                       algorithm != NULL ? algorithm : "(none)");
    if (!name_parse(name, &key->name))
        return err_set(err, ERR_CONFIG, "TSIG: %s cannot be a key's name",
                       name != NULL ? name : "(none)");
    CHECK(name_parse(key->algorithm->name, &key->algorithm_name));
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

static void hash_padded(const struct tsig_key *key, unsigned char pad, struct str data,
                        unsigned char *out)
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

/* Where a header counts its additional records. */
static void count_additional(unsigned char *head, int by)
{
    int n = (head[10] << 8 | head[11]) + by;
    head[10] = (unsigned char)(n >> 8);
    head[11] = (unsigned char)n;
}

/* RFC 8945 4.2 and 4.3.3: what is signed besides the message. */
struct tsig_fields {
    uint64_t time_s;
    uint64_t fudge_s, original_id, error;
    struct str mac, other;
};

static void add_variables(struct buf *out, const struct tsig_key *key,
                          const struct tsig_fields *fields)
{
    buf_add(out, key->name.p, key->name.len);
    add_number(out, CLASS_ANY, 2);
    add_number(out, 0, 4); /* TTL */
    buf_add(out, key->algorithm_name.p, key->algorithm_name.len);
    add_number(out, fields->time_s, 6);
    add_number(out, fields->fudge_s, 2);
    add_number(out, fields->error, 2);
    add_number(out, fields->other.len, 2);
    buf_add_str(out, fields->other);
}

void tsig_sign(const struct tsig_key *key, struct buf *message, int64_t now_ms,
               struct tsig_mac *ret_mac)
{
    CHECK(message->len >= DNS_HEADER_LEN);
    struct dns_wire head = dns_wire_of(buf_str(message));
    struct tsig_fields fields = {.time_s = (uint64_t)(now_ms / MS_SECOND),
                                 .fudge_s = TSIG_FUDGE_S,
                                 .original_id = dns_wire_number(&head, 2)};
    struct buf signed_part = BUF(DNS_MESSAGE_MAX + RECORD_MAX);
    buf_add_str(&signed_part, buf_str(message));
    add_variables(&signed_part, key, &fields);
    ret_mac->len = tsig_hmac(key, buf_str(&signed_part), ret_mac->p);
    buf_fini(&signed_part);

    count_additional((unsigned char *)message->p, 1);
    buf_add(message, key->name.p, key->name.len);
    add_number(message, DNS_TYPE_TSIG, 2);
    add_number(message, CLASS_ANY, 2);
    add_number(message, 0, 4);
    add_number(message, key->algorithm_name.len + 16 + ret_mac->len, 2);
    buf_add(message, key->algorithm_name.p, key->algorithm_name.len);
    add_number(message, fields.time_s, 6);
    add_number(message, fields.fudge_s, 2);
    add_number(message, ret_mac->len, 2);
    buf_add(message, ret_mac->p, ret_mac->len);
    add_number(message, fields.original_id, 2);
    add_number(message, 0, 2); /* error */
    add_number(message, 0, 2); /* other data */
}

/* The last of the additional records; type 0 when there is none. */
static bool walk_to_last(struct str wire, struct dns_raw *ret_last, struct err *err)
{
    struct dns_wire w = dns_wire_of(wire);
    struct dns_header header;
    *ret_last = (struct dns_raw){.at = 0};
    dns_wire_header(&w, &header);
    for (int i = 0; i < header.n[0] && !w.bad; i++)
        dns_wire_question(&w);
    for (int i = 0; i < header.n[1] + header.n[2] + header.n[3] && !w.bad; i++)
        dns_wire_record(&w, ret_last);
    if (w.bad)
        return err_set(err, ERR_BROKEN, "DNS message: malformed");
    if (header.n[3] == 0)
        ret_last->type = 0;
    return true;
}

static bool fields_read(struct dns_raw *raw, struct dns_name *ret_algorithm,
                        struct tsig_fields *ret_fields)
{
    struct dns_wire *w = &raw->data;
    dns_wire_name(w, ret_algorithm);
    ret_fields->time_s = dns_wire_number(w, 6);
    ret_fields->fudge_s = dns_wire_number(w, 2);
    ret_fields->mac = dns_wire_bytes(w, (size_t)dns_wire_number(w, 2));
    ret_fields->original_id = dns_wire_number(w, 2);
    ret_fields->error = dns_wire_number(w, 2);
    ret_fields->other = dns_wire_bytes(w, (size_t)dns_wire_number(w, 2));
    return !w->bad && w->pos == w->len;
}

/* RFC 8945 5.3.2: the request's MAC with its length, the answer as it was before it was signed, the variables. */
static bool mac_fits(const struct tsig_key *key, const struct tsig_mac *request, struct str before,
                     const struct tsig_fields *fields)
{
    struct buf all = BUF(DNS_MESSAGE_MAX + RECORD_MAX + fields->other.len);
    struct tsig_mac mac;
    add_number(&all, request->len, 2);
    buf_add(&all, request->p, request->len);
    size_t at = all.len;
    buf_add_str(&all, before);
    unsigned char *head = (unsigned char *)all.p + at;
    head[0] = (unsigned char)(fields->original_id >> 8);
    head[1] = (unsigned char)fields->original_id;
    count_additional(head, -1);
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

static bool record_judge(const struct tsig_key *key, const struct tsig_mac *request,
                         struct str answer, struct dns_raw *raw, struct tsig_verdict *ret_verdict,
                         struct err *err)
{
    struct tsig_fields fields;
    struct dns_name algorithm;
    if (!fields_read(raw, &algorithm, &fields))
        return err_set(err, ERR_BROKEN, "DNS message: the TSIG record is malformed");
    *ret_verdict = (struct tsig_verdict){.is_signed = true,
                                         .error = (int)fields.error,
                                         .signed_at_s = (int64_t)fields.time_s,
                                         .fudge_s = (int64_t)fields.fudge_s};
    struct dns_wire other = dns_wire_of(fields.other);
    if (fields.error == TSIG_BADTIME && fields.other.len == 6)
        ret_verdict->server_at_s = (int64_t)dns_wire_number(&other, 6);
    ret_verdict->fits = dns_name_eq(&raw->owner, &key->name) &&
                        dns_name_eq(&algorithm, &key->algorithm_name) &&
                        mac_fits(key, request, str_mem(answer.p, raw->at), &fields);
    return true;
}

bool tsig_judge(const struct tsig_key *key, const struct tsig_mac *request, struct str answer,
                struct tsig_verdict *ret_verdict, struct err *err)
{
    struct dns_raw last;
    if (!walk_to_last(answer, &last, err))
        return false;
    if (last.type == DNS_TYPE_TSIG)
        return record_judge(key, request, answer, &last, ret_verdict, err);
    *ret_verdict = (struct tsig_verdict){0};
    return true;
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
