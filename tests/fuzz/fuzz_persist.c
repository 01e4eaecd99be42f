/* SEES: base crypto acme */
/*
 * Any bytes as a standing record and as what a CA offers: what is taken can be written again and reads the same; nothing that is taken holds
 * a byte that would mean something else in a TXT record.
 */
#include "acme/persist.h"

static void record_try(struct str text)
{
    struct persist_record record, again;
    struct err err = {0};
    AUTO(buf_fini)
    struct buf written = BUF(2 * 65536);
    if (!persist_record_parse(text, &record, &err)) {
        CHECK(err.kind == ERR_BROKEN);
        return;
    }
    AUTO(mem_fini)
    char *issuer = mem_strndup(record.issuer.p, record.issuer.len);
    AUTO(mem_fini)
    char *uri = mem_strndup(record.account_uri.p, record.account_uri.len);
    for (const char *p = uri; *p != '\0'; p++)
        CHECK(*p > 0x20 && *p < 0x7f && *p != ';');
    persist_record_format(issuer, uri, record.is_wildcard, record.until_s, &written);
    CHECK(persist_record_parse(buf_str(&written), &again, &err));
    CHECK(str_eq(record.issuer, again.issuer) && str_eq(record.account_uri, again.account_uri));
    CHECK(record.is_wildcard == again.is_wildcard && record.until_s == again.until_s);
}

static void offer_try(const char *text)
{
    struct persist_offer offer = {0}, again = {0};
    AUTO(buf_fini)
    struct buf written = BUF(65536);
    if (!persist_offer_parse(text, &offer))
        return;
    CHECK(offer.n_issuers >= 1 && offer.n_issuers <= PERSIST_ISSUERS_MAX);
    persist_offer_format(&offer, &written);
    CHECK(persist_offer_parse(buf_cstr(&written), &again));
    CHECK(again.n_issuers == offer.n_issuers && again.form == offer.form);
    persist_offer_fini(&offer);
    persist_offer_fini(&again);
}

static void challenge_try(struct str text)
{
    struct acme_directory directory = {.url = (char *)(uintptr_t) "https://ca.example/directory",
                                       .account_hash_prefix = (char *)(uintptr_t) "acct:"};
    struct persist_offer offer = {0};
    AUTO(json_fini)
    struct json *tree = NULL;
    if (!json_parse(text, JSON_SIZE_MAX, &tree, NULL) ||
        !persist_offer_read(tree, &directory, "https://ca.example/acct/1", &offer, NULL))
        return;
    for (size_t i = 0; i < offer.n_issuers; i++)
        CHECK(persist_issuer_is_good(offer.issuers[i]));
    persist_offer_fini(&offer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(mem_fini)
    char *text = mem_strndup((const char *)data, size);
    record_try(str_mem(data, size));
    offer_try(text);
    challenge_try(str_mem(data, size));
    return 0;
}
