/* SEES: base crypto io store config acme dns-providers inventory renewal distribution monitoring authority leader */
/* CMD: http/target.c http/credential.c http/routes.c http/ask.c http/answer.c output.c tree_print.c */
/*
 * Any request as the HTTP face reads it by itself: the request line, the Authorization header, the conditional headers and the body. Lines of the
 * input, in that order: method, target, Authorization, If-Match, If-None-Match; the rest is the body. What is refused is told as a problem in
 * JSON; what is taken is within its limits.
 */
#include "cmd/http/call.h"

static char pattern_all[] = "*", pass_name[] = "web";
static char *patterns[] = {pattern_all, NULL};

/* The routes are found, not run. */
#define X(id, method, path, may, run, query, body)                                                 \
    bool run(struct call *call, struct err *err)                                                   \
    {                                                                                              \
        (void)call;                                                                                \
        (void)err;                                                                                 \
        return true;                                                                               \
    }
HTTP_ROUTES(X)
#undef X

static char *line_take(struct str *rest)
{
    size_t end = str_find_char(*rest, '\n');
    char *line = mem_strndup(rest->p, end);
    *rest = end < rest->len ? str_mem(rest->p + end + 1, rest->len - end - 1)
                            : str_mem(rest->p + end, 0);
    return line;
}

static void text_check(const char *text)
{
    struct str rest = str_of(text);
    while (rest.len > 0) {
        size_t n = utf8_len(rest);
        CHECK(n > 0 && (unsigned char)rest.p[0] >= ' ' && rest.p[0] != 127);
        rest = str_mem(rest.p + n, rest.len - n);
    }
}

static void target_check(const struct target *target)
{
    CHECK(target->n_words <= TARGET_WORDS_MAX && target->n_fields <= TARGET_FIELDS_MAX);
    for (size_t i = 0; i < target->n_words; i++)
        text_check(target->words[i]);
    for (size_t i = 0; i < target->n_fields; i++) {
        text_check(target->fields[i].value);
        CHECK(target_field(target, target->fields[i].name) == target->fields[i].value);
    }
}

static void problem_check(const struct call *call)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    struct err err = {0};
    CHECK(call->status >= 400 && call->status < 600);
    CHECK(json_parse(buf_str(&call->text), JSON_SIZE_MAX, &tree, &err));
    CHECK(json_int(tree, "status", 0) == call->status);
    CHECK(json_text(tree, "detail")[0] != '\0');
}

static void taken_check(const struct call *call)
{
    CHECK(call->ttl_ms >= LOCK_TTL_LEAST_MS && call->ttl_ms <= LOCK_TTL_MOST_MS);
    CHECK(call->wait_until_boot_ms == 0 || call->wait_until_boot_ms > 0);
    if (call->route == &routes[ROUTE_LOCK_BEAT] || call->route == &routes[ROUTE_LOCK_DROP])
        CHECK(call->fencing >= 1);
    if (call->route == &routes[ROUTE_LOCK_TAKE])
        CHECK(strlen(call->client) <= LOCK_CLIENT_MAX);
    if (call->purpose != NULL)
        for (const char *c = call->purpose; *c != '\0'; c++)
            CHECK((unsigned char)*c >= ' ');
}

static void call_try(struct call *call, const char *method, const char *target,
                     const struct asked *asked)
{
    char allow[64];
    struct err err = {0};
    if (!target_parse(str_of(target), &call->target, &err)) {
        CHECK(err.kind == ERR_CONFIG && err.text[0] != '\0');
        return;
    }
    target_check(&call->target);
    call->route = route_find(method, &call->target, allow);
    if (call->route == NULL)
        return;
    if (http_call_read(call, asked))
        taken_check(call);
    else
        problem_check(call);
}

static void names_try(const struct call *call, const struct http_pass *pass)
{
    char **names = NULL;
    size_t n = 0;
    struct err err = {0};
    const struct json *order = json_find(call->body, "order");
    if (order != NULL &&
        ask_names(json_find(order, "names"), pass, "a.example.com", &names, &n, &err))
        ask_names_free(names, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_pass pass = {.name = pass_name, .is_token = true, .names = patterns};
    struct http_config config = {.passes = &pass, .n_passes = 1};
    struct house house = {.clock = &clock_system};
    struct http_face face = {.house = &house};
    struct str rest = str_mem(data, size);
    char *lines[5];
    for (size_t i = 0; i < 5; i++)
        lines[i] = line_take(&rest);
    struct call *call = NEW(struct call);
    call->face = &face;
    call->pass = &pass;
    buf_init(&call->text, ANSWER_MAX);
    credential_read(&call->credential, lines[2][0] != '\0' ? lines[2] : NULL, NULL, NULL);
    CHECK(!(call->credential.has_token && call->credential.is_odd));
    CHECK(credential_pass(&call->credential, &config) ==
          NULL); /* nobody knows a token of that hash */
    const struct asked asked = {.body = rest,
                                .if_match = lines[3][0] != '\0' ? lines[3] : NULL,
                                .if_none_match = lines[4][0] != '\0' ? lines[4] : NULL};
    call_try(call, lines[0], lines[1], &asked);
    if (call->body != NULL)
        names_try(call, &pass);
    http_call_free(call);
    for (size_t i = 0; i < 5; i++)
        mem_free(lines[i]);
    return 0;
}
