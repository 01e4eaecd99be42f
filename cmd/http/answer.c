#include "cmd/http/call.h"

#include <inttypes.h>
#include <stdio.h>

static const struct {
    const char *name;
    int status;
    const char *title;
} problems[] = {
#define X(id, name, status, title) [PROBLEM_##id] = {name, status, title},
    HTTP_PROBLEMS(X)
#undef X
};

int problem_status(enum problem problem)
{
    return problems[problem].status;
}

void http_call_field(struct call *call, const char *name, const char *fmt, ...)
{
    va_list ap;
    CHECK(call->n_fields < CALL_FIELDS_MAX);
    call->fields[call->n_fields].name = name;
    va_start(ap, fmt);
    vsnprintf(call->fields[call->n_fields].value, sizeof call->fields[0].value, fmt, ap);
    va_end(ap);
    call->n_fields++;
}

static void tree_put(struct call *call, int status, const char *type, const struct json *tree)
{
    buf_clear(&call->text);
    json_format(tree, &call->text, false);
    buf_add_char(&call->text, '\n');
    CHECK(!call->text.overflow);
    call->status = status;
    call->type = type;
}

void http_call_json(struct call *call, int status, struct json *take)
{
    tree_put(call, status, "application/json", take);
    json_free(take);
}

void http_call_problem(struct call *call, enum problem problem, struct json *more, const char *fmt,
                       ...)
{
    va_list ap;
    AUTO(buf_fini)
    struct buf detail = BUF(2 * ERR_TEXT_MAX), clean = BUF(4 * ERR_TEXT_MAX);
    AUTO(json_fini)
    struct json *tree = json_object();
    va_start(ap, fmt);
    buf_vprintf(&detail, fmt, ap);
    va_end(ap);
    text_escape(&clean, buf_str(&detail), 2000);
    AUTO(mem_fini)
    char *type = mem_printf("urn:chancery:problem:%s", problems[problem].name);
    json_set_text(tree, "type", type);
    json_set_text(tree, "title", problems[problem].title);
    json_set_int(tree, "status", problems[problem].status);
    json_set_text(tree, "detail", buf_cstr(&clean));
    const char *key;
    const struct json *value;
    for (size_t i = 0; more != NULL && json_member(more, i, &key, &value); i++)
        json_set(tree, key, json_copy(value));
    json_free(more);
    call->n_fields = 0;
    tree_put(call, problems[problem].status, "application/problem+json", tree);
    if (problem == PROBLEM_UNAUTHORIZED)
        http_call_field(call, "WWW-Authenticate", "Bearer realm=\"chancery\"");
    if (problem == PROBLEM_NO_STORE || problem == PROBLEM_TOO_MANY_WAIT)
        http_call_field(call, "Retry-After", "%d", RETRY_AFTER_S);
}

void http_call_free(struct call *call)
{
    if (call == NULL)
        return;
    list_remove(&call->link);
    buf_fini(&call->text);
    json_free(call->body);
    mem_free(call->name);
    mem_free(call->client);
    mem_free(call->purpose);
    mem_free(call);
}

void http_call_send(struct call *call)
{
    struct http_field fields[CALL_FIELDS_MAX + 3];
    size_t n = 0, row = call->route != NULL ? (size_t)(call->route - routes) : ROUTE_N;
    CHECK(call->status >= 100 && call->status < 600);
    call->face->n_answers[row][call->status / 100]++;
    if (call->x != NULL) {
        fields[n++] = (struct http_field){"Content-Type", call->type};
        fields[n++] = (struct http_field){"Cache-Control", "no-store"};
        fields[n++] = (struct http_field){"X-Content-Type-Options", "nosniff"};
        for (size_t i = 0; i < call->n_fields; i++)
            fields[n++] = (struct http_field){call->fields[i].name, call->fields[i].value};
        exchange_answer(call->x, call->status, fields, n, buf_str(&call->text));
    }
    http_call_free(call);
}
