/* SEES: base crypto */
/*
 * Whatever is taken as a request comes back byte for byte in DER and is read the same from there, has names that can be printed and are exactly its own, a
 * key of a kind we know; whatever is not taken says so as BROKEN or REFUSED.
 */
#include "crypto/csr.h"

static void names_check(const struct csr_facts *facts)
{
    struct err err = {0};
    CHECK(facts->n_names >= 1 && facts->n_names <= 100);
    for (size_t i = 0; i < facts->n_names; i++)
        CHECK(strpbrk(facts->names[i], "\r\n\x1b") == NULL);
    /* A name that only looks like an address is spelt otherwise, and so is none of its own. */
    for (size_t i = 0; i < facts->n_names; i++)
        if (strncmp(facts->names[i], "dns:", 4) == 0 ||
            strncmp(facts->names[i], "address:", 8) == 0)
            return;
    CHECK(csr_names_check(facts, (const char *const *)facts->names, facts->n_names, &err));
    CHECK(facts->n_names == 1 ||
          !csr_names_check(facts, (const char *const *)facts->names, 0, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    AUTO(csr_facts_fini)
    struct csr_facts facts = {0}, again = {0};
    if (!csr_parse(str_mem(data, size), &facts, &err)) {
        CHECK(facts.names == NULL && facts.der.p == NULL);
        CHECK(err.kind == ERR_BROKEN || err.kind == ERR_REFUSED);
        return 0;
    }
    CHECK(facts.kind < KEY_KIND_N && strlen(facts.spki_hex) == 64);
    names_check(&facts);
    CHECK(csr_parse(buf_str(&facts.der), &again, &err));
    CHECK(str_eq(buf_str(&facts.der), buf_str(&again.der)) && facts.n_names == again.n_names);
    return 0;
}
