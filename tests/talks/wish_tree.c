#include "wish_tree.h"

#include "dns-providers/veiled.h"

enum { INPUT_SHOWN_MAX = 1000 };

static struct json *texts_tree(const char *const *texts)
{
    struct json *array = json_array();
    for (; texts != NULL && *texts != NULL; texts++)
        json_push_text(array, *texts);
    return array;
}

/* A JSON body is compared as a tree: the order of its members means nothing. */
static void body_set(struct json *object, struct str body)
{
    struct json *tree = NULL;
    if (body.len == 0)
        return;
    if (json_parse(body, JSON_SIZE_MAX, &tree, NULL) &&
        (json_is(tree, JSON_OBJECT) || json_is(tree, JSON_ARRAY))) {
        json_set(object, "json", tree);
        return;
    }
    json_free(tree);
    json_set_str(object, "body", body);
}

static struct json *http_tree(const struct dns_wish_http *http)
{
    struct json *tree = json_object();
    json_set_text(tree, "method", http->method);
    json_set_text(tree, "url", http->url);
    if (http->headers != NULL)
        json_set(tree, "headers", texts_tree(http->headers));
    body_set(tree, http->body);
    if (http->told_base != NULL)
        json_set_text(tree, "told_base", http->told_base);
    return tree;
}

static struct json *update_tree(const struct dns_wish_update *update)
{
    struct json *tree = json_object();
    if (update->server != NULL)
        json_set_text(tree, "server", update->server);
    json_set_text(tree, "transport", update->udp_first ? "udp" : "tcp");
    if (update->tsig_name != NULL || update->tsig_algorithm != NULL ||
        update->tsig_secret != NULL) {
        struct json *tsig = json_object();
        json_set_text(tsig, "name", update->tsig_name);
        json_set_text(tsig, "algorithm", update->tsig_algorithm);
        json_set_text(tsig, "secret", update->tsig_secret);
        json_set(tree, "tsig", tsig);
    }
    json_set_int(tree, "from", (int64_t)update->from);
    return json_set_int(tree, "n", (int64_t)update->n);
}

static struct json *run_tree(const struct dns_wish_run *run)
{
    struct json *tree = json_object();
    json_set(tree, "argv", texts_tree(run->argv));
    json_set(tree, "environment", texts_tree(run->environment));
    struct str input = run->input, line = input;
    if (input.len > INPUT_SHOWN_MAX)
        str_split(&input, '\n', &line); /* a whole program: its first line names it */
    if (line.len > 0)
        json_set_str(tree, "input", line);
    if (run->secret_environment != NULL)
        json_set(tree, "secret_environment", texts_tree(run->secret_environment));
    if (run->errors_apart)
        json_set_bool(tree, "errors_apart", true);
    return json_set_int(tree, "timeout_ms", run->timeout_ms);
}

static struct json *fail_tree(const struct err *err)
{
    struct json *tree = json_object();
    json_set_text(tree, "kind", err_kind_name(err->kind));
    json_set_text(tree, "text", err->text);
    if (err->until_ms != 0)
        json_set_int(tree, "until_ms", err->until_ms);
    return tree;
}

/* ---- what a talk expects ---- */

static struct json *text_settle(struct arena *arena, const char *text)
{
    AUTO(buf_fini)
    struct buf out = BUF(JSON_SIZE_MAX);
    const struct veiled *veiled = NULL;
    if (strstr(text, "{{") == NULL || !veiled_parse(arena, str_of(text), &veiled, NULL))
        return json_new_text(text);
    veiled_format(veiled, &out);
    return json_new_text_str(buf_str(&out));
}

static struct json *settle(struct arena *arena, const struct json *tree)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    if (json_as_text(tree) != NULL)
        return text_settle(arena, json_as_text(tree));
    if (!json_is(tree, JSON_OBJECT) && !json_is(tree, JSON_ARRAY))
        return json_copy(tree);
    struct json *made = json_is(tree, JSON_ARRAY) ? json_array() : json_object();
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree); i++)
        json_push(made, settle(arena, json_at(tree, i)));
    while (json_is(tree, JSON_OBJECT) && json_next(tree, &position, &key, &value))
        json_set(made, key, settle(arena, value));
    return made;
}

struct json *wish_settle(const struct json *expected)
{
    struct arena *arena = arena_new();
    struct json *made = settle(arena, expected);
    arena_free(arena);
    return made;
}

struct json *wish_tree(const struct dns_wish *wish)
{
    struct json *tree = json_object();
    switch (wish->kind) {
    case DNS_WISH_HTTP:
        return json_set(tree, "http", http_tree(&wish->http));
    case DNS_WISH_UPDATE:
        return json_set(tree, "update", update_tree(&wish->update));
    case DNS_WISH_RUN:
        return json_set(tree, "run", run_tree(&wish->run));
    case DNS_WISH_SLEEP:
        return json_set_int(tree, "sleep_ms", wish->sleep_ms);
    case DNS_WISH_DONE:
        return json_set_bool(tree, "done", true);
    case DNS_WISH_FAIL:
        return json_set(tree, "fail", fail_tree(&wish->err));
    }
    CHECK(false); /* a wish of no kind */
    return tree;
}

static const char *answer_header(const struct dns_answer *answer, const char *name)
{
    const struct talk_answer *a = (const struct talk_answer *)(const void *)answer;
    const struct json *headers = json_find(a->tree, "headers");
    const char *key;
    const struct json *value;
    for (void *at = NULL; json_next(headers, &at, &key, &value);)
        if (str_eq_nocase(str_of(key), str_of(name)))
            return json_as_text(value);
    return NULL;
}

/* A misspelt member would make a talk that tests nothing. */
static bool answer_check(const struct json *tree, struct err *err)
{
    static const char *const known[] = {"status", "headers",   "json", "body",
                                        "exit",   "timed_out", "err",  "errors"};
    const char *key;
    const struct json *value;
    if (!json_is(tree, JSON_OBJECT))
        return err_set(err, ERR_BROKEN, "an answer is missing");
    for (void *at = NULL; json_next(tree, &at, &key, &value);) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            found = found || strcmp(known[i], key) == 0;
        if (!found)
            return err_set(err, ERR_BROKEN, "answer: unknown member %s", key);
    }
    return true;
}

static char *answer_body(const struct json *tree)
{
    const struct json *body = json_find(tree, "json");
    if (body == NULL)
        return mem_strdup(json_text(tree, "body") != NULL ? json_text(tree, "body") : "");
    struct buf out = BUF(JSON_SIZE_MAX);
    json_format(body, &out, false);
    return buf_take(&out);
}

bool talk_answer_init(struct talk_answer *a, const struct json *tree, struct err *err)
{
    *a = (struct talk_answer){.tree = tree};
    if (!answer_check(tree, err))
        return false;
    const struct json *failure = json_find(tree, "err");
    if (failure != NULL) {
        enum err_kind kind = err_kind_find(json_text(failure, "kind"));
        if (kind == ERR_NONE)
            return err_set(err, ERR_BROKEN, "answer: err: unknown kind");
        err_set(&a->err, kind, "%s", json_text(failure, "text"));
        a->err.until_ms = json_int(failure, "until_ms", 0);
    }
    a->body = answer_body(tree);
    a->answer = (struct dns_answer){
        .err = failure != NULL ? &a->err : NULL,
        .status = (int)json_int(tree, "status", 0),
        .header = answer_header,
        .body = str_of(a->body),
        .exit_code = (int)json_int(tree, "exit", 0),
        .timed_out = json_bool(tree, "timed_out", false),
        .errors = str_of(json_text(tree, "errors")),
    };
    return true;
}

void talk_answer_fini(struct talk_answer *a)
{
    mem_free(a->body);
}
