/* SEES: base crypto */
/*
 * Whatever parses as a chain is at most 16 certificates long, comes back byte for byte from its own PEM, tells its
 * facts or says why not, and does not lack the very key and names that it shows; whatever does not parse says so as
 * BROKEN. Input that does not begin as PEM is taken as certificates in DER, each after its length in two bytes,
 * so that the fuzzer can change certificates and not only their base64.
 */
#include "crypto/cert.h"

enum { PEM_MAX = 2 * CHAIN_PEM_MAX };

static const int64_t now_ms = INT64_C(1893456000000); /* 2030-01-01 */

static void block_add(struct buf *pem, struct str der)
{
    buf_add_cstr(pem, "-----BEGIN CERTIFICATE-----\n");
    base64_encode(pem, der.p, der.len);
    buf_add_cstr(pem, "\n-----END CERTIFICATE-----\n");
}

static void pem_make(const uint8_t *data, size_t size, struct buf *pem)
{
    if (size > 0 && data[0] == '-') {
        buf_add(pem, data, size);
        return;
    }
    while (size > 2) {
        size_t len = (size_t)data[0] << 8 | data[1];
        len = len < size - 2 ? len : size - 2;
        block_add(pem, str_mem(data + 2, len));
        data += 2 + len;
        size -= 2 + len;
    }
}

static void own_facts_check(const struct chain *chain, const struct cert_facts *facts)
{
    enum chain_fault fault = chain_check(chain, facts->spki_hex, (const char *const *)facts->names,
                                         facts->n_names, now_ms, 0);
    CHECK(fault != CHAIN_OTHER_KEY && fault != CHAIN_MISSING_NAME && fault < CHAIN_FAULT_N);
    CHECK((fault == CHAIN_CA_LEAF) == facts->is_ca);
    if (fault == CHAIN_FINE)
        CHECK(facts->not_before_at_ms <= now_ms && facts->not_after_at_ms > now_ms);
    for (size_t i = 0; i < facts->n_names; i++)
        CHECK(strpbrk(facts->names[i], "\r\n\x1b") == NULL);
}

static void facts_check(const struct chain *chain, size_t i)
{
    struct err err = {0};
    AUTO(cert_facts_fini)
    struct cert_facts facts = {0};
    if (!chain_facts(chain, i, &facts, &err)) {
        CHECK(err.kind == ERR_BROKEN && facts.subject == NULL);
        return;
    }
    CHECK(strlen(facts.serial_hex) % 2 == 0 && strlen(facts.serial_hex) > 0);
    CHECK(strlen(facts.spki_hex) == 64 && strlen(facts.sha256_hex) == 64);
    (void)cert_names_cover(&facts, "www.example.com");
    if (i == 0)
        own_facts_check(chain, &facts);
}

static void pem_check(const struct chain *chain)
{
    struct err err = {0};
    AUTO(buf_fini)
    struct buf pem = BUF(PEM_MAX), again = BUF(PEM_MAX);
    AUTO(chain_fini)
    struct chain *copy = NULL;
    chain_full_pem(chain, &pem);
    CHECK(chain_parse_pem(buf_str(&pem), &copy, &err));
    CHECK(chain_len(copy) <= chain_len(chain));
    chain_full_pem(copy, &again);
    CHECK(str_eq(buf_str(&pem), buf_str(&again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    AUTO(buf_fini)
    struct buf pem = BUF(PEM_MAX);
    AUTO(chain_fini)
    struct chain *chain = NULL;
    pem_make(data, size, &pem);
    if (!chain_parse_pem(buf_str(&pem), &chain, &err)) {
        CHECK(chain == NULL && err.kind == ERR_BROKEN);
        return 0;
    }
    CHECK(chain_len(chain) >= 1 && chain_len(chain) <= CHAIN_LEN_MAX);
    for (size_t i = 0; i < chain_len(chain); i++)
        facts_check(chain, i);
    pem_check(chain);
    return 0;
}
