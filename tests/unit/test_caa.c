/* SEES: base acme */
#include "acme/caa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { RECORDS_MAX = 8, CLIMB_MAX = 4 };

struct line { /* one record of a case */
    const char *owner;
    unsigned flags;
    const char *tag, *value;
};

struct judged {
    const char *what;
    const char *climb[CLIMB_MAX]; /* owners, the name first; "?" in front: cannot be looked up */
    struct line lines[RECORDS_MAX];
    bool wildcard;
    const char *identity, *account, *method;
    enum caa_verdict verdict;
    const char *why; /* a part of it; NULL: none */
};

#define CA      "letsencrypt.example"
#define ACCOUNT "https://ca.example/acct/1"

static const struct judged cases[] = {
    /* RFC 8659 3: the climb */
    {"no records anywhere",
     {"a.example.com", "example.com", "com"},
     {{0}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"the closest set counts",
     {"a.example.com", "example.com", "com"},
     {{"a.example.com", 0, "issue", CA}, {"example.com", 0, "issue", "other.example"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"the parent's set counts where the name has none",
     {"a.example.com", "example.com", "com"},
     {{"example.com", 0, "issue", "other.example"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "CAA of example.com: 0 issue \"other.example\" does not permit letsencrypt.example to issue; "
     "add "
     "`example.com. CAA 0 issue \"letsencrypt.example; accounturi=https://ca.example/acct/1; "
     "validationmethods=dns-01\"`"},
    {"a set of an unhelpful tag ends the climb all the same",
     {"a.example.com", "example.com"},
     {{"a.example.com", 0, "iodef", "mailto:a@example.com"}, {"example.com", 0, "issue", ";"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"the top-level domain counts last",
     {"example.com", "com"},
     {{"com", 0, "issue", ";"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "CAA of com: 0 issue \";\" does not permit"},
    {"what cannot be looked up makes it unknown",
     {"?a.example.com", "example.com"},
     {{"example.com", 0, "issue", "other.example"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_UNKNOWN,
     "the CAA records of a.example.com cannot be looked up"},
    {"what lies above a set need not be known",
     {"a.example.com", "?example.com"},
     {{"a.example.com", 0, "issue", CA}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"nothing below an unknown one",
     {"a.example.com", "?example.com"},
     {{0}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_UNKNOWN,
     "example.com cannot"},

    /* RFC 8659 4.1: critical */
    {"an unknown critical tag forbids",
     {"example.com"},
     {{"example.com", 128, "tbs", "Unknown"}, {"example.com", 0, "issue", CA}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "128 tbs \"Unknown\" of example.com is marked critical"},
    {"an unknown tag that is not critical does not",
     {"example.com"},
     {{"example.com", 0, "tbs", "Unknown"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"a known critical tag is judged as ever",
     {"example.com"},
     {{"example.com", 128, "issue", CA}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"flag 1 is meant as critical",
     {"example.com"},
     {{"example.com", 1, "tbs", "Unknown"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "marked critical"},
    {"other flags mean nothing",
     {"example.com"},
     {{"example.com", 64, "tbs", "Unknown"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},

    /* RFC 8659 4.2: issue */
    {"certs.example.com: two CAs, one of them",
     {"certs.example.com"},
     {{"certs.example.com", 0, "issue", "ca1.example.net"},
      {"certs.example.com", 0, "issue", "ca2.example.org"}},
     false,
     "ca2.example.org",
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"certs.example.com: two CAs, neither",
     {"certs.example.com"},
     {{"certs.example.com", 0, "issue", "ca1.example.net"},
      {"certs.example.com", 0, "issue", "ca2.example.org"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "0 issue \"ca1.example.net\", 0 issue \"ca2.example.org\" does not permit"},
    {"parameters of somebody else's",
     {"certs.example.com"},
     {{"certs.example.com", 0, "issue", "ca1.example.net; account=230123"}},
     false,
     "ca1.example.net",
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"nocerts.example.com",
     {"nocerts.example.com"},
     {{"nocerts.example.com", 0, "issue", ";"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit letsencrypt.example"},
    {"an empty value is nobody",
     {"nocerts.example.com"},
     {{"nocerts.example.com", 0, "issue", ""}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit"},
    {"malformed values permit nobody",
     {"malformed.example.com"},
     {{"malformed.example.com", 0, "issue", "%%%%%"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit"},
    {"malformed beside a good one does no harm",
     {"example.com"},
     {{"example.com", 0, "issue", "%%%%%"}, {"example.com", 0, "issue", CA}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"malformed behind our own name says so",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; nonsense"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "is malformed"},
    {"names and tags in capitals",
     {"example.com"},
     {{"example.com", 0, "ISSUE", "LetsEncrypt.Example"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"blanks around the name",
     {"example.com"},
     {{"example.com", 0, "issue", " \t" CA "\t ; "}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"a name that only begins like ours",
     {"example.com"},
     {{"example.com", 0, "issue", CA ".net"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit"},

    /* RFC 8659 4.3: issuewild */
    {"wild.example.com: a wildcard of another CA",
     {"wild.example.com"},
     {{"wild.example.com", 0, "issue", "ca1.example.net"},
      {"wild.example.com", 0, "issuewild", "ca2.example.org"}},
     true,
     "ca1.example.net",
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "0 issuewild \"ca2.example.org\" does not permit ca1.example.net to issue wildcards; add "
     "`wild.example.com. CAA 0 issuewild "},
    {"wild.example.com: issuewild in issue's place",
     {"wild.example.com"},
     {{"wild.example.com", 0, "issue", "ca1.example.net"},
      {"wild.example.com", 0, "issuewild", "ca2.example.org"}},
     true,
     "ca2.example.org",
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"wild.example.com: not for other names",
     {"wild.example.com"},
     {{"wild.example.com", 0, "issue", "ca1.example.net"},
      {"wild.example.com", 0, "issuewild", "ca2.example.org"}},
     false,
     "ca1.example.net",
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"wild2.example.com: issue alone counts for wildcards",
     {"wild2.example.com"},
     {{"wild2.example.com", 0, "issue", "ca1.example.net"}},
     true,
     "ca1.example.net",
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"wild3.example.com: issuewild alone leaves other names alone",
     {"wild3.example.com"},
     {{"wild3.example.com", 0, "issuewild", "ca2.example.org"},
      {"wild3.example.com", 0, "issue", ""}},
     false,
     "ca2.example.org",
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit"},
    {"only issuewild, an ordinary name",
     {"wild3.example.com"},
     {{"wild3.example.com", 0, "issuewild", ";"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"only issuewild \";\", a wildcard",
     {"wild3.example.com"},
     {{"wild3.example.com", 0, "issuewild", ";"}},
     true,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "wildcards"},

    /* RFC 8659 4.4: iodef */
    {"report.example.com",
     {"report.example.com"},
     {{"report.example.com", 0, "issue", "ca1.example.net"},
      {"report.example.com", 0, "iodef", "mailto:security@example.com"},
      {"report.example.com", 0, "iodef", "https://iodef.example.com/"}},
     false,
     "ca1.example.net",
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},

    /* RFC 8657 3: accounturi */
    {"our account",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; accounturi=" ACCOUNT}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"another account",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; accounturi=https://ca.example/acct/2"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "permits another account than ours, " ACCOUNT},
    {"several records: any of them will do",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; accounturi=https://ca.example/acct/2"},
      {"example.com", 0, "issue", CA "; accounturi=" ACCOUNT}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"an account in capitals is another one",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; accounturi=https://ca.example/ACCT/1"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "another account"},
    {"twice permits nobody, though both are ours",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; accounturi=" ACCOUNT "; accounturi=" ACCOUNT}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "names a parameter twice"},
    {"no URI",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; accounturi=1234"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "malformed"},
    {"an empty one",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; accounturi="}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "malformed"},
    {"ours is not known yet",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; accounturi=" ACCOUNT}},
     false,
     CA,
     NULL,
     "dns-01",
     CAA_UNKNOWN,
     "ours is not registered yet"},

    /* RFC 8657 4: validationmethods */
    {"our method",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; validationmethods=dns-01"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"among others",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; validationmethods=http-01,dns-01,xyz-01"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"not ours",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; validationmethods=http-01"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit dns-01"},
    {"no prefix match",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; validationmethods=dns-012,dns-0"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit dns-01"},
    {"an empty list is no method",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; validationmethods="}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit dns-01"},
    {"a comma too many",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; validationmethods=dns-01,"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "malformed"},
    {"a character that cannot be there",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; validationmethods=dns_01,dns-01"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "malformed"},
    {"twice permits nobody",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; validationmethods=dns-01; validationmethods=dns-01"}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "names a parameter twice"},
    {"both, as the RFC shows them",
     {"example.com"},
     {{"example.com", 0, "issue",
       "ca1.example.net; accounturi=https://example.net/account/1234; "
       "validationmethods=dns-01"}},
     false,
     "ca1.example.net",
     "https://example.net/account/1234",
     "dns-01",
     CAA_PERMITTED,
     NULL},
    {"the account fits, the method does not",
     {"example.com"},
     {{"example.com", 0, "issue", CA "; validationmethods=http-01; accounturi=" ACCOUNT}},
     false,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit dns-01"},
    {"issuewild is narrowed in the same way",
     {"example.com"},
     {{"example.com", 0, "issue", CA},
      {"example.com", 0, "issuewild", CA "; validationmethods=http-01"}},
     true,
     CA,
     ACCOUNT,
     "dns-01",
     CAA_FORBIDDEN,
     "does not permit dns-01"},
};

static void case_judge(const struct judged *c)
{
    struct caa_record records[CLIMB_MAX][RECORDS_MAX];
    struct caa_rrset climb[CLIMB_MAX] = {{0}};
    size_t n = 0;
    AUTO(buf_fini)
    struct buf why = BUF(2000);
    for (; n < CLIMB_MAX && c->climb[n] != NULL; n++) {
        bool unknown = c->climb[n][0] == '?';
        climb[n].owner = c->climb[n] + (unknown ? 1 : 0);
        climb[n].is_unknown = unknown;
        climb[n].records = records[n];
        for (size_t i = 0; i < RECORDS_MAX && c->lines[i].owner != NULL; i++)
            if (!unknown && strcmp(c->lines[i].owner, climb[n].owner) == 0)
                records[n][climb[n].n++] = (struct caa_record){
                    c->lines[i].flags, str_of(c->lines[i].tag), str_of(c->lines[i].value)};
    }
    struct caa_who who = {&c->identity, 1, c->account, c->method, c->wildcard};
    struct caa_finding f = caa_judge(climb, n, &who, &why);
    if (f.verdict != c->verdict)
        fail_msg("%s: %s instead of %s: %s", c->what, caa_verdict_name(f.verdict),
                 caa_verdict_name(c->verdict), buf_cstr(&why));
    if (c->why == NULL ? why.len > 0 : strstr(buf_cstr(&why), c->why) == NULL)
        fail_msg("%s: \"%s\" does not hold \"%s\"", c->what, buf_cstr(&why),
                 c->why != NULL ? c->why : "");
    assert_int_equal(caa_judge(climb, n, &who, NULL).verdict, c->verdict);
}

static void test_sets_when_judged_then_as_the_rfcs_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        case_judge(&cases[i]);
}

static void test_finding_when_forbidden_then_it_names_set_and_record(void **state)
{
    (void)state;
    const char *me = CA;
    struct caa_record records[] = {{0, STR("issue"), STR("a.example")},
                                   {0, STR("issue"), STR(CA "; validationmethods=http-01")},
                                   {0, STR("issue"), STR("b.example")}};
    struct caa_rrset climb[] = {{.owner = "a.example.com"},
                                {.owner = "example.com", .records = records, .n = 3}};
    struct caa_who who = {&me, 1, ACCOUNT, "dns-01", false};
    struct caa_finding f = caa_judge(climb, 2, &who, NULL);
    assert_int_equal(f.verdict, CAA_FORBIDDEN);
    assert_ptr_equal(f.rrset, &climb[1]);
    assert_ptr_equal(f.record, &records[1]); /* the one that comes closest */
}

static void test_cname_when_it_forbids_then_both_names_are_told(void **state)
{
    (void)state;
    const char *me = CA;
    struct caa_record record = {0, STR("issue"), STR(";")};
    struct caa_rrset climb = {
        .owner = "www.example.com", .at = "cdn.example.net", .records = &record, .n = 1};
    struct caa_who who = {&me, 1, NULL, "dns-01", false};
    AUTO(buf_fini)
    struct buf why = BUF(2000);
    assert_int_equal(caa_judge(&climb, 1, &who, &why).verdict, CAA_FORBIDDEN);
    assert_string_equal(
        buf_cstr(&why),
        "CAA of www.example.com (a CNAME to cdn.example.net): 0 issue \";\" does not permit "
        "letsencrypt.example to issue; add `cdn.example.net. CAA 0 issue "
        "\"letsencrypt.example; validationmethods=dns-01\"`");
}

struct grammar {
    const char *value;
    bool fits;
    const char *issuer;
    size_t n_parameters;
};

static void test_issue_value_when_read_then_by_the_grammar(void **state)
{
    (void)state;
    static const struct grammar values[] = {
        {"", true, "", 0},
        {";", true, "", 0},
        {" ; ", true, "", 0},
        {"ca.example", true, "ca.example", 0},
        {"ca.example;", true, "ca.example", 0},
        {"ca-1.ex-ample.x2", true, "ca-1.ex-ample.x2", 0},
        {"; account=1", true, "", 1},
        {"ca.example;a=1;b=2 ; c = 3", true, "ca.example", 3},
        {"ca.example; a=", true, "ca.example", 1},
        {"ca.example; a=b=c", true, "ca.example", 1},
        {"ca.example; policy=ev", true, "ca.example", 1},
        {"ca.example; a=1;", false, NULL, 0},
        {"ca.example; a=1;;b=2", false, NULL, 0},
        {"ca.example; a", false, NULL, 0},
        {"ca.example; =1", false, NULL, 0},
        {"ca.example; a-=1", false, NULL, 0},
        {"ca.example; a_b=1", false, NULL, 0},
        {"ca.example; a=b c", false, NULL, 0},
        {"ca.example; a=\xc3\xa9", false, NULL, 0},
        {"ca.example other.example", false, NULL, 0},
        {"ca.example, a=1", false, NULL, 0},
        {"ca..example", false, NULL, 0},
        {".ca.example", false, NULL, 0},
        {"ca.example.", false, NULL, 0},
        {"-ca.example", false, NULL, 0},
        {"ca_example", false, NULL, 0},
        {"%%%%%", false, NULL, 0},
        {"ca.example; a1=1; a2=1; a3=1; a4=1; a5=1; a6=1; a7=1; a8=1; a9=1; a10=1; a11=1; a12=1; "
         "a13=1; a14=1; a15=1; a16=1; a17=1",
         false, NULL, 0},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct caa_issue issue;
        bool fits = caa_issue_read(str_of(values[i].value), &issue);
        if (fits != values[i].fits)
            fail_msg("\"%s\": %s", values[i].value, fits ? "taken" : "refused");
        if (fits) {
            assert_true(str_eq(issue.issuer, str_of(values[i].issuer)));
            assert_int_equal(issue.n_parameters, values[i].n_parameters);
        }
    }
}

static void test_issue_value_when_it_holds_a_zero_byte_then_it_is_malformed(void **state)
{
    (void)state;
    struct caa_issue issue;
    assert_false(caa_issue_read(STR("ca.example\0"), &issue));
    assert_false(caa_issue_read(STR("ca.example; a=\0"), &issue));
}

static void test_record_when_formatted_then_as_in_a_zone_file(void **state)
{
    (void)state;
    AUTO(buf_fini)
    struct buf text = BUF(4000);
    caa_record_format(&(struct caa_record){128, STR("issue"), STR("a\"b\\c\x01\xff; x=1")}, &text);
    assert_string_equal(buf_cstr(&text), "128 issue \"a\\\"b\\\\c\\001\\255; x=1\"");
    char big[2000];
    memset(big, 'x', sizeof big);
    buf_clear(&text);
    caa_record_format(&(struct caa_record){0, STR("t\x1bg"), str_mem(big, sizeof big)}, &text);
    assert_in_range(text.len, 400, 440);
    assert_non_null(strstr(buf_cstr(&text), "...\""));
    assert_null(strchr(buf_cstr(&text), '\x1b'));
}

static void test_recommended_when_judged_then_it_permits(void **state)
{
    (void)state;
    const char *me[] = {"ca.example", "alias.example"};
    struct caa_who who = {me, 2, ACCOUNT, "dns-01", true};
    AUTO(buf_fini)
    struct buf value = BUF(1000);
    caa_recommend(&who, &value);
    struct caa_record record = {0, STR("issuewild"), buf_str(&value)};
    struct caa_rrset climb = {.owner = "example.com", .records = &record, .n = 1};
    assert_int_equal(caa_judge(&climb, 1, &who, NULL).verdict, CAA_PERMITTED);
    who.account_url = "https://ca.example/acct/2";
    assert_int_equal(caa_judge(&climb, 1, &who, NULL).verdict, CAA_FORBIDDEN);
}

static void test_known_cas_when_asked_by_host_then_found(void **state)
{
    (void)state;
    assert_string_equal(caa_identities_of_host(STR("acme-v02.api.letsencrypt.org"))[0],
                        "letsencrypt.org");
    assert_string_equal(caa_identities_of_host(STR("acme.zerossl.com"))[0], "sectigo.com");
    assert_string_equal(caa_identities_of_host(STR("DV.acme-v02.api.PKI.goog"))[0], "pki.goog");
    assert_null(caa_identities_of_host(STR("evilssl.com")));
    assert_null(caa_identities_of_host(STR("ca.corp.example")));
    assert_null(caa_identities_of_host(STR("")));
    assert_true(str_eq(caa_host_of_url("https://ca.example:14000/dir"), STR("ca.example")));
    assert_true(str_eq(caa_host_of_url("https://ca.example"), STR("ca.example")));
    assert_int_equal(caa_host_of_url("nonsense").len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_when_judged_then_as_the_rfcs_say),
        cmocka_unit_test(test_finding_when_forbidden_then_it_names_set_and_record),
        cmocka_unit_test(test_cname_when_it_forbids_then_both_names_are_told),
        cmocka_unit_test(test_issue_value_when_read_then_by_the_grammar),
        cmocka_unit_test(test_issue_value_when_it_holds_a_zero_byte_then_it_is_malformed),
        cmocka_unit_test(test_record_when_formatted_then_as_in_a_zone_file),
        cmocka_unit_test(test_recommended_when_judged_then_it_permits),
        cmocka_unit_test(test_known_cas_when_asked_by_host_then_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
