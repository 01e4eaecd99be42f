/* SEES: base io */
#include "io/dns.h"
#include "io/dns_read.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer_dns.h"

struct stage {
    struct loop *loop;
    struct dns *dns;
    struct peer_dns *peer;
};

struct heard {
    int n_done;
    struct err err;
    int rcode;
    bool authoritative, over_tcp;
    size_t n_records;
    struct {
        enum dns_section section;
        char owner[64], data[600];
        size_t data_len;
        int type;
        uint32_t ttl_s, soa_minimum_s;
    } records[8];
};

static void hear(void *arg, const struct dns_reply *reply, const struct err *err)
{
    struct heard *heard = arg;
    heard->n_done++;
    if (err != NULL) {
        assert_null(reply);
        heard->err = *err;
        return;
    }
    heard->rcode = reply->rcode;
    heard->authoritative = reply->authoritative;
    heard->over_tcp = reply->over_tcp;
    heard->n_records = reply->n_records;
    for (size_t i = 0; i < reply->n_records && i < 8; i++) {
        const struct dns_record *r = &reply->records[i];
        heard->records[i].section = r->section;
        heard->records[i].type = r->type;
        heard->records[i].ttl_s = r->ttl_s;
        heard->records[i].soa_minimum_s = r->soa_minimum_s;
        heard->records[i].data_len = r->data_len;
        snprintf(heard->records[i].owner, sizeof heard->records[i].owner, "%s", r->owner);
        memcpy(heard->records[i].data, r->data, r->data_len < 599 ? r->data_len + 1 : 599);
    }
}

static void add_txt(struct wire *w, const char *strings, size_t len)
{
    wire_record(w, 6, DNS_TXT, 60, strings, len);
}

static size_t reply_text(const uint8_t *query, size_t len, uint8_t *out, const char *text)
{
    struct wire w = wire_reply(out, query, len, 0x400, 0);
    char data[256] = {(char)strlen(text)};
    snprintf(data + 1, sizeof data - 1, "%s", text);
    add_txt(&w, data, strlen(text) + 1);
    return w.len;
}

static size_t reply_all_types(const uint8_t *query, size_t len, uint8_t *out)
{
    struct wire w = wire_reply(out, query, len, 0x400, 0);
    uint8_t room[512];
    struct wire data = {room, 0};
    const uint8_t a[] = {192, 0, 2, 1}, aaaa[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
    wire_record(&w, 6, DNS_A, 1, a, 4);
    wire_record(&w, 6, DNS_AAAA, 2, aaaa, 16);
    wire_name(&data, "NS1.Example.COM");
    wire_record(&w, 8, DNS_NS, 3, room, data.len);
    wire_record(&w, 6, DNS_CNAME, 4, room, data.len);
    wire_record(&w, 6, DNS_DNAME, 0x80000000, room, data.len);
    wire_name(&data, "Host.Master");
    wire_number(&data, 2026112101, 4);
    wire_number(&data, 1, 4);
    wire_number(&data, 2, 4);
    wire_number(&data, 3, 4);
    wire_number(&data, 300, 4);
    wire_record(&w, 8, DNS_SOA, 5, room, data.len);
    wire_record(&w, 10, DNS_CAA, 6,
                "\x80\x05issueca\0\"\xff"
                "xample",
                18);
    return w.len;
}

static size_t reply_long(const uint8_t *query, size_t len, uint8_t *out, size_t most)
{
    struct wire w = wire_reply(out, query, len, 0x400, 0);
    char data[256];
    memset(data, 'x', sizeof data);
    data[0] = (char)(unsigned char)255;
    while (w.len + 12 + 256 <= most)
        add_txt(&w, data, 256);
    return w.len;
}

/* The first label of the name says what the server does. */
static size_t answer(struct peer_dns *peer, const uint8_t *query, size_t len, bool by_tcp,
                     uint8_t *out)
{
    const char *label = (const char *)query + 13;
    size_t n = query[12];
#define IS(name) (n == strlen(name) && memcmp(label, name, n) == 0)
    if (IS("txt")) {
        struct wire w = wire_reply(out, query, len, 0x400, 0);
        add_txt(&w,
                "\x02"
                "ab\x00\x03\x00\xff"
                "c",
                8);
        add_txt(&w, "\x00", 1);
        return w.len;
    }
    if (IS("types"))
        return reply_all_types(query, len, out);
    if (IS("flags"))
        return reply_text(query, len, out, (query[2] & 1) != 0 ? "recurse" : "plain");
    if ((IS("trunc") || IS("tcpsilent")) && !by_tcp)
        return wire_reply(out, query, len, 0x200, 0).len;
    if (IS("big"))
        return by_tcp ? reply_long(query, len, out, 65535)
                      : wire_reply(out, query, len, 0x200, 0).len;
    if (IS("rude"))
        return reply_long(query, len, out, 3000);
    if (IS("fits"))
        return reply_long(query, len, out, 1200);
    if (IS("silent") || IS("tcpsilent") || (IS("lossy") && atomic_load(&peer->n_udp) < 2))
        return 0;
    if (IS("servfail"))
        return wire_reply(out, query, len, 0, DNS_SERVFAIL).len;
    if (IS("refused"))
        return wire_reply(out, query, len, 0, DNS_REFUSED).len;
    if (IS("noedns") && query[11] != 0)
        return wire_reply(out, query, len, 0, DNS_FORMERR).len;
    if (IS("wrongid")) {
        size_t out_len = reply_text(query, len, out, "forged");
        out[1] ^= 1;
        return out_len;
    }
    if (IS("loop")) {
        struct wire w = wire_reply(out, query, len, 0, 0);
        wire_number(&w, 0xc000 | w.len, 2); /* points at itself */
        wire_number(&w, 0, 10);
        out[7] = 1;
        return w.len;
    }
    if (IS("short")) {
        size_t out_len = reply_text(query, len, out, "cut off");
        return out_len - 3;
    }
    return reply_text(query, len, out, "hello");
}

static struct stage stage_new(bool has_tcp)
{
    struct stage s = {.loop = loop_new()};
    s.dns = dns_new(s.loop);
    s.peer = peer_dns_new(answer, NULL, has_tcp);
    return s;
}

static void stage_end(struct stage *s)
{
    dns_free(s->dns);
    loop_free(s->loop);
    peer_dns_stop(s->peer);
}

static void wait_for(struct stage *s, const int *n_done, int n)
{
    int64_t until = clock_wall_ms(&clock_system) + 20000;
    while (*n_done < n && clock_wall_ms(&clock_system) < until)
        loop_wait(s->loop, until);
    assert_int_equal(*n_done, n);
}

static void ask_full(struct stage *s, const struct dns_question *question, struct heard *heard)
{
    memset(heard, 0, sizeof *heard);
    dns_ask(s->dns, question, hear, heard);
    assert_int_equal(heard->n_done, 0);
    wait_for(s, &heard->n_done, 1);
}

static void ask(struct stage *s, const char *name, struct heard *heard)
{
    ask_full(
        s,
        &(struct dns_question){
            .name = name, .type = DNS_TXT, .server = peer_dns_address(s->peer), .timeout_ms = 400},
        heard);
}

static void expect_err(const struct stage *s, const struct heard *heard, enum err_kind kind,
                       const char *text)
{
    char full[ERR_TEXT_MAX];
    snprintf(full, sizeof full, "127.0.0.1:%u: %s", s->peer->port, text);
    assert_string_equal(heard->err.text, full);
    assert_string_equal(err_kind_name(heard->err.kind), err_kind_name(kind));
}

static void test_txt_when_answered_then_strings_are_joined_byte_for_byte(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard heard;
    ask(&s, "txt.Example.COM.", &heard);
    assert_string_equal(heard.err.text, "");
    assert_int_equal(heard.rcode, DNS_NOERROR);
    assert_true(heard.authoritative);
    assert_false(heard.over_tcp);
    assert_int_equal(heard.n_records, 2);
    assert_string_equal(heard.records[0].owner, "txt.example.com");
    assert_int_equal(heard.records[0].ttl_s, 60);
    assert_int_equal(heard.records[0].data_len, 5);
    assert_memory_equal(heard.records[0].data,
                        "ab\0\xff"
                        "c",
                        6);
    assert_int_equal(heard.records[1].data_len, 0);
    assert_int_equal(dns_figures(s.dns).n_questions, 1);
    stage_end(&s);
}

static void expect_record(const struct heard *heard, size_t i, enum dns_section section, int type,
                          uint32_t ttl, const char *data)
{
    assert_int_equal(heard->records[i].section, section);
    assert_int_equal(heard->records[i].type, type);
    assert_int_equal(heard->records[i].ttl_s, ttl);
    assert_string_equal(heard->records[i].data, data);
    assert_int_equal(heard->records[i].data_len, strlen(data));
}

static void test_types_when_answered_then_each_in_its_text_form(void **state)
{
    (void)state;
    uint8_t query[64] = {0}, out[1024];
    struct wire q = {query, 12};
    wire_name(&q, "types.test");
    wire_number(&q, 0x00100001, 4);
    size_t len = reply_all_types(query, q.len, out);
    /* The sections are laid out one after another in a real message; here the order of the records says it. */
    out[7] = 7, out[9] = 0, out[11] = 0;
    struct heard heard = {0};
    struct dns_reply reply;
    struct err err;
    struct arena *arena = arena_new();
    assert_true(dns_read(str_mem(out, len), arena, &reply, &err));
    hear(&heard, &reply, NULL);
    assert_int_equal(heard.n_records, 7);
    expect_record(&heard, 0, DNS_ANSWER, DNS_A, 1, "192.0.2.1");
    expect_record(&heard, 1, DNS_ANSWER, DNS_AAAA, 2, "2001:db8::1");
    expect_record(&heard, 2, DNS_ANSWER, DNS_NS, 3, "ns1.example.com");
    expect_record(&heard, 3, DNS_ANSWER, DNS_CNAME, 4, "ns1.example.com");
    expect_record(&heard, 4, DNS_ANSWER, DNS_DNAME, 0, "ns1.example.com");
    expect_record(&heard, 5, DNS_ANSWER, DNS_SOA, 5, "ns1.example.com");
    assert_int_equal(heard.records[5].soa_minimum_s, 300);
    const struct dns_record *caa = &reply.records[6];
    assert_int_equal(caa->type, DNS_CAA);
    assert_int_equal(caa->caa_flags, 128);
    assert_true(str_eq(caa->caa_tag, STR("issue")));
    assert_true(str_eq(str_mem(caa->data, caa->data_len), STR("ca\0\"\xff"
                                                              "xample")));
    arena_free(arena);
}

/* header, question of "a.", then the given rest */
static bool read_bytes(const char *counts, const char *rest, size_t rest_len,
                       struct dns_reply *reply, struct arena *arena)
{
    char wire[512] = "\x12\x34\x84\x03\x00\x01";
    memcpy(wire + 6, counts, 6);
    memcpy(wire + 12,
           "\x01"
           "a\x00\x00\x06\x00\x01",
           7);
    memcpy(wire + 19, rest, rest_len);
    struct err err;
    bool ok = dns_read(str_mem(wire, 19 + rest_len), arena, reply, &err);
    if (!ok)
        assert_int_equal(err.kind, ERR_BROKEN);
    return ok;
}

static void test_message_when_sections_differ_then_each_record_knows_its_own(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct dns_reply reply;
    static const char rest[] =
        "\x00\x00\x02\x00\x01\x00\x00\x00\x05\x00\x02\xc0\x0c"             /* . NS a */
        "\xc0\x0c\x00\x01\x00\x03\x00\x00\x00\x05\x00\x04\x00\x00\x00\x00" /* class CH: left out */
        "\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00" /* OPT with an extended rcode */
        "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x7f\x00\x00\x01";
    assert_true(read_bytes("\x00\x00\x00\x01\x00\x03", rest, sizeof rest - 1, &reply, arena));
    assert_int_equal(reply.rcode, 3 + 16);
    assert_int_equal(reply.n_records, 2);
    assert_int_equal(reply.records[0].section, DNS_AUTHORITY);
    assert_string_equal(reply.records[0].owner, "");
    assert_string_equal(reply.records[0].data, "a");
    assert_int_equal(reply.records[1].section, DNS_ADDITIONAL);
    assert_string_equal(reply.records[1].data, "127.0.0.1");
    arena_free(arena);
}

static void test_message_when_malformed_then_broken(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct dns_reply reply;
    struct err err;
    assert_false(read_bytes("\xff\xff\xff\xff\xff\xff", "", 0, &reply, arena));
    assert_false(read_bytes("\x00\x01\x00\x00\x00\x00", "\xc0\x13\x00\x01", 4, &reply, arena));
    assert_false(read_bytes("\x00\x01\x00\x00\x00\x00",
                            "\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x05\x00\x03\x05"
                            "ab",
                            15, &reply, arena));
    assert_false(read_bytes("\x00\x01\x00\x00\x00\x00",
                            "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x7f", 13, &reply,
                            arena));
    assert_true(read_bytes("\x00\x00\x00\x00\x00\x00", "", 0, &reply, arena));
    assert_false(dns_read(STR("\x12\x34\x04\x00"), arena, &reply, &err));
    assert_false(dns_read(str_mem("\x12\x34\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12), arena,
                          &reply, &err)); /* a question */
    arena_free(arena);
}

/* 65,535 bytes that would cost a careless reader seconds or a hundred megabytes. */
static size_t bomb_strings(uint8_t *out, int type)
{
    struct wire w = {out, 0};
    wire_number(&w, 0x12348400, 4);
    wire_number(&w, 1, 4);
    wire_number(&w, 0, 5); /* rest of the header, root as owner */
    wire_number(&w, (uint64_t)type, 2);
    wire_number(&w, 1, 6);
    wire_number(&w, 65535 - w.len - 2, 2);
    memset(out + w.len, 0, 65535 - w.len);
    return 65535;
}

static size_t bomb_names(uint8_t *out)
{
    struct wire w = {out, 0};
    uint8_t name[255];
    memset(name, 1, sizeof name); /* labels of one unprintable byte */
    name[254] = 0;
    wire_number(&w, 0x12348400, 4);
    wire_number(&w, 0, 8);
    wire_add(&w, name, 255);
    wire_number(&w, 0x00020001, 4);
    out[5] = 1; /* the question */
    while (w.len + 14 <= 65535) {
        wire_number(&w, 0xc00c, 2);
        wire_number(&w, 0x00020001, 4);
        wire_number(&w, 60, 4);
        wire_number(&w, 0x0002c00c, 4);
    }
    size_t n = (w.len - 271) / 14;
    out[6] = (uint8_t)(n >> 8);
    out[7] = (uint8_t)n;
    return w.len;
}

/* A chain of pointers, each to the one before, then records that begin at its end. */
static size_t bomb_pointers(uint8_t *out)
{
    struct wire w = {out, 0};
    uint64_t last = 10;
    wire_number(&w, 0x12348400, 4);
    wire_number(&w, 0x00000000, 4);
    wire_number(&w, 0, 4 + 1); /* root */
    wire_number(&w, 0x000a0001, 4);
    wire_number(&w, 0, 4);
    wire_number(&w, 16000, 2);
    for (int i = 0; i < 8000; i++) {
        uint64_t here = w.len;
        wire_number(&w, 0xc000 | last, 2);
        last = here;
    }
    while (w.len + 14 <= 65535) {
        wire_number(&w, 0xc000 | last, 2);
        wire_number(&w, 0x00020001, 4);
        wire_number(&w, 60, 4);
        wire_number(&w, 2, 2);
        wire_number(&w, 0xc000 | last, 2);
    }
    size_t n = 1 + (w.len - 16023) / 14;
    out[6] = (uint8_t)(n >> 8);
    out[7] = (uint8_t)n;
    return w.len;
}

static void expect_cheap(const uint8_t *bytes, size_t len, bool ok, const char *text)
{
    struct arena *arena = arena_new();
    struct dns_reply reply;
    struct err err = {.text = ""};
    int64_t start = clock_boot_ms(&clock_system);
    assert_int_equal(dns_read(str_mem(bytes, len), arena, &reply, &err), ok);
    assert_string_equal(err.text, text);
    assert_in_range(clock_boot_ms(&clock_system) - start, 0,
                    1000); /* with sanitizers; milliseconds without */
    assert_in_range(arena_used(arena), 0, 5 * 1024 * 1024);
    arena_free(arena);
}

static void test_message_when_made_to_be_costly_then_it_is_not(void **state)
{
    (void)state;
    uint8_t *bytes = mem_new(1, 65536);
    expect_cheap(bytes, bomb_strings(bytes, DNS_TXT), true, "");
    expect_cheap(bytes, bomb_strings(bytes, 99), true, "");
    expect_cheap(bytes, bomb_names(bytes), false, "DNS message: names of more than 4194304 bytes");
    expect_cheap(bytes, bomb_pointers(bytes), false, "DNS message: answer record 2 is malformed");
    mem_free(bytes);
}

static void test_names_and_values_when_they_hold_odd_bytes_then_escaped(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct dns_reply reply;
    static const char rest[] = "\x05"
                               "A.\\\x01\xff"
                               "\x00\x01\x01\x00\x01\x00\x00\x00\x05\x00\x0c\x00\x05issue"
                               "a\"\\\x7f\x20"
                               "\xc0\x0c\xff\x00\x00\x01\x00\x00\x00\x05\x00\x03\x01\x02\xff";
    assert_true(read_bytes("\x00\x02\x00\x00\x00\x00", rest, sizeof rest - 1, &reply, arena));
    assert_int_equal(reply.n_records, 2);
    assert_string_equal(reply.records[0].owner, "a\\.\\\\\\001\\255");
    assert_true(
        str_eq(str_mem(reply.records[0].data, reply.records[0].data_len), STR("a\"\\\x7f\x20")));
    assert_int_equal(reply.records[1].type, 65280);
    assert_string_equal(reply.records[1].data, "\\# 3 0102ff");
    arena_free(arena);
}

static void test_answer_when_an_error_code_then_it_is_a_reply(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard heard;
    ask(&s, "servfail.test", &heard);
    assert_int_equal(heard.err.kind, ERR_NONE);
    assert_int_equal(heard.rcode, DNS_SERVFAIL);
    ask(&s, "refused.test", &heard);
    assert_int_equal(heard.rcode, DNS_REFUSED);
    assert_string_equal(dns_rcode_name(heard.rcode), "REFUSED");
    ask(&s, "noedns.test", &heard);
    assert_int_equal(heard.rcode, DNS_NOERROR);
    assert_string_equal(heard.records[0].data, "hello");
    stage_end(&s);
}

static void test_question_when_recursion_is_wanted_then_only_then_the_flag_is_set(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard heard;
    struct dns_question question = {
        .name = "flags.test", .type = DNS_TXT, .server = peer_dns_address(s.peer)};
    ask_full(&s, &question, &heard);
    assert_string_equal(heard.records[0].data, "plain");
    question.recurse = true;
    ask_full(&s, &question, &heard);
    assert_string_equal(heard.records[0].data, "recurse");
    stage_end(&s);
}

static void test_answer_when_it_does_not_fit_udp_then_asked_again_over_tcp(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard heard;
    ask(&s, "trunc.test", &heard);
    assert_string_equal(heard.err.text, "");
    assert_true(heard.over_tcp);
    assert_string_equal(heard.records[0].data, "hello");
    ask(&s, "big.test", &heard);
    assert_true(heard.over_tcp);
    assert_int_equal(heard.n_records, 244);
    assert_int_equal(heard.records[7].data_len, 255);
    ask(&s, "rude.test", &heard); /* longer than announced, without the flag */
    assert_true(heard.over_tcp);
    assert_int_equal(heard.n_records, 11);
    ask(&s, "fits.test", &heard); /* thanks to EDNS */
    assert_false(heard.over_tcp);
    assert_int_equal(heard.n_records, 4);
    int n_udp = atomic_load(&s.peer->n_udp);
    ask_full(&s,
             &(struct dns_question){.name = "x.test",
                                    .type = DNS_TXT,
                                    .server = peer_dns_address(s.peer),
                                    .tcp_only = true},
             &heard);
    assert_true(heard.over_tcp);
    assert_int_equal(atomic_load(&s.peer->n_udp), n_udp);
    stage_end(&s);
}

static void test_answer_when_truncated_and_tcp_is_refused_then_again_and_says_so(void **state)
{
    (void)state;
    struct stage s = stage_new(false);
    struct heard heard;
    ask(&s, "trunc.test", &heard);
    expect_err(&s, &heard, ERR_AGAIN,
               "TXT trunc.test: truncated over UDP, and over TCP: Could not contact DNS servers");
    stage_end(&s);
}

static void test_server_when_silent_or_forging_then_the_deadline_ends_it(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard heard;
    int64_t start = clock_wall_ms(&clock_system);
    ask(&s, "silent.test", &heard);
    expect_err(&s, &heard, ERR_AGAIN, "TXT silent.test: no answer within 400ms");
    ask(&s, "wrongid.test", &heard);
    expect_err(&s, &heard, ERR_AGAIN, "TXT wrongid.test: no answer within 400ms");
    assert_in_range(clock_wall_ms(&clock_system) - start, 800, 5000);
    ask(&s, "after.test", &heard); /* what was given up does not stand in the way */
    assert_string_equal(heard.records[0].data, "hello");
    ask_full(&s,
             &(struct dns_question){.name = "silent.test",
                                    .type = DNS_TXT,
                                    .server = peer_dns_address(s.peer),
                                    .tcp_only = true,
                                    .timeout_ms = 200},
             &heard);
    expect_err(&s, &heard, ERR_AGAIN, "TXT silent.test: no answer within 200ms");
    stage_end(&s);
}

static void test_question_when_the_first_packet_is_lost_then_sent_again(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard heard;
    ask_full(&s,
             &(struct dns_question){
                 .name = "lossy.test", .type = DNS_TXT, .server = peer_dns_address(s.peer)},
             &heard);
    assert_string_equal(heard.err.text, "");
    assert_string_equal(heard.records[0].data, "hello");
    assert_int_equal(atomic_load(&s.peer->n_udp), 2);
    stage_end(&s);
}

static void test_server_when_nobody_listens_then_again_at_once(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard heard;
    struct net_address nobody = {.ip = {127, 0, 0, 1}, .ip_len = 4, .port = 1};
    int64_t start = clock_wall_ms(&clock_system);
    ask_full(&s, &(struct dns_question){.name = "a.test", .type = DNS_A, .server = nobody}, &heard);
    assert_int_equal(heard.err.kind, ERR_AGAIN);
    assert_string_equal(heard.err.text, "127.0.0.1:1: A a.test: Could not contact DNS servers");
    ask_full(
        &s,
        &(struct dns_question){.name = "a.test", .type = DNS_A, .server = nobody, .tcp_only = true},
        &heard);
    assert_int_equal(heard.err.kind, ERR_AGAIN);
    assert_in_range(clock_wall_ms(&clock_system) - start, 0, 3000);
    stage_end(&s);
}

static void test_answer_when_not_understandable_then_broken(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard heard;
    ask(&s, "loop.test", &heard);
    assert_int_equal(heard.err.kind, ERR_BROKEN);
    assert_non_null(
        strstr(heard.err.text, ": TXT loop.test: DNS message: answer record 1 is malformed"));
    ask(&s, "short.test", &heard);
    assert_int_equal(heard.err.kind, ERR_BROKEN);
    stage_end(&s);
}

static void test_name_when_it_cannot_be_asked_for_then_broken(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard heard;
    char *name = mem_printf("%064d.test", 0);
    ask(&s, name, &heard);
    assert_int_equal(heard.err.kind, ERR_BROKEN);
    ask(&s, "a..test", &heard);
    assert_int_equal(heard.err.kind, ERR_BROKEN);
    ask(&s, "secret.onion", &heard);
    assert_int_equal(heard.err.kind, ERR_BROKEN);
    ask(&s, "", &heard); /* the root is a name */
    assert_string_equal(heard.err.text, "");
    assert_string_equal(heard.records[0].owner, "");
    assert_int_equal(atomic_load(&s.peer->n_udp), 1);
    mem_free(name);
    stage_end(&s);
}

static void test_cancel_when_under_way_then_done_is_never_called(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard never = {0}, heard;
    struct dns_question question = {
        .name = "x.test", .type = DNS_TXT, .server = peer_dns_address(s.peer)};
    struct dns_call *call = dns_ask(s.dns, &question, hear, &never);
    dns_cancel(call);
    question.name = "tcpsilent.test";
    call = dns_ask(s.dns, &question, hear, &never);
    while (atomic_load(&s.peer->n_tcp) < 1)
        loop_wait(s.loop, clock_wall_ms(&clock_system) + 5);
    dns_cancel(call);
    question.name = "a..b";
    dns_cancel(dns_ask(s.dns, &question, hear, &never));
    dns_cancel(NULL);
    ask(&s, "y.test", &heard);
    assert_string_equal(heard.records[0].data, "hello");
    assert_int_equal(never.n_done, 0);
    dns_ask(s.dns, &question, hear, &never);
    question.name = "silent.test";
    dns_ask(s.dns, &question, hear, &never);
    question.tcp_only = true;
    dns_ask(s.dns, &question, hear, &never);
    loop_wait(s.loop, 0);
    stage_end(&s); /* with questions under way */
    assert_int_equal(never.n_done, 1);
}

struct many {
    int n_done, n_right;
};

static void count(void *arg, const struct dns_reply *reply, const struct err *err)
{
    struct many *many = arg;
    many->n_done++;
    many->n_right += err == NULL && reply->n_records == 1 && reply->records[0].data_len == 5;
}

static void test_ten_thousand_questions_when_asked_at_once_then_all_are_answered(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct many many = {0, 0};
    char name[64];
    for (int i = 0; i < 10000; i++) {
        snprintf(name, sizeof name, "n%d.test", i);
        dns_ask(s.dns,
                &(struct dns_question){.name = name,
                                       .type = DNS_TXT,
                                       .server = peer_dns_address(s.peer),
                                       .timeout_ms = 20000},
                count, &many);
    }
    wait_for(&s, &many.n_done, 10000);
    assert_int_equal(many.n_right, 10000);
    stage_end(&s);
}

static void test_ten_thousand_questions_when_nobody_answers_then_all_end_in_time(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct many many = {0, 0};
    int64_t start = clock_wall_ms(&clock_system);
    for (int i = 0; i < 10000; i++)
        dns_ask(s.dns,
                &(struct dns_question){.name = "silent.test",
                                       .type = DNS_TXT,
                                       .server = peer_dns_address(s.peer),
                                       .timeout_ms = 1500},
                count, &many);
    wait_for(&s, &many.n_done, 10000);
    assert_int_equal(many.n_right, 0);
    assert_in_range(clock_wall_ms(&clock_system) - start, 1500, 10000);
    stage_end(&s);
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

static void free_dns(void *arg, const struct dns_reply *reply, const struct err *err)
{
    struct stage *s = arg;
    (void)reply;
    (void)err;
    dns_free(s->dns);
    s->dns = NULL;
}

static void test_dns_when_freed_in_done_or_after_the_loop_then_nothing_is_left(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    struct heard never = {0}, heard;
    struct dns_question question = {
        .name = "silent.test", .type = DNS_TXT, .server = peer_dns_address(s.peer)};
    dns_ask(s.dns, &question, hear, &never);
    question.name = "x.test";
    dns_ask(s.dns, &question, free_dns, &s);
    question.name = "a..b";
    dns_ask(s.dns, &question, hear, &never);
    while (s.dns != NULL)
        loop_wait(s.loop, clock_wall_ms(&clock_system) + 1000);
    stage_end(&s);

    s = stage_new(true);
    int before = n_descriptors();
    struct stage t = {.loop = loop_new(), .peer = s.peer};
    t.dns = dns_new(t.loop);
    ask(&t, "x.test", &heard);
    dns_ask(t.dns, &question, hear, &never);
    loop_free(t.loop);
    dns_free(t.dns);
    assert_int_equal(n_descriptors(), before);
    assert_true(never.n_done <= 1);
    stage_end(&s);
}

static void test_channels_when_many_servers_are_asked_then_descriptors_do_not_pile_up(void **state)
{
    (void)state;
    struct stage s = stage_new(true);
    int before = n_descriptors();
    struct many many = {0, 0};
    for (int i = 1; i <= 200; i++) {
        struct net_address server = {.ip = {127, 0, 1, (unsigned char)i}, .ip_len = 4, .port = 1};
        dns_ask(s.dns, &(struct dns_question){.name = "x.test", .type = DNS_TXT, .server = server},
                count, &many);
    }
    wait_for(&s, &many.n_done, 200);
    struct heard heard;
    ask(&s, "x.test", &heard);
    loop_wait(s.loop, 0);
    assert_in_range(n_descriptors(), before - 1, before + 2);
    stage_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_txt_when_answered_then_strings_are_joined_byte_for_byte),
        cmocka_unit_test(test_types_when_answered_then_each_in_its_text_form),
        cmocka_unit_test(test_message_when_sections_differ_then_each_record_knows_its_own),
        cmocka_unit_test(test_message_when_malformed_then_broken),
        cmocka_unit_test(test_message_when_made_to_be_costly_then_it_is_not),
        cmocka_unit_test(test_names_and_values_when_they_hold_odd_bytes_then_escaped),
        cmocka_unit_test(test_answer_when_an_error_code_then_it_is_a_reply),
        cmocka_unit_test(test_question_when_recursion_is_wanted_then_only_then_the_flag_is_set),
        cmocka_unit_test(test_answer_when_it_does_not_fit_udp_then_asked_again_over_tcp),
        cmocka_unit_test(test_answer_when_truncated_and_tcp_is_refused_then_again_and_says_so),
        cmocka_unit_test(test_server_when_silent_or_forging_then_the_deadline_ends_it),
        cmocka_unit_test(test_question_when_the_first_packet_is_lost_then_sent_again),
        cmocka_unit_test(test_server_when_nobody_listens_then_again_at_once),
        cmocka_unit_test(test_answer_when_not_understandable_then_broken),
        cmocka_unit_test(test_name_when_it_cannot_be_asked_for_then_broken),
        cmocka_unit_test(test_cancel_when_under_way_then_done_is_never_called),
        cmocka_unit_test(test_ten_thousand_questions_when_asked_at_once_then_all_are_answered),
        cmocka_unit_test(test_ten_thousand_questions_when_nobody_answers_then_all_end_in_time),
        cmocka_unit_test(test_dns_when_freed_in_done_or_after_the_loop_then_nothing_is_left),
        cmocka_unit_test(test_channels_when_many_servers_are_asked_then_descriptors_do_not_pile_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
