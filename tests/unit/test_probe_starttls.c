/* SEES: base io */
#include "io/probe_starttls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* One whole talk: what the server says, turn by turn, and what must have been answered in all. */
struct script {
    const char *kind;
    struct str heard[4];
    struct str said;
};
#define S(literal)                                                                                 \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

static const struct script good_scripts[] = {
    {"smtp",
     {S("220-mx.example ready\r\n220 go on\r\n"),
      S("250-mx.example\r\n250-SIZE 1000\r\n250-starttls\r\n250 HELP\r\n"),
      S("220 2.0.0 Ready\r\n")},
     S("EHLO chancery.invalid\r\nSTARTTLS\r\n")},
    {"lmtp",
     {S("220 lmtp\r\n"), S("250-lmtp\r\n250 STARTTLS\r\n"), S("220 Ready\r\n")},
     S("LHLO chancery.invalid\r\nSTARTTLS\r\n")},
    {"imap",
     {S("* OK [CAPABILITY IMAP4rev1] ready\r\n"),
      S("* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na1 OK done\r\n"), S("a2 OK begin\r\n")},
     S("a1 CAPABILITY\r\na2 STARTTLS\r\n")},
    {"pop3", {S("+OK ready <1@x>\r\n"), S("+OK begin\r\n")}, S("STLS\r\n")},
    {"ftp",
     {S("220-welcome\r\n to this server\r\n220 ready\r\n"), S("234 AUTH TLS ok\r\n")},
     S("AUTH TLS\r\n")},
    {"sieve",
     {S("\"IMPLEMENTATION\" \"x\"\r\n\"SASL\" \"\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n"),
      S("OK \"begin\"\r\n")},
     S("STARTTLS\r\n")},
    {"nntp", {S("201 ready\r\n"), S("382 begin\r\n")}, S("STARTTLS\r\n")},
    {"ldap",
     {S("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00")},
     S("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
       "1.3.6.1.4.1.1466.20037")},
    {"ldap",
     {S("\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04"
        "\x00")},
     S("\x30\x1d\x02\x01\x01\x77\x18\x80\x16"
       "1.3.6.1.4.1.1466.20037")},
    {"postgres", {S("S")}, S("\x00\x00\x00\x08\x04\xd2\x16\x2f")},
};

/* Feeds all of the script in pieces of at most step bytes, a turn at a time. */
static enum starttls_verdict play(const struct script *script, size_t step, struct buf *said,
                                  struct err *err)
{
    struct starttls talk;
    enum starttls_verdict verdict = STARTTLS_MORE;
    starttls_init(&talk, starttls_kind_find(script->kind), said);
    for (size_t i = 0; i < 4 && script->heard[i].p != NULL; i++)
        for (size_t at = 0; at < script->heard[i].len && verdict == STARTTLS_MORE; at += step) {
            size_t left = script->heard[i].len - at;
            verdict = starttls_hear(
                &talk, str_mem(script->heard[i].p + at, left < step ? left : step), said, err);
        }
    starttls_fini(&talk);
    return verdict;
}

static void test_hear_when_the_server_agrees_then_go_however_the_bytes_are_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_scripts / sizeof good_scripts[0]; i++)
        for (size_t step = 1; step < 200; step += step) {
            AUTO(buf_fini)
            struct buf said = BUF(10000);
            struct err err = {.kind = ERR_NONE};
            if (play(&good_scripts[i], step, &said, &err) != STARTTLS_GO)
                fail_msg("%s by %zu: %s", good_scripts[i].kind, step, err.text);
            assert_int_equal(said.len, good_scripts[i].said.len);
            assert_memory_equal(said.p, good_scripts[i].said.p, said.len);
        }
}

static void test_hear_when_bytes_follow_the_go_ahead_then_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_scripts / sizeof good_scripts[0]; i++) {
        AUTO(buf_fini)
        struct buf said = BUF(10000), last = BUF(1000);
        struct script script = good_scripts[i];
        struct err err = {.kind = ERR_NONE};
        size_t turn = 0;
        while (turn < 3 && script.heard[turn + 1].p != NULL)
            turn++;
        buf_add_str(&last, script.heard[turn]);
        buf_add_cstr(&last, "250 injected\r\n");
        script.heard[turn] = buf_str(&last);
        assert_int_equal(play(&script, 1000, &said, &err), STARTTLS_FAIL);
        assert_int_equal(err.kind, ERR_BROKEN);
        assert_non_null(strstr(err.text, "injected"));
    }
}

static const struct {
    struct script script;
    enum err_kind kind;
} bad_scripts[] = {
    {{"smtp", {S("554 go away\r\n")}, S("")}, ERR_REFUSED},
    {{"smtp", {S("220 x\r\n"), S("250-x\r\n250 SIZE\r\n")}, S("")}, ERR_REFUSED},
    {{"smtp", {S("220 x\r\n"), S("250-x\r\n250 NOSTARTTLSHERE\r\n")}, S("")}, ERR_REFUSED},
    {{"smtp", {S("220 x\r\n"), S("250-x\r\n250 STARTTLS\r\n"), S("454 not now\r\n")}, S("")},
     ERR_REFUSED},
    {{"smtp", {S("HTTP/1.1 400 Bad Request\r\n")}, S("")}, ERR_BROKEN},
    {{"imap", {S("* BYE full\r\n")}, S("")}, ERR_REFUSED},
    {{"imap", {S("* PREAUTH you are root\r\n")}, S("")}, ERR_REFUSED},
    {{"imap", {S("* OK x\r\n"), S("* CAPABILITY IMAP4rev1\r\na1 OK done\r\n")}, S("")},
     ERR_REFUSED},
    {{"imap", {S("* OK x\r\n"), S("a1 BAD what\r\n")}, S("")}, ERR_REFUSED},
    {{"pop3", {S("+OK x\r\n"), S("-ERR no\r\n")}, S("")}, ERR_REFUSED},
    {{"pop3", {S("220 smtp\r\n")}, S("")}, ERR_BROKEN},
    {{"ftp", {S("220 x\r\n"), S("502 no\r\n")}, S("")}, ERR_REFUSED},
    {{"sieve", {S("\"SASL\" \"PLAIN\"\r\nOK\r\n")}, S("")}, ERR_REFUSED},
    {{"sieve", {S("BYE\r\n")}, S("")}, ERR_REFUSED},
    {{"ldap", {S("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00")}, S("")}, ERR_REFUSED},
    {{"ldap", {S("\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00")}, S("")}, ERR_BROKEN},
    {{"ldap", {S("\x30\x80")}, S("")}, ERR_BROKEN},
    {{"ldap", {S("\x30\x84\x7f\xff\xff\xff")}, S("")}, ERR_BROKEN},
    {{"ldap", {S("\x30\x00")}, S("")}, ERR_BROKEN},
    {{"ldap", {S("\x30\x05\x02\x01\x01\x78\x00")}, S("")}, ERR_BROKEN},
    {{"ldap", {S("HTTP")}, S("")}, ERR_BROKEN},
    {{"postgres", {S("N")}, S("")}, ERR_REFUSED},
    {{"postgres", {S("?")}, S("")}, ERR_BROKEN},
};

static void test_hear_when_refused_or_nonsense_then_that_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_scripts / sizeof bad_scripts[0]; i++) {
        AUTO(buf_fini)
        struct buf said = BUF(10000);
        struct err err = {.kind = ERR_NONE};
        if (play(&bad_scripts[i].script, 1, &said, &err) != STARTTLS_FAIL ||
            err.kind != bad_scripts[i].kind)
            fail_msg("script %zu (%s): %s, %s", i, bad_scripts[i].script.kind,
                     err_kind_name(err.kind), err.text);
    }
}

static void test_hear_when_a_line_or_the_talk_never_ends_then_broken(void **state)
{
    AUTO(buf_fini)
    struct buf said = BUF(1000);
    struct starttls talk;
    struct err err;
    enum starttls_verdict verdict = STARTTLS_MORE;
    int n = 0;
    (void)state;
    starttls_init(&talk, starttls_kind_find("smtp"), &said);
    for (; verdict == STARTTLS_MORE && n < 100000; n++)
        verdict = starttls_hear(&talk, STR("2"), &said, &err);
    assert_int_equal(verdict, STARTTLS_FAIL);
    assert_int_equal(err.kind, ERR_BROKEN);
    assert_in_range(n, STARTTLS_LINE_MAX, STARTTLS_LINE_MAX + 2);
    starttls_fini(&talk);
    verdict = STARTTLS_MORE;
    starttls_init(&talk, starttls_kind_find("smtp"), &said);
    for (n = 0; verdict == STARTTLS_MORE && n < 100000; n++)
        verdict = starttls_hear(&talk, STR("220-x\r\n"), &said, &err);
    assert_int_equal(err.kind, ERR_BROKEN);
    assert_in_range(n, STARTTLS_TALK_MAX / 7, STARTTLS_TALK_MAX / 7 + 2);
    starttls_fini(&talk);
}

static void test_kind_find_when_unknown_then_none(void **state)
{
    (void)state;
    assert_null(starttls_kind_find("gopher"));
    assert_null(starttls_kind_find(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hear_when_the_server_agrees_then_go_however_the_bytes_are_cut),
        cmocka_unit_test(test_hear_when_bytes_follow_the_go_ahead_then_broken),
        cmocka_unit_test(test_hear_when_refused_or_nonsense_then_that_kind),
        cmocka_unit_test(test_hear_when_a_line_or_the_talk_never_ends_then_broken),
        cmocka_unit_test(test_kind_find_when_unknown_then_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
