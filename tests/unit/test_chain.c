/* SEES: base crypto */
#include "crypto/cert.h"

#include "base/clock.h"
#include "little_ca.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Our key, and the keys of a root, two intermediates and somebody else */
static struct key *our_key;
static char our_spki[SPKI_HEX_MAX];
static EVP_PKEY *leaf_pkey, *root_pkey, *one_pkey, *two_pkey, *other_pkey;

static const struct cert_plan leaf_plan = {
    .subject = "shop.example",
    .issuer = "One",
    .names = "DNS:shop.example,DNS:*.Shop.Example,IP:192.0.2.7,IP:2001:db8::1",
    .not_before = "20300101000000Z",
    .not_after = "20300401000000Z",
};
static const char *const ordered[] = {"192.0.2.7", "2001:DB8:0::1", "shop.example",
                                      "*.shop.example"};
enum { N_ORDERED = 4 };

static int64_t now_ms(void)
{
    return time_from_civil(2030, 2, 1, 0, 0, 0);
}

static void leaf_add(struct buf *pem, struct cert_plan plan)
{
    plan.key = plan.key != NULL ? plan.key : leaf_pkey;
    plan.signer = plan.signer != NULL ? plan.signer : one_pkey;
    cert_add(pem, &plan);
}

static void one_add(struct buf *pem)
{
    cert_add(
        pem,
        &(struct cert_plan){
            .subject = "One", .issuer = "Two", .is_ca = true, .key = one_pkey, .signer = two_pkey});
}

static void two_add(struct buf *pem)
{
    cert_add(pem, &(struct cert_plan){.subject = "Two",
                                      .issuer = "Root",
                                      .is_ca = true,
                                      .key = two_pkey,
                                      .signer = root_pkey});
}

static void root_add(struct buf *pem)
{
    cert_add(pem, &(struct cert_plan){.subject = "Root", .is_ca = true, .key = root_pkey});
}

static struct chain *chain_of(const struct buf *pem)
{
    struct err err = {0};
    struct chain *chain = NULL;
    if (!chain_parse_pem(buf_str(pem), &chain, &err))
        fail_msg("%s", err.text);
    return chain;
}

static void assert_unread(struct str pem, const char *part)
{
    struct err err = {0};
    struct chain *chain = NULL;
    if (chain_parse_pem(pem, &chain, &err))
        fail_msg("read although %s", part);
    assert_null(chain);
    assert_int_equal(err.kind, ERR_BROKEN);
    if (strstr(err.text, part) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

static void assert_fault_at(const struct buf *pem, int64_t at_ms, enum chain_fault expected)
{
    AUTO(chain_fini)
    struct chain *chain = chain_of(pem);
    enum chain_fault fault = chain_check(chain, our_spki, ordered, N_ORDERED, at_ms, MS_MINUTE);
    assert_string_equal(chain_fault_name(fault), chain_fault_name(expected));
}

static void assert_fault(const struct buf *pem, enum chain_fault expected)
{
    assert_fault_at(pem, now_ms(), expected);
}

/* ---- reading ---- */

static void good_add(struct buf *pem)
{
    leaf_add(pem, leaf_plan);
    one_add(pem);
    two_add(pem);
}

static void test_parse_when_chain_is_good_then_gives_back_the_same_pem(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536), full = BUF(65536);
    good_add(&pem);
    for (int i = 0; i < 2; i++) { /* the second time issuers come from the cache */
        AUTO(chain_fini)
        struct chain *chain = chain_of(&pem);
        assert_int_equal(chain_len(chain), 3);
        buf_clear(&full);
        chain_full_pem(chain, &full);
        assert_string_equal(buf_cstr(&full), buf_cstr(&pem));
    }
}

static void test_parse_when_lines_are_spaced_otherwise_then_is_read_all_the_same(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536), odd = BUF(65536), full = BUF(65536);
    good_add(&pem);
    for (const char *c = buf_cstr(&pem); *c != '\0'; c++) {
        if (*c == '\n')
            buf_add_char(&odd, '\r');
        buf_add_char(&odd, *c);
        if (str_ends(buf_str(&odd), STR("END CERTIFICATE-----\r\n")))
            buf_add_cstr(&odd, "\r\n \n");
    }
    AUTO(chain_fini)
    struct chain *chain = chain_of(&odd);
    chain_full_pem(chain, &full);
    assert_string_equal(buf_cstr(&full), buf_cstr(&pem));
}

static void test_parse_when_root_is_sent_then_is_left_out_of_what_is_served(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536), full = BUF(65536), rest = BUF(65536), issuers = BUF(65536);
    good_add(&pem);
    size_t len = pem.len;
    root_add(&pem);
    AUTO(chain_fini)
    struct chain *chain = chain_of(&pem);
    assert_int_equal(chain_len(chain), 4);
    chain_full_pem(chain, &full);
    buf_cut(&pem, len);
    assert_string_equal(buf_cstr(&full), buf_cstr(&pem));
    chain_rest_pem(chain, &rest);
    chain_cert_pem(chain, 1, &issuers);
    chain_cert_pem(chain, 2, &issuers);
    assert_string_equal(buf_cstr(&rest), buf_cstr(&issuers));
}

static void test_parse_when_text_is_no_pure_chain_then_is_broken(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf good = BUF(65536), pem = BUF(65536);
    leaf_add(&good, leaf_plan);
    assert_unread(STR(""), "no certificate");
    assert_unread(STR(" \n"), "no certificate");
    assert_unread(STR("<html>"), "no certificate");
    buf_printf(&pem, "subject=x\n%s", buf_cstr(&good));
    assert_unread(buf_str(&pem), "text");
    buf_clear(&pem);
    buf_printf(&pem, "%stext\n%s", buf_cstr(&good), buf_cstr(&good));
    assert_unread(buf_str(&pem), "certificate 2: text");
    buf_clear(&pem);
    buf_printf(&pem, "%s-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n",
               buf_cstr(&good));
    assert_unread(buf_str(&pem), "private key");
    buf_clear(&pem);
    buf_add(&pem, good.p, good.len);
    buf_add(&pem, "\0", 1);
    assert_unread(buf_str(&pem), "NUL");
    assert_unread(str_mem(good.p, good.len - 10), "end mark");
    assert_unread(STR("-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"), "base64");
    assert_unread(STR("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"), "base64");
    assert_unread(STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "decoded");
    assert_unread(
        STR("-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n-----END TRUSTED CERTIFICATE-----\n"),
        "text");
}

static void test_parse_when_bytes_follow_the_certificate_then_is_broken(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536), der = BUF(65536), text = BUF(65536);
    leaf_add(&pem, leaf_plan);
    AUTO(chain_fini)
    struct chain *chain = chain_of(&pem);
    chain_cert_der(chain, 0, &der);
    buf_add_cstr(&der, "!");
    buf_add_cstr(&text, "-----BEGIN CERTIFICATE-----\n");
    base64_encode(&text, der.p, der.len);
    buf_add_cstr(&text, "\n-----END CERTIFICATE-----\n");
    assert_unread(buf_str(&text), "bytes follow");
}

static void test_parse_when_too_many_or_too_much_then_is_broken(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf one = BUF(65536), pem = BUF(2 * CHAIN_PEM_MAX);
    leaf_add(&one, leaf_plan);
    for (int i = 0; i < CHAIN_LEN_MAX; i++)
        buf_add(&pem, one.p, one.len);
    AUTO(chain_fini)
    struct chain *chain = chain_of(&pem);
    assert_int_equal(chain_len(chain), CHAIN_LEN_MAX);
    buf_add(&pem, one.p, one.len);
    assert_unread(buf_str(&pem), "more than 16");
    buf_clear(&pem);
    buf_add(&pem, one.p, one.len);
    while (pem.len <= CHAIN_PEM_MAX)
        buf_add_char(&pem, '\n');
    assert_unread(buf_str(&pem), "more than 524288");
    assert_unread(str_mem(pem.p, CHAIN_PEM_MAX + 1), "more than 524288");
    pem.p[CHAIN_PEM_MAX] = '\0';
    struct chain *largest = NULL;
    struct err err = {0};
    assert_true(chain_parse_pem(str_mem(pem.p, CHAIN_PEM_MAX), &largest, &err));
    chain_free(largest);
}

static void test_parse_when_extensions_or_times_are_malformed_then_is_broken(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    struct cert_plan plan = leaf_plan;
    plan.names = "DER:0500"; /* a NULL where names should be */
    leaf_add(&pem, plan);
    assert_unread(buf_str(&pem), "extensions");

    buf_clear(&pem);
    plan = leaf_plan;
    plan.key = leaf_pkey;
    plan.signer = one_pkey;
    X509 *x509 = cert_make(&plan);
    ASN1_TIME *end = X509_getm_notAfter(x509);
    assert_int_equal(ASN1_STRING_set(end, "20301301000000Z", 15), 1);
    end->type = V_ASN1_GENERALIZEDTIME;
    assert_true(X509_sign(x509, one_pkey, EVP_sha256()) > 0);
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x509);
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    assert_unread(str_mem(text, (size_t)len), "validity");
    BIO_free(bio);
    X509_free(x509);
}

/* ---- facts ---- */

static void facts_of(const struct buf *pem, size_t i, struct cert_facts *facts)
{
    struct err err = {0};
    AUTO(chain_fini)
    struct chain *chain = chain_of(pem);
    assert_true(chain_facts(chain, i, facts, &err));
}

static void test_facts_when_of_a_leaf_then_tell_who_and_what(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536), der = BUF(65536);
    good_add(&pem);
    AUTO(cert_facts_fini)
    struct cert_facts facts = {0};
    facts_of(&pem, 0, &facts);
    assert_string_equal(facts.subject, "CN=shop.example");
    assert_string_equal(facts.issuer, "CN=One");
    assert_string_equal(facts.common_name, "shop.example");
    assert_string_equal(facts.serial_hex, "01");
    assert_string_equal(facts.spki_hex, our_spki);
    assert_int_equal(facts.n_names, 4);
    assert_string_equal(facts.names[0], "shop.example");
    assert_string_equal(facts.names[1], "*.shop.example");
    assert_string_equal(facts.names[2], "192.0.2.7");
    assert_string_equal(facts.names[3], "2001:db8::1");
    assert_int_equal(facts.not_before_at_ms, time_from_civil(2030, 1, 1, 0, 0, 0));
    assert_int_equal(facts.not_after_at_ms, time_from_civil(2030, 4, 1, 0, 0, 0));
    assert_null(facts.ari_id);
    assert_false(facts.is_ca);
    assert_false(facts.is_self_signed);
    AUTO(chain_fini)
    struct chain *chain = chain_of(&pem);
    chain_cert_der(chain, 0, &der);
    char hex[65];
    sha256_hex(der.p, der.len, hex);
    assert_string_equal(facts.sha256_hex, hex);
}

static void test_facts_when_of_a_root_then_say_so(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    root_add(&pem);
    one_add(&pem);
    AUTO(cert_facts_fini)
    struct cert_facts root = {0}, one = {0};
    facts_of(&pem, 0, &root);
    facts_of(&pem, 1, &one);
    assert_true(root.is_ca && root.is_self_signed);
    assert_true(one.is_ca && !one.is_self_signed);
    assert_int_equal(one.n_names, 0);
}

/* RFC 9773 4.1 */
static void test_facts_when_key_id_and_serial_are_of_rfc_9773_then_ari_id_is_the_printed_one(
    void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    struct cert_plan plan = leaf_plan;
    plan.serial_hex = "0087654321";
    plan.issuer_key_id = "69885B6B87464041E1B37B847BA0AE2CDE01C8D4";
    leaf_add(&pem, plan);
    AUTO(cert_facts_fini)
    struct cert_facts facts = {0};
    facts_of(&pem, 0, &facts);
    assert_string_equal(facts.serial_hex, "0087654321");
    assert_string_equal(facts.ari_id, "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

static void test_facts_when_certificate_ends_at_odd_times_then_the_year_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *asn1;
        int64_t year;
        int month, day, hour, minute, second;
    } rows[] = {
        {"20491231235959Z", 2049, 12, 31, 23, 59, 59}, /* the last UTCTime */
        {"20500101000000Z", 2050, 1, 1, 0, 0, 0},      /* the first GeneralizedTime */
        {"99991231235959Z", 9999, 12, 31, 23, 59, 59}, /* RFC 5280 4.1.2.5: no known end */
        {"20300228235959Z", 2030, 2, 28, 23, 59, 59},  {"20320229000000Z", 2032, 2, 29, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        AUTO(buf_fini)
        struct buf pem = BUF(65536);
        struct cert_plan plan = leaf_plan;
        plan.not_before = "19991231235959Z";
        plan.not_after = rows[i].asn1;
        leaf_add(&pem, plan);
        AUTO(cert_facts_fini)
        struct cert_facts facts = {0};
        facts_of(&pem, 0, &facts);
        assert_int_equal(facts.not_before_at_ms, time_from_civil(1999, 12, 31, 23, 59, 59));
        assert_int_equal(facts.not_after_at_ms,
                         time_from_civil(rows[i].year, rows[i].month, rows[i].day, rows[i].hour,
                                         rows[i].minute, rows[i].second));
    }
}

static void test_facts_when_asked_beyond_the_end_then_absent(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    leaf_add(&pem, leaf_plan);
    AUTO(chain_fini)
    struct chain *chain = chain_of(&pem);
    struct cert_facts facts = {0};
    struct err err = {0};
    assert_false(chain_facts(chain, 1, &facts, &err));
    assert_int_equal(err.kind, ERR_ABSENT);
    assert_null(facts.subject);
}

static void test_facts_when_names_are_hostile_then_are_shown_not_obeyed(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    struct cert_plan plan = leaf_plan;
    plan.subject = "evil\n\x1b[31m";
    /* dNSName "a.example" NUL "b", dNSName "192.0.2.9" */
    plan.names = "DER:3018820b612e6578616d706c6500628209"
                 "3139322e302e322e39";
    leaf_add(&pem, plan);
    AUTO(cert_facts_fini)
    struct cert_facts facts = {0};
    facts_of(&pem, 0, &facts);
    assert_string_equal(facts.names[0], "a.example\\x00b");
    assert_string_equal(facts.names[1], "dns:192.0.2.9");
    assert_null(strpbrk(facts.subject, "\n\x1b"));
    assert_null(strpbrk(facts.common_name, "\n\x1b"));
    assert_false(cert_names_cover(&facts, "a.example"));
    assert_false(cert_names_cover(&facts, "192.0.2.9"));
}

/* ---- check ---- */

static void test_check_when_chain_is_good_then_is_fine(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    good_add(&pem);
    assert_fault(&pem, CHAIN_FINE);
    root_add(&pem);
    assert_fault(&pem, CHAIN_FINE);
    /* the name order asked for does not matter, nor does asking twice */
    AUTO(chain_fini)
    struct chain *chain = chain_of(&pem);
    static const char *const twice[] = {"*.shop.example", "shop.example", "2001:db8::1",
                                        "192.0.2.7", "shop.example"};
    assert_int_equal(chain_check(chain, our_spki, twice, 5, now_ms(), 0), CHAIN_FINE);
}

static void test_check_when_issued_by_the_root_itself_then_is_fine(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536), full = BUF(65536), leaf = BUF(65536);
    struct cert_plan plan = leaf_plan;
    plan.issuer = "Root";
    plan.signer = root_pkey;
    leaf_add(&pem, plan);
    buf_add_str(&leaf, buf_str(&pem));
    root_add(&pem);
    assert_fault(&pem, CHAIN_FINE);
    AUTO(chain_fini)
    struct chain *chain = chain_of(&pem);
    chain_full_pem(chain, &full);
    assert_string_equal(buf_cstr(&full), buf_cstr(&leaf));
    buf_clear(&full);
    chain_rest_pem(chain, &full);
    assert_int_equal(full.len, 0);
}

static void test_check_when_leaf_is_self_signed_then_its_signature_counts(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536), forged = BUF(65536), full = BUF(65536);
    struct cert_plan plan = leaf_plan;
    plan.issuer = NULL;
    plan.signer = leaf_pkey;
    leaf_add(&pem, plan);
    assert_fault(&pem, CHAIN_FINE);
    AUTO(chain_fini)
    struct chain *chain = chain_of(&pem);
    chain_full_pem(chain, &full);
    assert_string_equal(buf_cstr(&full), buf_cstr(&pem));
    plan.signer = other_pkey;
    leaf_add(&forged, plan);
    assert_fault(&forged, CHAIN_BAD_LINK);
}

static void test_check_when_key_is_another_then_other_key(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    struct cert_plan plan = leaf_plan;
    plan.key = other_pkey;
    plan.names = "DNS:elsewhere.example"; /* the key is the graver fault */
    leaf_add(&pem, plan);
    one_add(&pem);
    assert_fault(&pem, CHAIN_OTHER_KEY);
}

static void assert_names_fault(const char *names, enum chain_fault expected)
{
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    struct cert_plan plan = leaf_plan;
    plan.names = names;
    leaf_add(&pem, plan);
    one_add(&pem);
    assert_fault(&pem, expected);
}

static void test_check_when_names_differ_then_missing_or_extra(void **state)
{
    (void)state;
    assert_names_fault("DNS:*.shop.example,IP:192.0.2.7,IP:2001:db8::1", CHAIN_MISSING_NAME);
    assert_names_fault("DNS:shop.example,DNS:*.shop.example,IP:192.0.2.7,DNS:2001:db8::1",
                       CHAIN_MISSING_NAME);
    assert_names_fault("DNS:shop.example,DNS:*.shop.example,IP:192.0.2.8,IP:2001:db8::1",
                       CHAIN_MISSING_NAME);
    assert_names_fault(NULL, CHAIN_MISSING_NAME);
    assert_names_fault(
        "DNS:shop.example,DNS:*.shop.example,IP:192.0.2.7,IP:2001:db8::1,DNS:a.example",
        CHAIN_EXTRA_NAME);
    assert_names_fault(
        "DNS:shop.example,DNS:*.shop.example,IP:192.0.2.7,IP:2001:db8::1,DNS:z.example",
        CHAIN_EXTRA_NAME);
    assert_names_fault(
        "DNS:shop.example,DNS:*.shop.example,IP:192.0.2.7,IP:2001:db8::1,email:a@b.example",
        CHAIN_EXTRA_NAME);
    assert_names_fault(
        "DNS:SHOP.example,DNS:*.shop.example,IP:192.0.2.7,IP:2001:db8::1,DNS:shop.example",
        CHAIN_FINE);
}

static void test_check_when_time_is_out_of_validity_then_expired_or_future(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    good_add(&pem);
    int64_t begin = time_from_civil(2030, 1, 1, 0, 0, 0),
            end = time_from_civil(2030, 4, 1, 0, 0, 0);
    assert_fault_at(&pem, begin, CHAIN_FINE);
    assert_fault_at(&pem, begin - MS_MINUTE, CHAIN_FINE);
    assert_fault_at(&pem, begin - MS_MINUTE - 1, CHAIN_FUTURE);
    assert_fault_at(&pem, end - 1, CHAIN_FINE);
    assert_fault_at(&pem, end, CHAIN_EXPIRED);
}

static void test_check_when_issuer_has_expired_then_expired(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    leaf_add(&pem, leaf_plan);
    cert_add(&pem, &(struct cert_plan){.subject = "One",
                                       .issuer = "Two",
                                       .is_ca = true,
                                       .key = one_pkey,
                                       .signer = two_pkey,
                                       .not_after = "20300115000000Z"});
    assert_fault(&pem, CHAIN_EXPIRED);
}

static void test_check_when_issuer_is_missing_then_no_chain(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    leaf_add(&pem, leaf_plan);
    assert_fault(&pem, CHAIN_NO_CHAIN);
}

static void test_check_when_intermediates_are_shuffled_or_foreign_then_bad_link(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    leaf_add(&pem, leaf_plan);
    size_t leaf_len = pem.len;
    two_add(&pem); /* two before one */
    one_add(&pem);
    assert_fault(&pem, CHAIN_BAD_LINK);
    buf_cut(&pem, leaf_len);
    two_add(&pem); /* one left out */
    assert_fault(&pem, CHAIN_BAD_LINK);
    buf_cut(&pem, leaf_len);
    leaf_add(&pem, leaf_plan); /* the leaf twice */
    one_add(&pem);
    assert_fault(&pem, CHAIN_BAD_LINK);
    buf_cut(&pem, leaf_len);
    one_add(&pem);
    root_add(&pem); /* the end does not fit */
    assert_fault(&pem, CHAIN_BAD_LINK);
    buf_cut(&pem, leaf_len);
    one_add(&pem);
    two_add(&pem);
    root_add(&pem);
    root_add(&pem); /* signed by itself, so the second one fits */
    assert_fault(&pem, CHAIN_FINE);
    one_add(&pem);
    assert_fault(&pem, CHAIN_BAD_LINK);
}

static void test_check_when_issuer_has_the_name_but_not_the_key_then_bad_link(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    leaf_add(&pem, leaf_plan);
    cert_add(&pem, &(struct cert_plan){.subject = "One",
                                       .issuer = "Two",
                                       .is_ca = true,
                                       .key = other_pkey,
                                       .signer = two_pkey});
    assert_fault(&pem, CHAIN_BAD_LINK);
}

static void test_check_when_issuer_is_no_ca_then_bad_link(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    leaf_add(&pem, leaf_plan);
    cert_add(&pem, &(struct cert_plan){
                       .subject = "One", .issuer = "Two", .key = one_pkey, .signer = two_pkey});
    assert_fault(&pem, CHAIN_BAD_LINK);
}

static void test_check_when_key_identifiers_contradict_then_bad_link(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    struct cert_plan plan = leaf_plan;
    plan.issuer_key_id = "0102030405060708";
    leaf_add(&pem, plan);
    size_t len = pem.len;
    struct cert_plan one = {.subject = "One",
                            .issuer = "Two",
                            .is_ca = true,
                            .key = one_pkey,
                            .signer = two_pkey,
                            .key_id = "0102030405060708"};
    cert_add(&pem, &one);
    assert_fault(&pem, CHAIN_FINE);
    buf_cut(&pem, len);
    one.key_id = "0102030405060709";
    cert_add(&pem, &one);
    assert_fault(&pem, CHAIN_BAD_LINK);
}

static void test_check_when_first_certificate_is_a_ca_then_ca_leaf(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    one_add(&pem); /* shuffled: the leaf comes second */
    leaf_add(&pem, leaf_plan);
    assert_fault(&pem, CHAIN_CA_LEAF);
    buf_clear(&pem);
    struct cert_plan plan = leaf_plan;
    plan.is_ca = true; /* a CA with our key and our names */
    leaf_add(&pem, plan);
    one_add(&pem);
    assert_fault(&pem, CHAIN_CA_LEAF);
}

static void test_check_when_keys_are_rsa_then_links_verify_too(void **state)
{
    (void)state;
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    AUTO(buf_fini)
    struct buf pem = BUF(65536);
    struct cert_plan plan = leaf_plan;
    plan.signer = rsa;
    leaf_add(&pem, plan);
    cert_add(&pem,
             &(struct cert_plan){
                 .subject = "One", .issuer = "Two", .is_ca = true, .key = rsa, .signer = two_pkey});
    two_add(&pem);
    root_add(&pem);
    assert_fault(&pem, CHAIN_FINE);
    EVP_PKEY_free(rsa);
}

static void test_fault_when_named_then_every_one_has_a_sentence(void **state)
{
    (void)state;
    assert_string_equal(chain_fault_name(CHAIN_FINE), "fine");
    for (enum chain_fault fault = CHAIN_FINE + 1; fault < CHAIN_FAULT_N; fault++)
        assert_true(strlen(chain_fault_text(fault)) > 20);
    assert_string_equal(chain_fault_name(CHAIN_CA_LEAF), "ca-leaf");
}

/* ---- hosts ---- */

static void test_cover_when_host_is_asked_then_follows_rfc_6125(void **state)
{
    (void)state;
    static char one[] = "shop.example", two[] = "*.shop.example", three[] = "192.0.2.7",
                four[] = "2001:db8::1", five[] = "*.168.1.1", six[] = "w*.part.example";
    char *names[] = {one, two, three, four, five, six};
    const struct cert_facts facts = {.names = names, .n_names = 6};
    static const char *const covered[] = {"shop.example",     "SHOP.Example",   "shop.example.",
                                          "www.shop.example", "*.shop.example", "192.0.2.7",
                                          "2001:DB8:0::1"};
    static const char *const not_covered[] = {
        "a.b.shop.example", ".shop.example",    "example", "xshop.example", "192.0.2.8",
        "192.168.1.1",      "www.part.example", "",        "2001:db8::2",   "*.example"};
    for (size_t i = 0; i < sizeof covered / sizeof *covered; i++)
        if (!cert_names_cover(&facts, covered[i]))
            fail_msg("%s is not covered", covered[i]);
    for (size_t i = 0; i < sizeof not_covered / sizeof *not_covered; i++)
        if (cert_names_cover(&facts, not_covered[i]))
            fail_msg("%s is covered", not_covered[i]);
}

static int set_up(void **state)
{
    (void)state;
    our_key = key_new(KEY_ECDSA_P256);
    key_spki(our_key, our_spki);
    leaf_pkey = ca_pkey(our_key);
    root_pkey = EVP_EC_gen("P-256");
    one_pkey = EVP_EC_gen("P-256");
    two_pkey = EVP_EC_gen("P-384");
    other_pkey = EVP_EC_gen("P-256");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    key_free(our_key);
    EVP_PKEY_free(leaf_pkey);
    EVP_PKEY_free(root_pkey);
    EVP_PKEY_free(one_pkey);
    EVP_PKEY_free(two_pkey);
    EVP_PKEY_free(other_pkey);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_when_chain_is_good_then_gives_back_the_same_pem),
        cmocka_unit_test(test_parse_when_lines_are_spaced_otherwise_then_is_read_all_the_same),
        cmocka_unit_test(test_parse_when_root_is_sent_then_is_left_out_of_what_is_served),
        cmocka_unit_test(test_parse_when_text_is_no_pure_chain_then_is_broken),
        cmocka_unit_test(test_parse_when_bytes_follow_the_certificate_then_is_broken),
        cmocka_unit_test(test_parse_when_too_many_or_too_much_then_is_broken),
        cmocka_unit_test(test_parse_when_extensions_or_times_are_malformed_then_is_broken),
        cmocka_unit_test(test_facts_when_of_a_leaf_then_tell_who_and_what),
        cmocka_unit_test(test_facts_when_of_a_root_then_say_so),
        cmocka_unit_test(
            test_facts_when_key_id_and_serial_are_of_rfc_9773_then_ari_id_is_the_printed_one),
        cmocka_unit_test(test_facts_when_certificate_ends_at_odd_times_then_the_year_is_right),
        cmocka_unit_test(test_facts_when_asked_beyond_the_end_then_absent),
        cmocka_unit_test(test_facts_when_names_are_hostile_then_are_shown_not_obeyed),
        cmocka_unit_test(test_check_when_chain_is_good_then_is_fine),
        cmocka_unit_test(test_check_when_issued_by_the_root_itself_then_is_fine),
        cmocka_unit_test(test_check_when_leaf_is_self_signed_then_its_signature_counts),
        cmocka_unit_test(test_check_when_key_is_another_then_other_key),
        cmocka_unit_test(test_check_when_names_differ_then_missing_or_extra),
        cmocka_unit_test(test_check_when_time_is_out_of_validity_then_expired_or_future),
        cmocka_unit_test(test_check_when_issuer_has_expired_then_expired),
        cmocka_unit_test(test_check_when_issuer_is_missing_then_no_chain),
        cmocka_unit_test(test_check_when_intermediates_are_shuffled_or_foreign_then_bad_link),
        cmocka_unit_test(test_check_when_issuer_has_the_name_but_not_the_key_then_bad_link),
        cmocka_unit_test(test_check_when_issuer_is_no_ca_then_bad_link),
        cmocka_unit_test(test_check_when_key_identifiers_contradict_then_bad_link),
        cmocka_unit_test(test_check_when_first_certificate_is_a_ca_then_ca_leaf),
        cmocka_unit_test(test_check_when_keys_are_rsa_then_links_verify_too),
        cmocka_unit_test(test_fault_when_named_then_every_one_has_a_sentence),
        cmocka_unit_test(test_cover_when_host_is_asked_then_follows_rfc_6125),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
