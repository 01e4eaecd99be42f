/* SEES: base fake */
/* Looking TXT records up for the fake authority, against packets written by hand. */
#include "fake/mini_client.h"
#include "fake/txt_look.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define BASE "https://ca.test"

struct world {
    int server; /* the name server's socket: the test plays it */
    struct fake_ca *ca;
    struct txt_look *look;
    struct mini_client m;
    char *order;
    struct buf value;
    unsigned char question[512];
    size_t question_len;
    struct sockaddr_in asker;
};

static const char *const names[] = {"www.example.com"};

/* The question that came, within a second. */
static bool hear(struct world *w)
{
    socklen_t len = sizeof(w->asker);
    struct timeval second = {.tv_sec = 2};
    setsockopt(w->server, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
    ssize_t n = recvfrom(w->server, w->question, sizeof(w->question), 0,
                         (struct sockaddr *)(void *)&w->asker, &len);
    w->question_len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

static int world_open(void **state)
{
    struct world *w = NEW(struct world);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct sockaddr *generic = (struct sockaddr *)(void *)&address;
    socklen_t len = sizeof(address);
    w->server = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(w->server, generic, len), 0);
    getsockname(w->server, generic, &len);
    struct fake_ca_options options = fake_ca_options_default();
    options.txt_ask = txt_look_ask;
    options.ctx = &w->look;
    w->ca = fake_ca_new(&options);
    AUTO(mem_fini)
    char *text = mem_printf("127.0.0.1:%d", ntohs(address.sin_port));
    w->look = txt_look_open(text, w->ca, NULL);
    assert_non_null(w->look);
    mini_client_init(&w->m, w->ca, BASE, "P-256", clock_wall_ms(&clock_system));
    mini_register(&w->m);
    w->order = mini_order(&w->m, names, 1, "");
    mini_answer_all(&w->m, w->order);
    buf_init(&w->value, 64);
    mini_txt(w->m.key, json_text(w->m.body, "token"), &w->value);
    mini_post(&w->m, w->order, ""); /* the validation begins with the next request */
    assert_true(hear(w));
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    close(w->server);
    txt_look_free(w->look);
    mini_client_fini(&w->m);
    fake_ca_free(w->ca);
    mem_free(w->order);
    buf_fini(&w->value);
    mem_free(w);
    return 0;
}

/* The owner name of the question, dotted. */
static void asked_name(const struct world *w, char out[256])
{
    size_t at = 12, len = 0;
    while (w->question[at] != 0) {
        if (len > 0)
            out[len++] = '.';
        memcpy(out + len, w->question + at + 1, w->question[at]);
        len += w->question[at];
        at += w->question[at] + 1u;
    }
    out[len] = 0;
}

/* Answers with n records, the question repeated as it must be. */
static void say(struct world *w, int n, struct str records)
{
    AUTO(buf_fini)
    struct buf packet = BUF(4096);
    size_t end = w->question_len - 11; /* without EDNS */
    buf_add(&packet, w->question, 2);
    buf_add(&packet, "\x84\x00\x00\x01\x00", 5);
    buf_add_char(&packet, (char)n);
    buf_add(&packet, "\0\0\0\0", 4);
    buf_add(&packet, w->question + 12, end - 12);
    buf_add_str(&packet, records);
    sendto(w->server, packet.p, packet.len, 0, (const struct sockaddr *)(const void *)&w->asker,
           sizeof(w->asker));
    struct timespec ms = {.tv_nsec = 20 * 1000 * 1000};
    nanosleep(&ms, NULL);
    txt_look_input(w->look);
}

static void txt_put(struct buf *out, const char *value)
{
    size_t half = strlen(value) / 2;
    buf_add(out, "\xc0\x0c\x00\x10\x00\x01\0\0\0\x3c", 10); /* owner: the question's */
    buf_add_char(out, 0);
    buf_add_char(out, (char)(strlen(value) + 2));
    buf_add_char(out, (char)half); /* in two strings */
    buf_add(out, value, half);
    buf_add_char(out, (char)(strlen(value) - half));
    buf_add_cstr(out, value + half);
}

static const char *status(struct world *w)
{
    mini_post(&w->m, w->order, "");
    return json_text(w->m.body, "status");
}

static void test_look_when_one_of_two_values_fits_then_ready(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf records = BUF(1024);
    char name[256];
    asked_name(w, name);
    assert_string_equal(name, "_acme-challenge.www.example.com");
    assert_string_equal(status(w), "pending");
    txt_put(&records, "another value");
    txt_put(&records, w->value.p);
    say(w, 2, buf_str(&records));
    assert_string_equal(status(w), "ready");
}

static void test_look_when_nothing_or_else_stands_there_then_invalid(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf records = BUF(1024);
    txt_put(&records, "another value");
    say(w, 1, buf_str(&records));
    assert_string_equal(status(w), "invalid");
}

static void test_look_when_alias_alone_then_its_target_is_asked(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf records = BUF(1024);
    char name[256];
    say(w, 1, str_mem("\xc0\x0c\x00\x05\x00\x01\0\0\0\x3c\0\x0b\x03txt\x05other\0", 10 + 2 + 11));
    assert_true(hear(w));
    asked_name(w, name);
    assert_string_equal(name, "txt.other");
    txt_put(&records, w->value.p);
    say(w, 1, buf_str(&records));
    assert_string_equal(status(w), "ready");
}

static void test_look_when_names_loop_then_invalid_not_stuck(void **state)
{
    struct world *w = *state;
    /* An owner name that points to itself. */
    size_t self = w->question_len - 11;
    AUTO(buf_fini)
    struct buf records = BUF(64);
    buf_add_char(&records, (char)(0xc0 | (int)(self >> 8)));
    buf_add_char(&records, (char)self);
    buf_add(&records, "\x00\x10\x00\x01\0\0\0\x3c\0\0", 10);
    say(w, 1, buf_str(&records));
    assert_string_equal(status(w), "invalid");
}

static void test_look_when_no_answer_then_asked_again(void **state)
{
    struct world *w = *state;
    AUTO(buf_fini)
    struct buf records = BUF(1024);
    unsigned char id[2];
    memcpy(id, w->question, 2);
    int64_t due_ms = txt_look_tick(w->look);
    assert_in_range(due_ms, clock_boot_ms(&clock_system), clock_boot_ms(&clock_system) + 1000);
    while (clock_boot_ms(&clock_system) < due_ms) {
        struct timespec ms = {.tv_nsec = 10 * 1000 * 1000};
        nanosleep(&ms, NULL);
    }
    txt_look_tick(w->look);
    assert_true(hear(w));
    assert_memory_equal(id, w->question, 2);
    txt_put(&records, w->value.p);
    say(w, 1, buf_str(&records));
    assert_string_equal(status(w), "ready");
}

static void test_look_when_address_is_none_then_config_error(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    assert_null(txt_look_open("localhost", w->ca, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_look_when_one_of_two_values_fits_then_ready),
        T(test_look_when_nothing_or_else_stands_there_then_invalid),
        T(test_look_when_alias_alone_then_its_target_is_asked),
        T(test_look_when_names_loop_then_invalid_not_stuck),
        T(test_look_when_no_answer_then_asked_again),
        T(test_look_when_address_is_none_then_config_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
