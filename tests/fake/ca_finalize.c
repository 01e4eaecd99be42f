#include "fake/ca_issue.h"

void fake_cert_free(struct fake_cert *cert)
{
    if (cert == NULL)
        return;
    for (size_t i = 0; i < cert->public.n_names; i++)
        mem_free(cert->public.names[i]);
    mem_free((void *)(uintptr_t)cert->public.names);
    buf_fini(&cert->der);
    mem_free(cert->replaces);
    mem_free(cert);
}

/* A serial number is 8 random octets and the id: never twice, found without an index. */
static void serial_make(struct fake_ca *ca, size_t id, unsigned char out[16])
{
    fake_rng_octets(fake_rng_next(&ca->rng), out, 8);
    for (size_t i = 0; i < 8; i++)
        out[8 + i] = (unsigned char)((uint64_t)id >> (8 * (7 - i)));
}

struct fake_cert *fake_cert_find_octets(const struct fake_ca *ca, const unsigned char *serial,
                                        size_t len)
{
    AUTO(buf_fini)
    struct buf hex = BUF(64);
    uint64_t id = 0;
    if (len != 16)
        return NULL;
    for (size_t i = 8; i < 16; i++)
        id = id << 8 | serial[i];
    if (id == 0 || id > ca->n_certs)
        return NULL;
    struct fake_cert *cert = ca->certs[id - 1];
    hex_encode(&hex, serial, len);
    return strcmp(cert->public.serial, hex.p) == 0 ? cert : NULL;
}

struct fake_cert *fake_cert_find(const struct fake_ca *ca, struct str serial_hex)
{
    AUTO(buf_fini)
    struct buf octets = BUF(64);
    if (serial_hex.len != 32 || !hex_decode(&octets, serial_hex))
        return NULL;
    return fake_cert_find_octets(ca, (const unsigned char *)octets.p, octets.len);
}

static struct fake_cert *cert_new(struct fake_ca *ca, const struct fake_order *order)
{
    if (ca->n_certs == ca->cap_certs) {
        size_t cap = ca->cap_certs == 0 ? 64 : ca->cap_certs * 2;
        ca->certs = mem_grow(ca->certs, ca->cap_certs, cap, sizeof(ca->certs[0]));
        ca->cap_certs = cap;
    }
    struct fake_cert *cert = NEW(struct fake_cert);
    char **names = NEW_N(order->n_names, char *);
    ca->certs[ca->n_certs++] = cert;
    for (size_t i = 0; i < order->n_names; i++)
        names[i] = mem_strdup(order->names[i]);
    cert->id = ca->n_certs;
    cert->der = BUF(256 * 1024);
    cert->replaces = mem_strdup(order->replaces);
    cert->public.names = names;
    cert->public.n_names = order->n_names;
    cert->public.order = order->id;
    cert->public.account = order->account;
    fake_crypt_sha256_hex(buf_str(&order->spki), cert->public.spki_sha256);
    ca->counts.certificates++;
    return cert;
}

static void validity_set(const struct fake_ca *ca, const struct fake_order *order, int64_t now_ms,
                         struct fake_certificate *cert)
{
    int64_t life_s = ca->options.validity_s;
    if (order->profile != NULL)
        life_s = json_int(ca->profiles, order->profile, life_s);
    cert->issued_at_ms = now_ms;
    cert->not_before_ms = now_ms - now_ms % 1000 - ca->options.backdate_s * MS_SECOND;
    if (order->not_before_ms != 0)
        cert->not_before_ms = order->not_before_ms;
    cert->not_after_ms = cert->not_before_ms + (life_s - 1) * MS_SECOND;
    if (order->not_after_ms != 0)
        cert->not_after_ms = order->not_after_ms;
}

void fake_order_issue(struct fake_ca *ca, struct fake_order *order, int64_t now_ms)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char serial[16];
    if (order->status != STATUS_PROCESSING)
        return;
    struct fake_cert *cert = cert_new(ca, order);
    serial_make(ca, cert->id, serial);
    for (size_t i = 0; i < sizeof(serial); i++) {
        cert->public.serial[2 * i] = digits[serial[i] >> 4];
        cert->public.serial[2 * i + 1] = digits[serial[i] & 15];
    }
    validity_set(ca, order, now_ms, &cert->public);
    struct leaf leaf = {.names = order->names,
                        .n_names = order->n_names,
                        .spki = buf_str(&order->spki),
                        .not_before_ms = cert->public.not_before_ms,
                        .not_after_ms = cert->public.not_after_ms,
                        .serial = serial,
                        .common_name = ca->options.common_name != 0};
    fake_leaf_issue(&ca->intermediates[0], &leaf, &cert->der);
    cert->public.leaf_der = buf_str(&cert->der);
    order->certificate = cert->id;
    order->status = STATUS_VALID;
    fake_limits_issued(ca, order, now_ms);
}

static bool csr_fits(struct call *c, const struct fake_order *order, const struct csr *csr)
{
    if (strcmp(csr->spki_sha256, c->account->jwk.spki_sha256) == 0)
        return fake_call_problem(c, 400, "badCSR", "the key is that of the account");
    if (fake_map_get(&c->ca->blocked_keys, csr->spki_sha256) != 0)
        return fake_call_problem(c, 400, "badCSR", "this key was reported as compromised");
    if ((int64_t)csr->spki.len > c->ca->options.spki_max)
        return fake_call_problem(c, 400, "badCSR", "no keys of this kind are certified here");
    bool same = csr->n_names == order->n_names;
    for (size_t i = 0; same && i < order->n_names; i++)
        same = strcmp(csr->names[i], order->names[i]) == 0;
    return same ||
           fake_call_problem(c, 400, "badCSR", "the CSR's names are not those of the order");
}

static bool csr_take(struct call *c, struct fake_order *order)
{
    struct err err = {0};
    struct csr csr = {0};
    AUTO(buf_fini)
    struct buf der = BUF(JSON_SIZE_MAX);
    const char *text = json_text(c->payload, "csr");
    if (text == NULL || !base64url_decode(&der, str_of(text)))
        return fake_call_problem(c, 400, "malformed",
                                 "csr: absent or no base64url without padding");
    if (!fake_csr_read(buf_str(&der), &csr, &err))
        return fake_call_problem(c, 400, "badCSR", "%s", err.text);
    bool good = csr_fits(c, order, &csr);
    if (good) {
        buf_clear(&order->spki);
        buf_add_str(&order->spki, buf_str(&csr.spki));
    }
    fake_csr_fini(&csr);
    return good;
}

static bool predecessor_take(struct call *c, const struct fake_order *order)
{
    if (order->predecessor == 0)
        return true;
    struct fake_cert *cert = c->ca->certs[order->predecessor - 1];
    if (cert->public.replaced)
        return fake_call_problem(c, 409, "alreadyReplaced", "another order replaced %s meanwhile",
                                 order->replaces);
    cert->public.replaced = true;
    return true;
}

static void order_process(struct call *c, struct fake_order *order)
{
    struct fake_ca *ca = c->ca;
    order->status = STATUS_PROCESSING;
    order->finalized_at_ms = c->now_ms;
    ca->counts.orders_finalized++;
    if (fake_call_must(c, ACT_WRONG_CERT))
        order->wrong = c->fault->wrong;
    if (fake_call_must(c, ACT_INVALID_ORDER))
        fake_order_fail(order,
                        fake_problem_json("serverInternal", "the issuance failed, as told", 500));
    else if (fake_call_must(c, ACT_FOR_EVER))
        order->for_ever = true;
    else if (ca->options.issue_ms < 0)
        fake_order_issue(ca, order, c->now_ms);
    else
        heap_put(&ca->issuances, &order->due, c->now_ms + ca->options.issue_ms);
}

/* The reply carries no Location, as that of some authorities: the client keeps the order's URL. */
void fake_answer_finalize(struct call *c)
{
    size_t id = fake_call_id(c);
    if (!fake_call_authenticate(c, SIGNER_KID) || !fake_call_wants_payload(c))
        return;
    struct fake_order *order = fake_call_order(c, id);
    if (order == NULL)
        return;
    if (order->status != STATUS_READY) {
        fake_call_problem(c, 403, "orderNotReady", "the order is %s",
                          fake_status_name(order->status));
        return;
    }
    if (!csr_take(c, order) || !predecessor_take(c, order))
        return;
    order_process(c, order);
    fake_order_show(c, order, 200);
}

static struct fake_cert *call_certificate(struct call *c, struct str serial)
{
    struct fake_cert *cert = fake_cert_find(c->ca, serial);
    if (cert != NULL && cert->public.account == c->account->id)
        return cert;
    fake_call_problem(c, 404, "malformed", "there is no certificate %.*s", STR_ARG(serial));
    return NULL;
}

static void alternates_put(struct call *c, const struct fake_cert *cert, size_t shown)
{
    int64_t n = c->ca->options.alternates;
    for (size_t i = 0; i < ROOTS_MAX && (int64_t)i <= n; i++) {
        if (i == shown)
            continue;
        AUTO(mem_fini)
        char *url = mem_printf("%s%s%s/%zu", c->ca->base_url, fake_kind_path(FAKE_KIND_CERTIFICATE),
                               cert->public.serial, i);
        fake_call_link(c, "alternate", url);
    }
}

void fake_answer_certificate(struct call *c)
{
    struct str serial, rest = c->tail, number;
    int64_t chain = 0;
    bool good = str_split(&rest, '/', &serial);
    if (good && str_split(&rest, '/', &number))
        good = str_to_i64(number, &chain) && chain >= 0 && chain <= c->ca->options.alternates;
    if (!fake_call_authenticate(c, SIGNER_KID) || !fake_call_wants_no_payload(c))
        return;
    struct fake_cert *cert = call_certificate(c, good ? serial : STR_NONE);
    if (cert == NULL)
        return;
    const struct fake_order *order = fake_order_find(c->ca, cert->public.order);
    enum fake_wrong wrong = order != NULL ? order->wrong : WRONG_NONE;
    if (order != NULL && fake_call_must(c, ACT_WRONG_CERT))
        wrong = c->fault->wrong;
    alternates_put(c, cert, (size_t)chain);
    c->reply->status = 200;
    fake_call_header(c, "content-type", "application/pem-certificate-chain");
    fake_wrong_pem(c->ca, cert, wrong, (size_t)chain, c->now_ms, &c->reply->body);
}
