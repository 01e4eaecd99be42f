/* SEES: base crypto acme */
/*
 * A reply of a CA: a status byte, header lines ("Name: value\n"), an empty line, a body. Whatever it holds: the answer keeps its
 * promises, what is made for people is plain, and what is made for machines may be asked.
 */
#include "acme/account.h"

#define NOW INT64_C(1893456000000)

enum { HEADERS_MAX = 32 };

static const int statuses[] = {200, 201, 202, 204, 301, 400, 401, 403,
                               404, 409, 410, 415, 429, 500, 502, 503};

static void text_check(const char *text, size_t max)
{
    CHECK(text != NULL && strlen(text) <= max);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        CHECK(*p >= 0x20 && *p != 0x7f);
}

static void problem_check(const struct acme_problem *problem, int64_t retry_at_ms)
{
    struct err err = {0};
    CHECK((unsigned)problem->type < PROBLEM_TYPE_N && problem->kind != ERR_NONE);
    text_check(problem->detail, 1000);
    text_check(problem->urn, 512);
    CHECK(!acme_problem_err(problem, "fuzz", retry_at_ms, &err));
    CHECK(err.kind == problem->kind || err.kind == ERR_THROTTLED);
    text_check(err.text, ERR_TEXT_MAX);
}

static size_t headers_split(struct str *rest, struct acme_header *headers, struct arena *arena)
{
    struct str line;
    size_t n = 0;
    while (str_split(rest, '\n', &line) && line.len > 0) {
        size_t colon = str_find_char(line, ':');
        if (colon == line.len || n == HEADERS_MAX)
            continue;
        struct str value = str_trim(str_mem(line.p + colon + 1, line.len - colon - 1));
        headers[n].name = arena_strndup(arena, line.p, colon);
        headers[n++].value = arena_strndup(arena, value.p, value.len);
    }
    return n;
}

static void answer_check(const struct acme_answer *answer)
{
    CHECK(answer->retry_at_ms == 0 ||
          (answer->retry_at_ms >= NOW && answer->retry_at_ms <= NOW + MS_DAY));
    CHECK(answer->alternates != NULL);
    CHECK((answer->status >= 400) <= (answer->problem != NULL));
    CHECK(answer->tree == answer->owned_tree);
    if (answer->problem != NULL)
        problem_check(answer->problem, answer->retry_at_ms);
}

static void directory_try(const struct acme_answer *answer)
{
    struct acme_directory *directory = NULL;
    struct err err = {0};
    if (!acme_directory_read("https://ca.test/directory", answer->tree, &directory, &err)) {
        CHECK(err.kind == ERR_BROKEN && directory == NULL);
        text_check(err.text, ERR_TEXT_MAX);
        return;
    }
    CHECK(acme_url_check(directory->new_nonce, directory->url, NULL));
    CHECK(acme_url_check(directory->new_account, directory->url, NULL));
    CHECK(acme_url_check(directory->new_order, directory->url, NULL));
    if (directory->terms != NULL)
        text_check(directory->terms, 4096);
    acme_directory_free(directory);
}

static void account_try(const struct acme_answer *answer, struct arena *arena)
{
    struct acme_directory directory = {.url = (char *)(uintptr_t) "https://ca.test/directory"};
    struct acme_account_facts facts;
    struct err err = {0};
    if (acme_account_hear(answer, &directory, arena, &facts, &err)) {
        CHECK(acme_url_check(facts.url, directory.url, NULL));
        CHECK(strcmp(facts.url, answer->location) == 0 && strcmp(facts.status, "valid") == 0);
    } else {
        CHECK(err.kind != ERR_NONE);
        text_check(err.text, ERR_TEXT_MAX);
    }
    if (!acme_revoke_hear(answer, &err))
        text_check(err.text, ERR_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct acme_header headers[HEADERS_MAX];
    struct acme_answer answer;
    if (size == 0)
        return 0;
    struct arena *arena = arena_new();
    struct str rest = str_mem(data + 1, size - 1);
    size_t n = headers_split(&rest, headers, arena);
    const char *nonce = acme_answer_nonce(headers, n);
    if (nonce != NULL)
        CHECK(nonce[0] != '\0' && strpbrk(nonce, " =+/\"\\\r\n") == NULL);
    int status = statuses[data[0] % (sizeof statuses / sizeof statuses[0])];
    acme_answer_read(&answer, status, headers, n, rest, NOW, arena);
    answer_check(&answer);
    directory_try(&answer);
    account_try(&answer, arena);
    acme_answer_fini(&answer);
    arena_free(arena);
    return 0;
}
