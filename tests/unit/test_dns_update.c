/* SEES: base io */
#include "io/dns_inside.h"
#include "io/dns_message.h"
#include "io/dns_tsig.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "peer_dns.h"

static unsigned char secret_bytes[] = "0123456789abcdef0123456789abcdef";
static const struct secret secret = {secret_bytes, 32};

struct stage {
    struct loop *loop;
    struct dns *dns;
    struct peer_dns *peer;
    struct tsig_key key; /* the peer's */
};

struct heard {
    int n_done;
    struct err err;
};

static void hear(void *arg, const struct err *err)
{
    struct heard *heard = arg;
    heard->n_done++;
    if (err != NULL)
        heard->err = *err;
}

/* A key for sums only: RFC 4231's keys have no names. */
static size_t hmac(const char *algorithm, const char *key_hex, const char *data, char *ret_hex)
{
    struct tsig_key key;
    struct err err;
    struct secret s;
    struct buf bytes = BUF(256), hex = BUF(256);
    unsigned char mac[TSIG_MAC_MAX];
    assert_true(hex_decode(&bytes, str_of(key_hex)));
    secret_take_buf(&s, &bytes);
    assert_true(tsig_key_init(&key, "test.", algorithm, &s, &err));
    size_t len = tsig_hmac(&key, str_of(data), mac);
    hex_encode(&hex, mac, len);
    snprintf(ret_hex, 2 * TSIG_MAC_MAX + 1, "%s", buf_cstr(&hex));
    buf_fini(&hex);
    buf_fini(&bytes);
    secret_fini(&s);
    tsig_key_fini(&key);
    return len;
}

/* RFC 4231 4.3 (short key) and 4.7 (key longer than a block). */
static void test_hmac_when_computed_then_equals_the_published_vectors(void **state)
{
    (void)state;
    char hex[2 * TSIG_MAC_MAX + 1], long_key[2 * 131 + 1];
    hmac("hmac-sha256", "4a656665", "what do ya want for nothing?", hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    hmac("hmac-sha384", "4a656665", "what do ya want for nothing?", hex);
    assert_string_equal(hex, "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e224"
                             "0ca5e69e2c78b3239ecfab21649");
    hmac("HMAC-SHA512.", "4a656665", "what do ya want for nothing?", hex);
    assert_string_equal(hex, "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                             "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
    for (size_t i = 0; i < 131; i++)
        memcpy(long_key + 2 * i, "aa", 3);
    hmac("hmac-sha256", long_key, "Test Using Larger Than Block-Size Key - Hash Key First", hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac("hmac-sha512", long_key, "Test Using Larger Than Block-Size Key - Hash Key First", hex);
    assert_string_equal(hex, "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
                             "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598");
}

/* What the scripted server does is the zone's first label. The answer is signed as RFC 8945 5.3 says. */
struct signing {
    int error;
    const char *other;
    size_t other_len;
    int64_t shift_s; /* of the time signed */
    bool flip;       /* one bit of the MAC */
    bool empty;      /* no MAC */
};

static size_t sign_answer(struct stage *s, struct wire *w, const uint8_t *query, size_t query_len,
                          const struct signing *how)
{
    /* The request's MAC: its TSIG record ends with mac, id (2), error (2), other length (2). */
    size_t mac_len = s->key.algorithm_name.p[9] == '2'   ? 32
                     : s->key.algorithm_name.p[9] == '3' ? 48
                                                         : 64;
    const uint8_t *request_mac = query + query_len - 6 - mac_len;
    uint64_t time_s = (uint64_t)(clock_wall_ms(&clock_system) / 1000 + how->shift_s);
    uint8_t room[4096], mac[TSIG_MAC_MAX];
    struct wire all = {room, 0};
    wire_number(&all, mac_len, 2);
    wire_add(&all, request_mac, mac_len);
    wire_add(&all, w->p, w->len);
    wire_add(&all, s->key.name.p, s->key.name.len);
    wire_number(&all, 255, 2);
    wire_number(&all, 0, 4);
    wire_add(&all, s->key.algorithm_name.p, s->key.algorithm_name.len);
    wire_number(&all, time_s, 6);
    wire_number(&all, 300, 2);
    wire_number(&all, (uint64_t)how->error, 2);
    wire_number(&all, how->other_len, 2);
    wire_add(&all, how->other, how->other_len);
    tsig_hmac(&s->key, str_mem(room, all.len), mac);
    if (how->flip)
        mac[0] ^= 1;
    if (how->empty)
        mac_len = 0;
    wire_add(w, s->key.name.p, s->key.name.len);
    wire_number(w, 250, 2);
    wire_number(w, 255, 2);
    wire_number(w, 0, 4);
    wire_number(w, s->key.algorithm_name.len + 16 + mac_len + how->other_len, 2);
    wire_add(w, s->key.algorithm_name.p, s->key.algorithm_name.len);
    wire_number(w, time_s, 6);
    wire_number(w, 300, 2);
    wire_number(w, mac_len, 2);
    wire_add(w, mac, mac_len);
    wire_add(w, query, 2);
    wire_number(w, (uint64_t)how->error, 2);
    wire_number(w, how->other_len, 2);
    wire_add(w, how->other, how->other_len);
    w->p[11]++;
    return w->len;
}

static size_t answer(struct peer_dns *peer, const uint8_t *query, size_t len, bool by_tcp,
                     uint8_t *out)
{
    struct stage *s = peer->arg;
    const char *label = (const char *)query + 13;
    size_t n = query[12];
#define IS(name) (n == strlen(name) && memcmp(label, name, n) == 0)
    struct wire w = wire_reply(out, query, len, 0, 0);
    struct signing how = {0};
    if (IS("silent") || (IS("lossy") && !by_tcp && atomic_load(&peer->n_udp) < 2))
        return 0;
    if (IS("unsigned"))
        return w.len;
    if (IS("trunc") && !by_tcp)
        return wire_reply(out, query, len, 0x200, 0).len;
    if (IS("query"))
        out[2] &= 0x87; /* opcode QUERY */
    if (IS("servfail"))
        out[3] |= DNS_SERVFAIL;
    if (IS("refused") || IS("refusedunsigned"))
        out[3] |= DNS_REFUSED;
    if (IS("formerr"))
        out[3] |= DNS_FORMERR;
    if (IS("refusedunsigned"))
        return w.len;
    if (IS("garbage"))
        return 13;
    if (IS("flip"))
        how.flip = true;
    if (IS("old"))
        how.shift_s = -1000;
    if (IS("badkey")) {
        out[3] |= DNS_NOTAUTH;
        how = (struct signing){.error = TSIG_BADKEY, .empty = true};
    }
    if (IS("badsig")) {
        out[3] |= DNS_NOTAUTH;
        how = (struct signing){.error = TSIG_BADSIG, .empty = true};
    }
    uint8_t now[8];
    struct wire clock = {now, 0};
    wire_number(&clock, (uint64_t)(clock_wall_ms(&clock_system) / 1000 + 500), 6);
    if (IS("badtime")) {
        out[3] |= DNS_NOTAUTH;
        how = (struct signing){.error = TSIG_BADTIME, .other = (const char *)now, .other_len = 6};
    }
    return sign_answer(s, &w, query, len, &how);
}

static void stage_init(struct stage *s, const char *algorithm)
{
    struct err err;
    s->loop = loop_new();
    s->dns = dns_new(s->loop);
    assert_true(tsig_key_init(&s->key, "chancery.test.", algorithm, &secret, &err));
    s->peer = peer_dns_new(answer, s, true);
}

static void stage_end(struct stage *s)
{
    dns_free(s->dns);
    loop_free(s->loop);
    peer_dns_stop(s->peer);
    tsig_key_fini(&s->key);
}

static void wait_for(struct loop *loop, const int *n_done)
{
    int64_t until = clock_wall_ms(&clock_system) + 20000;
    while (*n_done == 0 && clock_wall_ms(&clock_system) < until)
        loop_wait(loop, until);
    assert_int_equal(*n_done, 1);
}

static void update_full(struct loop *loop, struct dns *dns, const struct dns_update *update,
                        struct heard *heard)
{
    memset(heard, 0, sizeof *heard);
    dns_update(dns, update, hear, heard);
    assert_int_equal(heard->n_done, 0);
    wait_for(loop, &heard->n_done);
}

static void update(struct stage *s, const char *zone, bool udp_first, struct heard *heard)
{
    static const struct dns_change change = {
        .add = true, .owner = "_acme-challenge.x.test", .ttl_s = 60, .value = "value"};
    struct dns_update request = {.zone = zone,
                                 .server = peer_dns_address(s->peer),
                                 .udp_first = udp_first,
                                 .tsig_name = "Chancery.Test",
                                 .tsig_algorithm = "hmac-sha256",
                                 .tsig_secret = &secret,
                                 .changes = &change,
                                 .n_changes = 1,
                                 .timeout_ms = 3000};
    if (strcmp(zone, "silent.test") == 0)
        request.timeout_ms = 300;
    update_full(s->loop, s->dns, &request, heard);
}

static void expect(struct stage *s, const char *zone, enum err_kind kind, const char *text)
{
    struct heard heard;
    char full[ERR_TEXT_MAX] = "";
    if (kind != ERR_NONE)
        snprintf(full, sizeof full, "127.0.0.1:%u: update of %s: %s", s->peer->port, zone, text);
    for (int udp_first = 0; udp_first < 2; udp_first++) {
        update(s, zone, udp_first != 0, &heard);
        assert_string_equal(heard.err.text, full);
        assert_string_equal(err_kind_name(heard.err.kind), err_kind_name(kind));
    }
}

static void test_update_when_answered_then_the_verdict_tells_what_to_do(void **state)
{
    (void)state;
    static struct stage s;
    stage_init(&s, "hmac-sha256");
    expect(&s, "fine.test", ERR_NONE, "");
    expect(&s, "servfail.test", ERR_AGAIN, "SERVFAIL");
    expect(&s, "refused.test", ERR_DENIED,
           "REFUSED: its policy does not let this key change these names");
    expect(&s, "formerr.test", ERR_REFUSED, "FORMERR");
    expect(&s, "silent.test", ERR_AGAIN, "no answer within 300ms");
    expect(&s, "query.test", ERR_BROKEN, "the answer is not one to an update");
    expect(&s, "garbage.test", ERR_BROKEN, "DNS message: the question is malformed");
    assert_int_equal(dns_figures(s.dns).n_updates, 14);
    stage_end(&s);
}

static void test_update_when_the_answer_is_not_signed_well_then_not_believed(void **state)
{
    (void)state;
    static struct stage s;
    stage_init(&s, "hmac-sha256");
    expect(&s, "unsigned.test", ERR_BROKEN, "the answer is not signed");
    expect(&s, "flip.test", ERR_DENIED, "the answer's signature does not fit (BADSIG)");
    expect(&s, "refusedunsigned.test", ERR_DENIED,
           "REFUSED (in an unsigned answer): its policy does not let this key change these names");
    expect(&s, "badkey.test", ERR_DENIED,
           "BADKEY: the server does not know the TSIG key or its algorithm");
    expect(&s, "badsig.test", ERR_DENIED, "BADSIG: the server has another secret for the TSIG key");
    expect(&s, "old.test", ERR_DENIED, "BADTIME: our clock is 1000 s ahead of the server's");
    expect(&s, "badtime.test", ERR_DENIED, "BADTIME: our clock is 500 s behind the server's");
    stage_end(&s);
}

static void test_update_when_udp_is_lossy_or_too_small_then_arrives_all_the_same(void **state)
{
    (void)state;
    static struct stage s;
    struct heard heard;
    stage_init(&s, "hmac-sha256");
    update(&s, "lossy.test", true, &heard);
    assert_string_equal(heard.err.text, "");
    assert_int_equal(atomic_load(&s.peer->n_udp), 2);
    assert_int_equal(atomic_load(&s.peer->n_tcp), 0);
    update(&s, "trunc.test", true, &heard);
    assert_string_equal(heard.err.text, "");
    assert_int_equal(atomic_load(&s.peer->n_tcp), 1);
    struct dns_change changes[3];
    for (int i = 0; i < 3; i++)
        changes[i] = (struct dns_change){
            .add = true,
            .owner = "_acme-challenge.x.test",
            .ttl_s = 60,
            .value =
                "0123456789012345678901234567890123456789012345678901234567890123456789012345678901"
                "234567890123456789012345678901234567890123456789012345678901234567890123456789"};
    update_full(s.loop, s.dns,
                &(struct dns_update){.zone = "large.test",
                                     .server = peer_dns_address(s.peer),
                                     .udp_first = true,
                                     .tsig_name = "chancery.test",
                                     .tsig_algorithm = "hmac-sha256",
                                     .tsig_secret = &secret,
                                     .changes = changes,
                                     .n_changes = 3},
                &heard);
    assert_string_equal(heard.err.text, "");
    assert_int_equal(atomic_load(&s.peer->n_tcp), 2); /* more than 512 bytes */
    stage_end(&s);
}

static void test_update_when_it_cannot_be_sent_then_says_why(void **state)
{
    (void)state;
    static struct stage s;
    struct heard heard;
    char long_value[4098];
    memset(long_value, 'x', 4097);
    long_value[4097] = '\0';
    stage_init(&s, "hmac-sha256");
    struct dns_change change = {.add = true, .owner = "x.test", .value = long_value};
    struct dns_update request = {
        .zone = "test", .server = peer_dns_address(s.peer), .changes = &change, .n_changes = 1};
    update_full(s.loop, s.dns, &request, &heard);
    assert_int_equal(heard.err.kind, ERR_REFUSED);
    assert_non_null(strstr(heard.err.text, "x.test: a TXT value of more than 4096 bytes"));
    change = (struct dns_change){.add = true, .owner = "a..test", .value = "v"};
    update_full(s.loop, s.dns, &request, &heard);
    assert_non_null(strstr(heard.err.text, "a..test is not a domain name"));
    change.owner = "a.test";
    request.tsig_name = "key";
    request.tsig_algorithm = "hmac-md5";
    request.tsig_secret = &secret;
    update_full(s.loop, s.dns, &request, &heard);
    assert_int_equal(heard.err.kind, ERR_CONFIG);
    request.tsig_name = NULL;
    request.server.port = 1;
    update_full(s.loop, s.dns, &request, &heard);
    assert_int_equal(heard.err.kind, ERR_AGAIN);
    assert_string_equal(heard.err.text, "127.0.0.1:1: update of test: TCP: Connection refused");
    request.udp_first = true;
    update_full(s.loop, s.dns, &request, &heard);
    assert_string_equal(heard.err.text, "127.0.0.1:1: update of test: UDP: Connection refused");
    assert_int_equal(atomic_load(&s.peer->n_udp) + atomic_load(&s.peer->n_tcp), 0);
    stage_end(&s);
}

static void test_update_when_cancelled_or_left_then_nothing_is_called_or_leaked(void **state)
{
    (void)state;
    static struct stage s;
    struct heard never = {0};
    stage_init(&s, "hmac-sha256");
    struct dns_change change = {.add = true, .owner = "x.test", .value = "v"};
    struct dns_update request = {.zone = "silent.test",
                                 .server = peer_dns_address(s.peer),
                                 .changes = &change,
                                 .n_changes = 1};
    dns_cancel(dns_update(s.dns, &request, hear, &never));
    struct dns_call *call = dns_update(s.dns, &request, hear, &never);
    while (atomic_load(&s.peer->n_tcp) < 1)
        loop_wait(s.loop, clock_wall_ms(&clock_system) + 5);
    dns_cancel(call);
    dns_update(s.dns, &request, hear, &never);
    request.udp_first = true;
    dns_update(s.dns, &request, hear, &never);
    loop_wait(s.loop, 0);
    stage_end(&s);
    assert_int_equal(never.n_done, 0);
}

/* The real thing: BIND with three keys and one zone. */
struct bind {
    pid_t pid;
    char dir[64];
    struct net_address at;
};

static void bind_write(const struct bind *bind, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", bind->dir, name);
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    close(fd);
    return ntohs(at.sin_port);
}

static const char *const bind_files[] = {"named.conf", "example.test.db",   "example.test.db.jnl",
                                         "named.pid",  "managed-keys.bind", "managed-keys.bind.jnl",
                                         "log"};

static bool bind_start(struct bind *b)
{
    char conf[4096];
    struct buf base64 = BUF(128);
    *b = (struct bind){.dir = "/tmp/chancery-test-named-XXXXXX",
                       .at = {.ip = {127, 0, 0, 1}, .ip_len = 4, .port = free_port()}};
    if (access("/usr/sbin/named", X_OK) != 0)
        return false;
    assert_non_null(mkdtemp(b->dir));
    base64_encode(&base64, secret.p, secret.len);
    int n = snprintf(
        conf, sizeof conf,
        "options { directory \"%s\"; pid-file \"%s/named.pid\"; listen-on port %u { 127.0.0.1; };\n"
        " listen-on-v6 { none; }; recursion no; notify no; session-keyfile none; dnssec-validation "
        "no; };\n"
        "controls { };\nlogging { category default { null; }; };\n",
        b->dir, b->dir, b->at.port);
    static const char *const sizes[] = {"256", "384", "512"};
    for (int i = 0; i < 3; i++)
        n += snprintf(conf + n, sizeof conf - (size_t)n,
                      "key \"key%s\" { algorithm hmac-sha%s; secret \"%s\"; };\n", sizes[i],
                      sizes[i], buf_cstr(&base64));
    snprintf(conf + n, sizeof conf - (size_t)n,
             "zone \"example.test\" { type primary; file \"example.test.db\"; update-policy {\n"
             " grant key256 name _acme-challenge.example.test TXT; grant key384 zonesub TXT; grant "
             "key512 zonesub TXT; }; };\n");
    bind_write(b, "named.conf", conf);
    bind_write(b, "example.test.db",
               "$TTL 60\n@ SOA ns.example.test. root.example.test. 1 60 60 600 60\n@ NS ns\nns A "
               "127.0.0.1\n");
    buf_fini(&base64);
    char path[128];
    snprintf(path, sizeof path, "%s/named.conf", b->dir);
    b->pid = fork();
    if (b->pid == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execl("/usr/sbin/named", "named", "-f", "-n", "1", "-c", path, (char *)NULL);
        _exit(127);
    }
    return true;
}

static void bind_stop(struct bind *b)
{
    kill(b->pid, SIGTERM);
    waitpid(b->pid, NULL, 0);
    for (size_t i = 0; i < sizeof bind_files / sizeof bind_files[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", b->dir, bind_files[i]);
        unlink(path);
    }
    rmdir(b->dir);
}

struct texts {
    int n_done, n, rcode;
    bool failed;
    char joined[1100];
};

static void hear_texts(void *arg, const struct dns_reply *reply, const struct err *err)
{
    struct texts *texts = arg;
    texts->n_done++;
    texts->failed = err != NULL;
    if (err != NULL)
        return;
    texts->rcode = reply->rcode;
    for (size_t i = 0; i < reply->n_records; i++)
        if (reply->records[i].section == DNS_ANSWER && reply->records[i].type == DNS_TXT) {
            texts->n++;
            strncat(texts->joined, reply->records[i].data, 600);
            strncat(texts->joined, ",", 2);
        }
}

static struct texts bind_ask(struct stage *s, const struct bind *b, const char *name,
                             enum dns_type type)
{
    struct texts texts = {0};
    dns_ask(s->dns,
            &(struct dns_question){.name = name, .type = type, .server = b->at, .timeout_ms = 1000},
            hear_texts, &texts);
    wait_for(s->loop, &texts.n_done);
    return texts;
}

static void bind_wait(struct stage *s, const struct bind *b)
{
    int64_t until = clock_wall_ms(&clock_system) + 20000;
    struct texts texts = {.failed = true};
    while ((texts.failed || texts.rcode != 0) && clock_wall_ms(&clock_system) < until) {
        texts = bind_ask(s, b, "example.test", DNS_SOA);
        usleep(20000);
    }
    assert_false(texts.failed);
}

static struct heard bind_change(struct stage *s, const struct bind *b, const char *size, bool add,
                                const char *owner, const char *value, bool udp_first)
{
    char key[16], algorithm[16];
    snprintf(key, sizeof key, "key%s", size);
    snprintf(algorithm, sizeof algorithm, "hmac-sha%s", size);
    const struct dns_change change = {.add = add, .owner = owner, .ttl_s = 30, .value = value};
    struct heard heard;
    update_full(s->loop, s->dns,
                &(struct dns_update){.zone = "example.test",
                                     .server = b->at,
                                     .udp_first = udp_first,
                                     .tsig_name = key,
                                     .tsig_algorithm = algorithm,
                                     .tsig_secret = &secret,
                                     .changes = &change,
                                     .n_changes = 1},
                &heard);
    return heard;
}

static void bind_try_changes(struct stage *s, const struct bind *b)
{
    static const char *const sizes[] = {"256", "384", "512"};
    static const char owner[] = "_acme-challenge.example.test";
    for (int i = 0; i < 3; i++) {
        bool udp_first = i % 2 == 0;
        assert_string_equal(bind_change(s, b, sizes[i], true, owner, "one", udp_first).err.text,
                            "");
        assert_string_equal(bind_change(s, b, sizes[i], true, owner, "one", udp_first).err.text,
                            "");
        assert_string_equal(bind_change(s, b, sizes[i], true, owner, "two", !udp_first).err.text,
                            "");
        assert_int_equal(bind_ask(s, b, owner, DNS_TXT).n, 2);
        assert_string_equal(bind_change(s, b, sizes[i], false, owner, "one", udp_first).err.text,
                            "");
        assert_string_equal(bind_change(s, b, sizes[i], false, owner, "one", udp_first).err.text,
                            "");
        assert_string_equal(bind_ask(s, b, owner, DNS_TXT).joined, "two,");
        assert_string_equal(bind_change(s, b, sizes[i], false, owner, "two", udp_first).err.text,
                            "");
        assert_int_equal(bind_ask(s, b, owner, DNS_TXT).rcode, DNS_NXDOMAIN);
    }
}

/* 255 bytes are one character-string, 256 are two; the server shows one record, and takes away just that. */
static void bind_try_long_values(struct stage *s, const struct bind *b)
{
    static const size_t lens[] = {255, 256, 510, 511};
    static const char owner[] = "_acme-challenge.example.test";
    for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
        char value[512], expected[514];
        for (size_t k = 0; k < lens[i]; k++)
            value[k] = (char)('a' + k % 26);
        value[lens[i]] = '\0';
        snprintf(expected, sizeof expected, "%s,", value);
        assert_string_equal(bind_change(s, b, "256", true, owner, value, false).err.text, "");
        assert_string_equal(bind_ask(s, b, owner, DNS_TXT).joined, expected);
        assert_string_equal(bind_change(s, b, "256", false, owner, value, false).err.text, "");
        assert_int_equal(bind_ask(s, b, owner, DNS_TXT).rcode, DNS_NXDOMAIN);
    }
}

static void expect_bind(const struct bind *b, const struct heard *heard, const char *zone,
                        enum err_kind kind, const char *text)
{
    char full[ERR_TEXT_MAX];
    snprintf(full, sizeof full, "127.0.0.1:%u: update of %s: %s", b->at.port, zone, text);
    assert_string_equal(heard->err.text, full);
    assert_string_equal(err_kind_name(heard->err.kind), err_kind_name(kind));
}

static void bind_try_denials(struct stage *s, const struct bind *b)
{
    static unsigned char other_bytes[] = "not the secret of anybody at all";
    const struct secret other = {other_bytes, 32};
    struct dns_change change = {
        .add = true, .owner = "_acme-challenge.example.test", .ttl_s = 30, .value = "v"};
    struct dns_update request = {.zone = "example.test",
                                 .server = b->at,
                                 .tsig_name = "key256",
                                 .tsig_algorithm = "hmac-sha256",
                                 .tsig_secret = &other,
                                 .changes = &change,
                                 .n_changes = 1};
    struct heard heard;
    update_full(s->loop, s->dns, &request, &heard);
    expect_bind(b, &heard, "example.test", ERR_DENIED,
                "BADSIG: the server has another secret for the TSIG key");
    request.tsig_name = "nokey";
    update_full(s->loop, s->dns, &request, &heard);
    expect_bind(b, &heard, "example.test", ERR_DENIED,
                "BADKEY: the server does not know the TSIG key or its algorithm");
    request.tsig_name = "key256";
    request.tsig_secret = &secret;
    change.owner = "www.example.test";
    update_full(s->loop, s->dns, &request, &heard);
    expect_bind(b, &heard, "example.test", ERR_DENIED,
                "REFUSED: its policy does not let this key change these names");
    change.owner = "www.example.org";
    update_full(s->loop, s->dns, &request, &heard);
    expect_bind(b, &heard, "example.test", ERR_REFUSED, "NOTZONE: a name lies outside the zone");
    request.zone = "example.org";
    update_full(s->loop, s->dns, &request, &heard);
    expect_bind(b, &heard, "example.org", ERR_DENIED,
                "NOTAUTH: it is not authoritative for the zone");
    request.zone = "example.test";
    change.owner = "_acme-challenge.example.test";
    request.tsig_name = NULL;
    update_full(s->loop, s->dns, &request, &heard);
    expect_bind(b, &heard, "example.test", ERR_DENIED,
                "REFUSED: its policy does not let this key change these names");
}

struct raw {
    struct loop *loop;
    int n_done;
    struct buf wire;
};

static void hear_raw(void *arg, const struct str *wire, const struct err *err)
{
    struct raw *raw = arg;
    assert_null(err);
    loop_report(raw->loop);
    raw->n_done++;
    buf_add_str(&raw->wire, *wire);
}

/* Our clock cannot be set, so the message is signed an hour ago. */
static void bind_try_old_signature(struct stage *s, const struct bind *b)
{
    struct tsig_key key;
    struct tsig_mac mac;
    struct tsig_verdict verdict;
    struct err err;
    struct buf message;
    struct raw raw = {.loop = s->loop, .wire = BUF(65535)};
    const struct dns_change change = {
        .add = true, .owner = "_acme-challenge.example.test", .ttl_s = 30, .value = "v"};
    int64_t now_s = clock_wall_ms(&clock_system) / 1000;
    assert_true(tsig_key_init(&key, "key256", "hmac-sha256", &secret, &err));
    assert_true(dns_message_update("example.test", &change, 1, &message, &err));
    tsig_sign(&key, &message, (now_s - 3600) * 1000, &mac);
    dns_exchange_start(s->loop, &b->at, true, buf_str(&message), hear_raw, &raw);
    wait_for(s->loop, &raw.n_done);
    assert_true(tsig_judge(&key, &mac, buf_str(&raw.wire), &verdict, &err));
    assert_true(verdict.is_signed);
    assert_true(verdict.fits);
    assert_int_equal(verdict.error, TSIG_BADTIME);
    assert_in_range(verdict.server_at_s - now_s, 0, 30);
    mac.p[0] ^= 1;
    assert_true(tsig_judge(&key, &mac, buf_str(&raw.wire), &verdict, &err));
    assert_false(verdict.fits);
    buf_fini(&raw.wire);
    buf_fini(&message);
    tsig_key_fini(&key);
}

static void test_update_when_bind_is_the_server_then_records_come_and_go_and_faults_are_named(
    void **state)
{
    (void)state;
    static struct stage s;
    struct bind b;
    if (!bind_start(&b)) {
        print_message("SKIPPED: /usr/sbin/named is not installed, so no update was tried against a "
                      "real server\n");
        skip();
    }
    stage_init(&s, "hmac-sha256");
    bind_wait(&s, &b);
    bind_try_changes(&s, &b);
    bind_try_long_values(&s, &b);
    bind_try_denials(&s, &b);
    bind_try_old_signature(&s, &b);
    stage_end(&s);
    bind_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac_when_computed_then_equals_the_published_vectors),
        cmocka_unit_test(test_update_when_answered_then_the_verdict_tells_what_to_do),
        cmocka_unit_test(test_update_when_the_answer_is_not_signed_well_then_not_believed),
        cmocka_unit_test(test_update_when_udp_is_lossy_or_too_small_then_arrives_all_the_same),
        cmocka_unit_test(test_update_when_it_cannot_be_sent_then_says_why),
        cmocka_unit_test(test_update_when_cancelled_or_left_then_nothing_is_called_or_leaked),
        cmocka_unit_test(
            test_update_when_bind_is_the_server_then_records_come_and_go_and_faults_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
