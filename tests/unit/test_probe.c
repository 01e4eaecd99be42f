/* SEES: base io */
#include "io/probe.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "tls_server.h"

#include <cmocka.h>

/* What done said, copied. */
struct said {
    int n;
    enum probe_stage stage;
    struct buf chain;
    char version[32];
    int64_t took_ms;
    struct err err;
};

static void say(void *arg, const struct probe_result *result, const struct err *err)
{
    struct said *said = arg;
    said->n++;
    said->stage = result->stage;
    said->took_ms = result->took_ms;
    said->chain = BUF(1000000);
    buf_add_str(&said->chain, result->chain_pem);
    snprintf(said->version, sizeof said->version, "%s", result->tls_version);
    assert_true((result->stage == PROBE_DONE) == (err == NULL));
    assert_true((result->stage == PROBE_DONE) == (result->chain_pem.len > 0));
    if (err != NULL)
        said->err = *err;
}

static void said_fini(struct said *said)
{
    buf_fini(&said->chain);
}

static void probe(const struct probe_request *request, struct said *said)
{
    *said = (struct said){0};
    struct loop *loop = loop_new();
    int64_t until = clock_wall_ms(&clock_system) + 20000;
    assert_non_null(probe_start(loop, request, say, said));
    assert_int_equal(said->n, 0);
    while (said->n == 0 && clock_wall_ms(&clock_system) < until)
        loop_wait(loop, until);
    loop_free(loop);
    assert_int_equal(said->n, 1);
}

static void probe_server(struct server *server, const char *starttls, const char *prefer,
                         struct said *said)
{
    server_start(server);
    struct probe_request request = {.address = server->address,
                                    .host = "shop.example.com",
                                    .starttls = starttls,
                                    .prefer = prefer,
                                    .timeout_ms = server->hangs ? 300 : 10000};
    probe(&request, said);
    server_end(server);
}

static void assert_done(const struct said *said)
{
    if (said->stage != PROBE_DONE)
        fail_msg("stage %d: %s", (int)said->stage, said->err.text);
}

static void assert_failed(const struct said *said, enum probe_stage stage, enum err_kind kind,
                          const char *text)
{
    if (said->stage != stage || said->err.kind != kind || strstr(said->err.text, text) == NULL)
        fail_msg("stage %d, %s: %s", (int)said->stage, err_kind_name(said->err.kind),
                 said->err.text);
}

/* The chain holds exactly these, in order. */
static void assert_chain(const struct said *said, X509 *first, X509 *second)
{
    BIO *text = BIO_new_mem_buf(said->chain.p, (int)said->chain.len);
    X509 *wanted[] = {first, second, NULL};
    for (int i = 0; i < 3; i++) {
        X509 *cert = PEM_read_bio_X509(text, NULL, NULL, NULL);
        assert_true((cert == NULL) == (wanted[i] == NULL));
        assert_true(cert == NULL || X509_cmp(cert, wanted[i]) == 0);
        X509_free(cert);
    }
    BIO_free(text);
    ERR_clear_error();
}

static void test_probe_when_tls_then_the_chain_as_presented(void **state)
{
    struct server server = {.ctx = ctx_new(false, true)};
    AUTO(said_fini)
    struct said said;
    (void)state;
    probe_server(&server, NULL, NULL, &said);
    assert_done(&said);
    assert_chain(&said, ecdsa_leaf, middle);
    assert_string_equal(said.version, "TLSv1.3");
    assert_string_equal(server.name_seen, "shop.example.com");
    assert_true(server.farewell);
    assert_in_range(said.took_ms, 0, 9000);
}

static void test_probe_when_the_host_is_an_address_then_no_server_name(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1", "", NULL};
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
        struct server server = {.ctx = ctx_new(false, true), .name_seen = "unset"};
        AUTO(said_fini)
        struct said said;
        server_start(&server);
        struct probe_request request = {.address = server.address, .host = hosts[i]};
        probe(&request, &said);
        server_end(&server);
        assert_done(&said);
        assert_string_equal(server.name_seen, "");
    }
}

static void test_probe_when_the_host_ends_in_a_dot_then_sent_without(void **state)
{
    struct server server = {.ctx = ctx_new(false, true)};
    AUTO(said_fini)
    struct said said;
    (void)state;
    server_start(&server);
    struct probe_request request = {.address = server.address, .host = "shop.example.com."};
    probe(&request, &said);
    server_end(&server);
    assert_done(&said);
    assert_string_equal(server.name_seen, "shop.example.com");
}

static void test_probe_when_both_key_types_then_the_preferred_one_in_each_version(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct server server = {.ctx = ctx_new(true, true)};
        AUTO(said_fini)
        struct said said;
        SSL_CTX_set_max_proto_version(server.ctx, versions[i / 2]);
        probe_server(&server, NULL, i % 2 == 0 ? "rsa" : "ecdsa", &said);
        assert_done(&said);
        assert_string_equal(said.version, i < 2 ? "TLSv1.2" : "TLSv1.3");
        BIO *text = BIO_new_mem_buf(said.chain.p, (int)said.chain.len);
        X509 *leaf = PEM_read_bio_X509(text, NULL, NULL, NULL);
        assert_int_equal(X509_cmp(leaf, i % 2 == 0 ? rsa_leaf : ecdsa_leaf), 0);
        X509_free(leaf);
        BIO_free(text);
    }
}

static void test_probe_when_the_preferred_key_type_is_missing_then_refused(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct server server = {.ctx = ctx_new(i % 2 == 0, i % 2 != 0)};
        AUTO(said_fini)
        struct said said;
        SSL_CTX_set_max_proto_version(server.ctx, versions[i / 2]);
        probe_server(&server, NULL, i % 2 == 0 ? "ecdsa" : "rsa", &said);
        assert_failed(&said, PROBE_HANDSHAKE, ERR_REFUSED, "key type");
    }
}

static void test_probe_when_old_weak_and_expired_then_seen_all_the_same(void **state)
{
    struct server server = {.ctx = SSL_CTX_new(TLS_server_method())};
    EVP_PKEY *key = EVP_RSA_gen(1024);
    X509 *cert = cert_new(key, "old", -864000, -86400);
    AUTO(said_fini)
    struct said said;
    (void)state;
    SSL_CTX_set_security_level(server.ctx, 0);
    SSL_CTX_set_min_proto_version(server.ctx, 0);
    SSL_CTX_set_max_proto_version(server.ctx, TLS1_VERSION);
    CHECK(SSL_CTX_set_cipher_list(server.ctx, "ALL:@SECLEVEL=0") == 1);
    CHECK(SSL_CTX_use_certificate(server.ctx, cert) == 1 &&
          SSL_CTX_use_PrivateKey(server.ctx, key) == 1);
    probe_server(&server, NULL, NULL, &said);
    assert_done(&said);
    assert_chain(&said, cert, NULL);
    assert_string_equal(said.version, "TLSv1");
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void test_probe_when_the_server_wants_our_certificate_then_its_own_is_seen(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct server server = {.ctx = ctx_new(false, true)};
        AUTO(said_fini)
        struct said said;
        SSL_CTX_set_max_proto_version(server.ctx, versions[i]);
        SSL_CTX_set_verify(server.ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        probe_server(&server, NULL, NULL, &said);
        assert_done(&said);
        assert_chain(&said, ecdsa_leaf, middle);
    }
}

#define S(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define LDAP_ASK                                                                                   \
    "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"                                                         \
    "1.3.6.1.4.1.1466.20037"
static const struct {
    const char *kind;
    struct turn talk[4];
} talks[] = {
    {"smtp",
     {{S(""), S("220 mx.example\r\n")},
      {S("EHLO chancery.invalid\r\n"), S("250-mx.example\r\n250-STARTTLS\r\n250 HELP\r\n")},
      {S("STARTTLS\r\n"), S("220 go\r\n")}}},
    {"imap",
     {{S(""), S("* OK ready\r\n")},
      {S("a1 CAPABILITY\r\n"), S("* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK x\r\n")},
      {S("a2 STARTTLS\r\n"), S("a2 OK go\r\n")}}},
    {"pop3", {{S(""), S("+OK\r\n")}, {S("STLS\r\n"), S("+OK go\r\n")}}},
    {"ftp", {{S(""), S("220-hello\r\n220 x\r\n")}, {S("AUTH TLS\r\n"), S("234 go\r\n")}}},
    {"sieve", {{S(""), S("\"STARTTLS\"\r\nOK\r\n")}, {S("STARTTLS\r\n"), S("OK go\r\n")}}},
    {"ldap", {{S(LDAP_ASK), S("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")}}},
    {"postgres", {{S("\x00\x00\x00\x08\x04\xd2\x16\x2f"), S("S")}}},
};

static void test_probe_when_starttls_then_the_chain(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof talks / sizeof talks[0]; i++) {
        struct server server = {.talk = talks[i].talk, .ctx = ctx_new(false, true)};
        AUTO(said_fini)
        struct said said;
        probe_server(&server, talks[i].kind, NULL, &said);
        assert_done(&said);
        assert_chain(&said, ecdsa_leaf, middle);
    }
}

static void test_probe_when_plain_text_is_injected_behind_the_go_ahead_then_broken(void **state)
{
    static const struct turn talk[] = {{S(""), S("220 x\r\n")},
                                       {S("EHLO chancery.invalid\r\n"), S("250 STARTTLS\r\n")},
                                       {S("STARTTLS\r\n"), S("220 go\r\n250 injected\r\n")},
                                       {{NULL, 0}, {NULL, 0}}};
    struct server server = {.talk = talk, .ctx = ctx_new(false, true)};
    AUTO(said_fini)
    struct said said;
    (void)state;
    probe_server(&server, "smtp", NULL, &said);
    assert_failed(&said, PROBE_STARTTLS, ERR_BROKEN, "injected");
}

static void test_probe_when_starttls_is_not_offered_then_refused(void **state)
{
    static const struct turn talk[] = {{S(""), S("220 x\r\n")},
                                       {S("EHLO chancery.invalid\r\n"), S("250 SIZE\r\n")},
                                       {{NULL, 0}, {NULL, 0}}};
    struct server server = {.talk = talk};
    AUTO(said_fini)
    struct said said;
    (void)state;
    probe_server(&server, "smtp", NULL, &said);
    assert_failed(&said, PROBE_STARTTLS, ERR_REFUSED, "does not offer STARTTLS");
}

static void test_probe_when_the_server_hangs_then_again_at_the_deadline_in_each_stage(void **state)
{
    static const struct turn talk[] = {{S(""), S("220 x\r\n")}, {{NULL, 0}, {NULL, 0}}};
    struct server silent = {.hangs = true}, halfway = {.talk = talk, .hangs = true};
    AUTO(said_fini)
    struct said said;
    (void)state;
    probe_server(&silent, NULL, NULL, &said);
    assert_failed(&said, PROBE_HANDSHAKE, ERR_AGAIN, "handshake");
    assert_in_range(said.took_ms, 290, 3000);
    said_fini(&said);
    probe_server(&halfway, "smtp", NULL, &said);
    assert_failed(&said, PROBE_STARTTLS, ERR_AGAIN, "STARTTLS");
}

static void test_probe_when_the_port_is_closed_then_again_and_the_address_is_named(void **state)
{
    struct server server = {0};
    AUTO(said_fini)
    struct said said;
    char peer[NET_ADDRESS_TEXT_MAX];
    (void)state;
    assert_true(server_listen(&server, AF_INET));
    close(server.fd);
    struct probe_request request = {.address = server.address, .host = "shop.example.com"};
    probe(&request, &said);
    net_address_format(&server.address, true, peer);
    assert_failed(&said, PROBE_CONNECT, ERR_AGAIN, peer);
    assert_non_null(strstr(said.err.text, "shop.example.com"));
}

static void test_probe_when_an_alert_comes_then_broken_and_named(void **state)
{
    struct server server = {.instead = S("\x15\x03\x01\x00\x02\x02\x70")};
    AUTO(said_fini)
    struct said said;
    (void)state;
    probe_server(&server, NULL, NULL, &said);
    assert_failed(&said, PROBE_HANDSHAKE, ERR_BROKEN, "alert 112");
}

static void test_probe_when_it_is_not_tls_then_broken(void **state)
{
    struct server server = {.instead = S("HTTP/1.1 400 Bad Request\r\n\r\n")};
    AUTO(said_fini)
    struct said said;
    (void)state;
    probe_server(&server, NULL, NULL, &said);
    assert_failed(&said, PROBE_HANDSHAKE, ERR_BROKEN, "TLS handshake");
}

static void test_probe_when_the_server_closes_then_again(void **state)
{
    struct server server = {.closes = true};
    AUTO(said_fini)
    struct said said;
    (void)state;
    probe_server(&server, NULL, NULL, &said);
    assert_int_equal(said.stage, PROBE_HANDSHAKE);
    assert_int_equal(said.err.kind, ERR_AGAIN);
}

static void test_probe_when_ipv6_then_the_same(void **state)
{
    struct server server = {0};
    AUTO(said_fini)
    struct said said;
    (void)state;
    if (!server_listen(&server, AF_INET6)) {
        print_message("NOT TESTED: no IPv6 loopback here\n");
        skip();
    }
    server.ctx = ctx_new(false, true);
    CHECK(pthread_create(&server.thread, NULL, server_run, &server) == 0);
    struct probe_request request = {.address = server.address, .host = "shop.example.com"};
    probe(&request, &said);
    server_end(&server);
    assert_done(&said);
}

static void test_probe_when_the_request_is_wrong_then_config(void **state)
{
    struct probe_request request = {.starttls = "gopher"};
    AUTO(said_fini)
    struct said said;
    struct server server = {.hangs = true};
    (void)state;
    probe(&request, &said);
    assert_failed(&said, PROBE_CONNECT, ERR_CONFIG, "gopher");
    said_fini(&said);
    request.starttls = NULL;
    probe(&request, &said);
    assert_failed(&said, PROBE_CONNECT, ERR_CONFIG, "no address");
    said_fini(&said);
    probe_server(&server, NULL, "dsa", &said);
    assert_failed(&said, PROBE_HANDSHAKE, ERR_CONFIG, "dsa");
}

static int n_descriptors(void)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder) != NULL)
        n++;
    closedir(folder);
    return n;
}

static void test_cancel_when_under_way_or_at_loop_free_then_silent_and_nothing_left(void **state)
{
    struct said said = {0};
    struct server server = {0};
    (void)state;
    assert_true(server_listen(&server, AF_INET));
    int before = n_descriptors();
    struct loop *loop = loop_new();
    struct probe_request request = {.address = server.address, .host = "x"},
                         wrong = {.starttls = "gopher"};
    struct probe_call *call = probe_start(loop, &request, say, &said);
    loop_wait(loop, clock_wall_ms(&clock_system) + 50);
    probe_cancel(call);
    probe_cancel(probe_start(loop, &request, say, &said));
    probe_cancel(probe_start(loop, &wrong, say, &said));
    probe_cancel(NULL);
    probe_start(loop, &request, say, &said);
    probe_start(loop, &wrong, say, &said);
    loop_free(loop);
    assert_int_equal(said.n, 0);
    assert_int_equal(n_descriptors(), before);
    close(server.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probe_when_tls_then_the_chain_as_presented),
        cmocka_unit_test(test_probe_when_the_host_is_an_address_then_no_server_name),
        cmocka_unit_test(test_probe_when_the_host_ends_in_a_dot_then_sent_without),
        cmocka_unit_test(test_probe_when_both_key_types_then_the_preferred_one_in_each_version),
        cmocka_unit_test(test_probe_when_the_preferred_key_type_is_missing_then_refused),
        cmocka_unit_test(test_probe_when_old_weak_and_expired_then_seen_all_the_same),
        cmocka_unit_test(test_probe_when_the_server_wants_our_certificate_then_its_own_is_seen),
        cmocka_unit_test(test_probe_when_starttls_then_the_chain),
        cmocka_unit_test(test_probe_when_plain_text_is_injected_behind_the_go_ahead_then_broken),
        cmocka_unit_test(test_probe_when_starttls_is_not_offered_then_refused),
        cmocka_unit_test(test_probe_when_the_server_hangs_then_again_at_the_deadline_in_each_stage),
        cmocka_unit_test(test_probe_when_the_port_is_closed_then_again_and_the_address_is_named),
        cmocka_unit_test(test_probe_when_an_alert_comes_then_broken_and_named),
        cmocka_unit_test(test_probe_when_it_is_not_tls_then_broken),
        cmocka_unit_test(test_probe_when_the_server_closes_then_again),
        cmocka_unit_test(test_probe_when_ipv6_then_the_same),
        cmocka_unit_test(test_probe_when_the_request_is_wrong_then_config),
        cmocka_unit_test(test_cancel_when_under_way_or_at_loop_free_then_silent_and_nothing_left),
    };
    return cmocka_run_group_tests(tests, keys_make, keys_free);
}
