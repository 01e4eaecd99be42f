/* SEES: base crypto acme */
/*
 * A problem document of any shape under any status: a byte of status, then JSON. The error made of it is one plain line, its
 * kind never says that nothing happened, and it outlives the document.
 */
#include "acme/problem.h"

static void text_check(const char *text, size_t max)
{
    CHECK(text != NULL && strlen(text) <= max);
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++)
        CHECK(*p >= 0x20 && *p != 0x7f);
}

static void parts_check(const struct acme_problem *problem)
{
    CHECK(problem->n_subproblems <= 100);
    for (size_t i = 0; i < problem->n_subproblems; i++) {
        const struct acme_identifier_problem *part = &problem->subproblems[i];
        text_check(part->detail, 512);
        if (part->identifier != NULL)
            text_check(part->identifier, 512);
        CHECK((unsigned)part->type < PROBLEM_TYPE_N);
    }
}

static void err_check(const struct acme_problem *problem, int64_t retry_at_ms)
{
    struct err err = {0};
    CHECK(!acme_problem_err(problem, "newOrder", retry_at_ms, &err));
    CHECK(err.kind != ERR_NONE);
    CHECK(err.until_ms == 0 || (err.kind == ERR_THROTTLED && err.until_ms == retry_at_ms));
    CHECK(strncmp(err.text, "newOrder: ", 10) == 0);
    text_check(err.text, ERR_TEXT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *tree = NULL;
    if (size == 0)
        return 0;
    int status = 400 + data[0] % 200;
    if (!json_parse(str_mem(data + 1, size - 1), JSON_SIZE_MAX, &tree, NULL))
        tree = NULL;
    struct arena *arena = arena_new();
    struct acme_problem problem = *acme_problem_read(tree, status, arena);
    CHECK(problem.status == status);
    CHECK(status != 429 || problem.kind == ERR_THROTTLED || problem.kind == ERR_DENIED);
    json_free(tree);
    problem.algorithms = NULL;
    text_check(problem.detail, 900);
    text_check(problem.urn, 512);
    if (problem.instance != NULL)
        text_check(problem.instance, 512);
    parts_check(&problem);
    err_check(&problem, 0);
    err_check(&problem, 12345);
    arena_free(arena);
    return 0;
}
