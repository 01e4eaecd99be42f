/* SEES: base io */
#include "io/dns_read.h"
#include "io/dns_tsig.h"

/* A DNS message from a hostile server: read as an answer, and judged as a signed one. What is read must lie in the arena
 * and be as long as it says. */
static void records_check(const struct dns_reply *reply)
{
    for (size_t i = 0; i < reply->n_records; i++) {
        const struct dns_record *r = &reply->records[i];
        CHECK(r->owner != NULL && strlen(r->owner) <= 4 * 255);
        CHECK(r->data != NULL && r->data[r->data_len] == '\0');
        CHECK(r->type != DNS_CAA || (r->caa_flags < 256 && r->caa_tag.p[r->caa_tag.len] == '\0'));
        CHECK(r->section == DNS_ANSWER || r->section == DNS_AUTHORITY ||
              r->section == DNS_ADDITIONAL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static unsigned char bytes[] = "secret";
    const struct secret secret = {bytes, 6};
    const struct tsig_mac request = {{1, 2, 3}, 32};
    struct str wire = str_mem(data, len);
    struct dns_reply reply;
    struct tsig_key key;
    struct tsig_verdict verdict;
    struct err err;
    struct arena *arena = arena_new();
    if (dns_read(wire, arena, &reply, &err))
        records_check(&reply);
    else
        CHECK(err.kind == ERR_BROKEN);
    arena_free(arena);
    CHECK(tsig_key_init(&key, "key", "hmac-sha256", &secret, &err));
    if (!tsig_judge(&key, &request, wire, &verdict, &err))
        CHECK(err.kind == ERR_BROKEN);
    else
        CHECK(!verdict.fits); /* nobody guesses a MAC */
    tsig_key_fini(&key);
    return 0;
}
