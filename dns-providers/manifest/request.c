#include "dns-providers/manifest/engine.h"

#include <stdio.h>

/* ---- the URL ---- */

/* "https://host:port" of a URL, or nothing. */
static struct str url_place(struct str url)
{
    size_t host = str_find(url, STR("://")) + 3;
    if (url.p == NULL || host >= url.len)
        return STR("");
    size_t end = host;
    while (end < url.len && strchr("/?#", url.p[end]) == NULL)
        end++;
    return str_mem(url.p, end);
}

static void query_join(struct engine *e, const struct veiled **url, const char *name,
                       const struct veiled *value, bool is_bare)
{
    AUTO(buf_fini)
    struct buf key = BUF(1024);
    struct str text = str_of(name);
    const struct veiled *plain = veiled_text(e->arena, text), *key_encoded = NULL;
    bool is_first = true;
    CHECK(veiled_call(e->arena, VEILED_ENC, &plain, 1, &key_encoded, NULL));
    AUTO(buf_fini)
    struct buf so_far = BUF(64 * 1024);
    veiled_format(*url, &so_far);
    is_first = str_find_char(buf_str(&so_far), '?') == so_far.len;
    buf_printf(&key, "%s%.*s%s", is_first ? "?" : "&", STR_ARG(veiled_plain(key_encoded)),
               is_bare ? "" : "=");
    *url = veiled_join(e->arena, *url, veiled_text(e->arena, buf_str(&key)));
    *url = veiled_join(e->arena, *url, value);
}

/* The texts of a parameter, encoded: one, those of a list, or those of a tree that makes a list. */
static bool texts_work_out(struct engine *e, const struct json *value, const struct veiled ***ret,
                           size_t *ret_n, struct err *err)
{
    struct tree_work *work = arena_alloc(e->arena, sizeof *work);
    struct json *made = NULL;
    work->context = engine_context(e);
    if (!tree_work_out(work, value, &made, err))
        return false;
    bool is_list = json_is(made, JSON_ARRAY);
    size_t n = is_list ? json_len(made) : made != NULL ? 1 : 0;
    const struct veiled **texts = arena_alloc(e->arena, (n + 1) * sizeof(*texts));
    for (size_t i = 0; i < n; i++) {
        const struct veiled *text = tree_text(work, is_list ? json_at(made, i) : made);
        if (!veiled_call(e->arena, VEILED_ENC, &text, 1, &texts[i], err))
            return false;
    }
    *ret = texts;
    *ret_n = n;
    return true;
}

static bool query_add(struct engine *e, const struct json *query, const struct veiled **url,
                      struct err *err)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    while (json_next(query, &position, &key, &value)) {
        const struct veiled **texts = NULL;
        size_t n = 0;
        if (json_is(value, JSON_NULL)) {
            query_join(e, url, key, NULL, true);
            continue;
        }
        if (!texts_work_out(e, value, &texts, &n, err))
            return err_wrap(err, "query %s", key);
        for (size_t i = 0; i < n; i++)
            query_join(e, url, key, texts[i], false);
    }
    return true;
}

static void number_add(struct engine *e, const struct veiled **url, const char *name, int64_t n)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)n);
    query_join(e, url, name, veiled_text(e->arena, str_of(digits)), false);
}

static void page_add(struct engine *e, const struct call_task *call, const struct veiled **url)
{
    const struct json *page = json_find(call->call, "page");
    const char *by = json_text(page, "by"), *param = json_text(page, "param");
    if (by == NULL || param == NULL)
        return;
    if (strcmp(by, "number") == 0)
        number_add(e, url, param, json_int(page, "first", 1) + call->page);
    else if (strcmp(by, "offset") == 0)
        number_add(e, url, param, call->page * json_int(page, "step", 100));
    else if (call->cursor != NULL) {
        const struct veiled *text = veiled_text(e->arena, str_of(call->cursor)), *safe = NULL;
        CHECK(veiled_call(e->arena, VEILED_ENC, &text, 1, &safe, NULL));
        query_join(e, url, param, safe, false);
    }
}

/* "{sess.X}": where the login sent us. https, or what the administrator's base_url names; below service_host, when that is set. */
static bool base_told(struct engine *e, const char *template, const struct veiled **ret,
                      const char **ret_told, struct err *err)
{
    struct template_context context = engine_context(e);
    const char *base_url = json_text(e->job->settings, "base_url");
    const char *only = json_text(e->job->settings, "service_host");
    if (!template_text(&context, template, ret, NULL))
        return err_set(err, ERR_CONFIG,
                       "the login does not tell where the service is: see the options by which it "
                       "is chosen");
    struct str url = veiled_is_plain(*ret) ? veiled_plain(*ret) : STR("");
    struct str place = url_place(url), own = url_place(str_of(base_url));
    struct str host = str_mem(place.p + 8, place.len > 8 ? place.len - 8 : 0);
    bool is_own = base_url != NULL && place.len > 0 && str_eq_nocase(place, own);
    if (!is_own && !str_starts(place, STR("https://")))
        return err_set(err, ERR_REFUSED, "the login says that the service is at %.*s: not https",
                       STR_ARG(url));
    host.len = str_find_char(host, ':');
    size_t len = only != NULL ? strlen(only) : 0;
    bool is_below = host.len >= len &&
                    str_eq_nocase(str_mem(host.p + host.len - len, len), str_of(only)) &&
                    (host.len == len || host.p[host.len - len - 1] == '.');
    if (only != NULL && !is_own && !is_below)
        return err_set(err, ERR_REFUSED,
                       "the login says that the service is at %.*s, which service_host %s excludes",
                       STR_ARG(place), only);
    *ret_told = arena_strndup(e->arena, url.p, url.len);
    return true;
}

static bool base_build(struct engine *e, const struct json *call, const struct veiled **ret,
                       const char **ret_told, struct err *err)
{
    struct template_context context = engine_context(e);
    const char *base = json_text(call, "base"), *own = json_text(e->tree, "base");
    const char *elsewhere = json_text(e->job->settings, "base_url");
    bool is_told = base != NULL && str_starts(str_of(base), STR("{sess."));
    if (is_told)
        return base_told(e, base, ret, ret_told, err);
    if (elsewhere == NULL)
        return template_text(&context, base != NULL ? base : own, ret, err);
    *ret = veiled_text(e->arena, str_of(elsewhere));
    return true;
}

static bool url_build(struct engine *e, const struct call_task *call, const struct json *auth,
                      const struct veiled **ret, const char **ret_told, struct err *err)
{
    struct template_context context = engine_context(e);
    const struct veiled *url = NULL, *path = NULL;
    if (!base_build(e, call->call, &url, ret_told, err))
        return err_wrap(err, "base");
    if (call->next_url != NULL) {
        *ret = veiled_text(e->arena, str_of(call->next_url));
        return true;
    }
    context.in_path = true;
    if (!template_text(&context, json_text(call->call, "path"), &path, err))
        return err_wrap(err, "path");
    /* "https://host/" and "/path" make one slash. */
    if (veiled_is_plain(url) && str_ends(veiled_plain(url), STR("/"))) {
        struct str text = veiled_plain(url);
        url = veiled_text(e->arena, str_mem(text.p, text.len - 1));
    }
    url = veiled_join(e->arena, url, path);
    if (!query_add(e, json_find(call->call, "query"), &url, err) ||
        !query_add(e, json_find(auth, "query"), &url, err))
        return false;
    page_add(e, call, &url);
    *ret = url;
    return true;
}

/* ---- the body ---- */

static void form_join(struct engine *e, const struct veiled **body, const char *key,
                      const struct veiled *text)
{
    const struct veiled *plain = veiled_text(e->arena, str_of(key)), *name = NULL;
    CHECK(veiled_call(e->arena, VEILED_ENC, &plain, 1, &name, NULL));
    if (*body != NULL)
        *body = veiled_join(e->arena, *body, veiled_text(e->arena, STR("&")));
    *body = veiled_join(e->arena, *body, name);
    *body = veiled_join(e->arena, *body, veiled_text(e->arena, STR("=")));
    *body = veiled_join(e->arena, *body, text);
}

static bool form_add(struct engine *e, const struct json *form, const struct veiled **body,
                     struct err *err)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    while (json_next(form, &position, &key, &value)) {
        const struct veiled **texts = NULL;
        size_t n = 0;
        if (!texts_work_out(e, value, &texts, &n, err))
            return err_wrap(err, "form %s", key);
        for (size_t i = 0; i < n; i++)
            form_join(e, body, key, texts[i]);
    }
    return true;
}

static bool json_body(struct engine *e, const struct json *own, const struct json *auth,
                      const struct veiled **ret, struct err *err)
{
    struct template_context context = engine_context(e);
    const struct json *tree = own != NULL ? own : auth;
    if (own != NULL && auth != NULL) {
        struct json *list = json_push(json_push(json_array(), json_copy(own)), json_copy(auth));
        tree = json_in_arena(e->arena, json_set(json_object(), "$merge", list));
    }
    return tree_render(&context, tree, ret, err) || err_wrap(err, "json");
}

static bool body_build(struct engine *e, const struct json *call, const struct json *auth,
                       const struct veiled **ret, const char **ret_type, struct err *err)
{
    struct template_context context = engine_context(e);
    const struct json *json = json_find(call, "json"), *form = json_find(call, "form");
    bool has_body = strcmp(json_text(call, "method"), "GET") != 0;
    const struct json *auth_json = has_body ? json_find(auth, "json") : NULL;
    const struct json *auth_form = has_body ? json_find(auth, "form") : NULL;
    *ret = NULL;
    *ret_type = NULL;
    if (json_text(call, "text") != NULL) {
        *ret_type = "text/plain; charset=utf-8";
        return template_text(&context, json_text(call, "text"), ret, err);
    }
    if (json_find(call, "xml") != NULL) {
        *ret_type = "text/xml; charset=utf-8";
        return tree_xml(&context, json_find(call, "xml"), ret, err) || err_wrap(err, "xml");
    }
    if (json != NULL || auth_json != NULL) {
        *ret_type = "application/json";
        return json_body(e, json, auth_json, ret, err);
    }
    if (form == NULL && auth_form == NULL)
        return true;
    *ret_type = "application/x-www-form-urlencoded";
    return form_add(e, form, ret, err) && form_add(e, auth_form, ret, err);
}

/* ---- headers ---- */

static bool is_given(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (str_eq_nocase(str_of(r->headers[i].name), str_of(name)))
            return true;
    return false;
}

static bool header_put(struct request *r, const char *name, const struct veiled *value,
                       struct err *err)
{
    if (r->n_headers == sizeof r->headers / sizeof r->headers[0])
        return err_set(err, ERR_CONFIG, "too many headers");
    r->headers[r->n_headers].name = name;
    r->headers[r->n_headers++].value = value;
    return true;
}

static bool headers_add(struct engine *e, const struct json *headers, struct request *r,
                        struct err *err)
{
    struct tree_work *work = arena_alloc(e->arena, sizeof *work);
    const struct json *value;
    const char *key;
    void *position = NULL;
    work->context = engine_context(e);
    while (json_next(headers, &position, &key, &value)) {
        struct json *made = NULL;
        if (!tree_work_out(work, value, &made, err))
            return err_wrap(err, "header %s", key);
        if (made != NULL && !is_given(r, key) && !header_put(r, key, tree_text(work, made), err))
            return false;
    }
    return true;
}

static bool basic_add(struct engine *e, const struct json *basic, struct request *r,
                      struct err *err)
{
    struct template_context context = engine_context(e);
    const struct veiled *three[3] = {NULL, veiled_text(e->arena, STR(":")), NULL}, *made = NULL;
    if (basic == NULL)
        return true;
    return template_text(&context, json_as_text(json_at(basic, 0)), &three[0], err) &&
           template_text(&context, json_as_text(json_at(basic, 1)), &three[2], err) &&
           veiled_call(e->arena, VEILED_B64, three, 3, &made, err) &&
           header_put(r, "Authorization",
                      veiled_join(e->arena, veiled_text(e->arena, STR("Basic ")), made), err);
}

/* ---- authentication ---- */

/* The entry whose condition holds; NULL: none is needed. */
static bool auth_choose(struct engine *e, const struct json *call, const struct json **ret,
                        struct err *err)
{
    const struct json *own = json_find(call, "auth");
    const struct json *list = own != NULL ? own : json_find(e->tree, "auth");
    struct template_context context = engine_context(e);
    *ret = NULL;
    if (json_as_text(own) != NULL) /* "none" */
        return true;
    for (size_t i = 0; i < json_len(list) && *ret == NULL; i++) {
        const struct json *cond = json_find(json_at(list, i), "if");
        bool holds = true;
        if (cond != NULL && !cond_holds(&context, cond, NULL, &holds, err))
            return err_wrap(err, "auth");
        if (holds)
            *ret = json_at(list, i);
    }
    return true;
}

static bool lets_add(struct engine *e, const struct json *lets, struct err *err)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    while (json_next(lets, &position, &key, &value)) {
        struct tree_work *work = arena_alloc(e->arena, sizeof *work);
        struct json *made = NULL;
        work->context = engine_context(e);
        if (!tree_work_out(work, value, &made, err))
            return err_wrap(err, "let %s", key);
        if (!let_bind(e, arena_printf(e->arena, "let.%s", key),
                      made != NULL ? tree_text(work, made) : NULL, err))
            return false;
    }
    return true;
}

/* A call may say of what type its body is. */
static const char *type_of(const struct request *r, const char *otherwise)
{
    for (size_t i = 0; i < r->n_headers; i++)
        if (str_eq_nocase(str_of(r->headers[i].name), STR("Content-Type")) &&
            veiled_is_plain(r->headers[i].value))
            return veiled_plain(r->headers[i].value).p;
    return otherwise;
}

bool request_build(struct engine *e, const struct call_task *call, struct request *ret,
                   struct err *err)
{
    const struct json *auth = NULL;
    const char *type = NULL;
    *ret = (struct request){.method = json_text(call->call, "method")};
    e->n_lets = 0;
    bool ok = auth_choose(e, call->call, &auth, err) &&
              lets_add(e, json_find(call->call, "let"), err) &&
              url_build(e, call, auth, &ret->url, &ret->told_base, err) &&
              body_build(e, call->call, auth, &ret->body, &type, err);
    ok = ok && headers_add(e, json_find(call->call, "headers"), ret, err) &&
         request_bind(e, ret, type_of(ret, type), err) &&
         lets_add(e, json_find(auth, "let"), err) &&
         headers_add(e, json_find(auth, "headers"), ret, err) &&
         basic_add(e, json_find(auth, "basic"), ret, err);
    const struct veiled *cookies = ok ? cookies_for(e, ret->url) : NULL;
    if (cookies != NULL && !is_given(ret, "Cookie"))
        ok = header_put(ret, "Cookie", cookies, err);
    if (ok && type != NULL && !is_given(ret, "Content-Type"))
        ok = header_put(ret, "Content-Type", veiled_text(e->arena, str_of(type)), err);
    if (ok && !is_given(ret, "Accept") && json_text(call->call, "accept") == NULL)
        ok = header_put(ret, "Accept", veiled_text(e->arena, STR("application/json")), err);
    e->n_lets = 0;
    return ok;
}

static const char *wish_text(struct engine *e, const char *before, const struct veiled *text)
{
    AUTO(buf_fini)
    struct buf out = BUF(8 * JSON_SIZE_MAX);
    buf_add_cstr(&out, before);
    veiled_format(text, &out);
    return arena_strndup(e->arena, buf_cstr(&out), out.len);
}

void request_wish(struct engine *e, const struct request *request, struct dns_wish *ret)
{
    const char **headers = arena_alloc(e->arena, (request->n_headers + 1) * sizeof(*headers));
    for (size_t i = 0; i < request->n_headers; i++)
        headers[i] = wish_text(e, arena_printf(e->arena, "%s: ", request->headers[i].name),
                               request->headers[i].value);
    *ret = (struct dns_wish){
        .kind = DNS_WISH_HTTP,
        .http = {.method = request->method,
                 .url = wish_text(e, "", request->url),
                 .headers = headers,
                 .body = request->body != NULL ? str_of(wish_text(e, "", request->body)) : STR_NONE,
                 .is_encoded = true,
                 .told_base = request->told_base,
                 .owner = json_text(e->name, "fqdn")},
    };
}
