#include "dns-providers/manifest/engine.h"

#include "base/clock.h"
#include "base/xml.h"

enum { TEXT_SHOWN_MAX = 200, ANSWER_MAX = 8 * 1024 * 1024, ARRAYS_MAX = 32 };

/* ---- bodies ---- */

/* Up to a blank, a tab or the end of the line. */
static size_t word_len(struct str text)
{
    size_t n = 0;
    while (n < text.len && strchr(" \t\r\n", text.p[n]) == NULL)
        n++;
    return n;
}

/* A text answer as a tree: {text, word, rest, lines: [[field]]}, so that pointers reach all of it. */
static struct json *text_tree(struct str body)
{
    struct json *tree = json_object(), *lines = json_array();
    struct str rest = str_trim(body), line;
    size_t blank = word_len(rest);
    json_set_str(tree, "text", rest);
    json_set_str(tree, "word", str_mem(rest.p, blank));
    json_set_str(tree, "rest", str_trim(str_mem(rest.p + blank, rest.len - blank)));
    for (int n = 0; n < 10000 && str_split(&rest, '\n', &line); n++) {
        struct json *fields = json_array();
        struct str left = str_trim(line);
        for (size_t len; left.len > 0; left = str_trim(str_mem(left.p + len, left.len - len))) {
            len = word_len(left);
            json_push(fields, json_new_text_str(str_mem(left.p, len)));
        }
        json_push(lines, fields);
    }
    return json_set(tree, "lines", lines);
}

static bool xml_tree(const struct json *call, struct str body, struct json **ret)
{
    const char *arrays[ARRAYS_MAX + 1] = {NULL};
    const struct json *places = json_find(call, "arrays");
    for (size_t i = 0; i < json_len(places) && i < ARRAYS_MAX; i++)
        arrays[i] = json_as_text(json_at(places, i));
    /* A page of a server in front may well be XML too. */
    return !str_eq_nocase(str_mem(body.p, body.len < 5 ? body.len : 5), STR("<html")) &&
           xml_parse(body, ANSWER_MAX, arrays, ret, NULL);
}

/* Servers put a byte order mark, blanks or nothing at all where JSON is due. */
static struct json *body_tree(struct engine *e, const struct json *call,
                              const struct dns_answer *answer)
{
    const char *accept = json_text(call, "accept");
    struct json *tree = NULL;
    struct str body = answer->body;
    if (accept != NULL && strcmp(accept, "none") == 0)
        return NULL;
    if (accept != NULL && strcmp(accept, "text") == 0)
        return json_in_arena(e->arena, text_tree(body));
    if (str_starts(body, STR("\xef\xbb\xbf")))
        body = str_mem(body.p + 3, body.len - 3);
    body = str_trim(body);
    bool is_xml = accept != NULL && strcmp(accept, "xml") == 0;
    if (body.len == 0 ||
        !(is_xml ? xml_tree(call, body, &tree) : json_parse(body, ANSWER_MAX, &tree, NULL)))
        return NULL;
    return json_in_arena(e->arena, tree);
}

/* ---- picks ---- */

static const struct json *header_find(struct engine *e, const char *name,
                                      const struct dns_answer *answer)
{
    const char *value =
        answer != NULL && answer->header != NULL ? answer->header(answer, name) : NULL;
    return value != NULL ? json_in_arena(e->arena, json_new_text(value)) : NULL;
}

struct picking {
    const struct where *where;
    const struct json *found;
};

static bool element_pick(void *arg, const struct json *element)
{
    struct picking *p = arg;
    if (!where_holds(p->where, element))
        return true;
    p->found = element;
    return false;
}

static const struct json *item_pick(struct engine *e, const struct json *pick,
                                    const struct json *tree)
{
    struct picking p = {where_make(e, json_find(pick, "where")), NULL};
    const char *items = json_text(pick, "items");
    AUTO(mem_fini)
    char *each = mem_printf("%s/*", items);
    pointer_each(tree, each, element_pick, &p);
    return p.found != NULL ? pick_find(e, json_find(pick, "ptr"), p.found, NULL) : NULL;
}

const struct json *pick_find(struct engine *e, const struct json *pick, const struct json *tree,
                             const struct dns_answer *answer)
{
    const char *text = json_as_text(pick);
    if (text != NULL && str_starts(str_of(text), STR("header:")))
        return header_find(e, text + strlen("header:"), answer);
    if (text != NULL)
        return pointer_find(tree, text);
    if (json_is(pick, JSON_OBJECT))
        return item_pick(e, pick, tree);
    for (size_t i = 0; i < json_len(pick); i++) {
        const struct json *found = pick_find(e, json_at(pick, i), tree, answer);
        if (found != NULL && !json_is(found, JSON_NULL))
            return found;
    }
    return NULL;
}

/* ---- classes ---- */

static const struct {
    const char *name;
    enum reply_class class;
} classes[] = {
    {"auth", REPLY_AUTH},         {"retry", REPLY_RETRY},     {"limit", REPLY_LIMIT},
    {"conflict", REPLY_CONFLICT}, {"present", REPLY_PRESENT}, {"gone", REPLY_GONE},
    {"absent", REPLY_ABSENT},     {"busy", REPLY_BUSY},       {"user", REPLY_USER},
};

/* Codes compare as texts; one that ends in "*" is a prefix. */
static bool code_fits(struct engine *e, const struct json *wanted, const char *code)
{
    struct value value = value_of_json(wanted);
    struct str text = str_of(value_plain(e->arena, &value));
    if (str_ends(text, STR("*")))
        return str_starts(str_of(code), str_mem(text.p, text.len - 1));
    return str_eq(text, str_of(code));
}

static bool class_of_code(struct engine *e, const struct json *table, const char *code,
                          enum reply_class *ret)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        const struct json *codes = json_find(table, classes[i].name);
        for (size_t j = 0; j < json_len(codes); j++) {
            if (!code_fits(e, json_at(codes, j), code))
                continue;
            *ret = classes[i].class;
            return true;
        }
    }
    return false;
}

struct code_search {
    struct engine *engine;
    const struct json *own, *shared, *pick, *text;
    enum reply_class class;
    bool found;
};

static bool pick_classify(struct code_search *s, const struct json *pick, const struct json *error)
{
    const struct json *code = pick != NULL ? pick_find(s->engine, pick, error, NULL) : NULL;
    struct value value = value_of_json(code);
    const char *text = code != NULL ? value_plain(s->engine->arena, &value) : NULL;
    return text != NULL && (class_of_code(s->engine, s->own, text, &s->class) ||
                            class_of_code(s->engine, s->shared, text, &s->class));
}

/* Where one code means several things, only the text tells them apart. */
static bool error_look(void *arg, const struct json *error)
{
    struct code_search *s = arg;
    s->found = pick_classify(s, s->text, error) || pick_classify(s, s->pick, error);
    return !s->found;
}

/* A code in the body says more than the status, which says more than nothing. */
static bool class_by_code(struct engine *e, const struct json *call, const struct json *tree,
                          int status, enum reply_class *ret)
{
    const struct json *result = json_find(e->tree, "result"), *error = json_find(result, "error");
    const char *items = json_text(error, "items");
    struct code_search search = {.engine = e,
                                 .own = json_find(call, "class"),
                                 .shared = json_find(result, "class"),
                                 .pick = json_find(error, "code"),
                                 .text = json_find(error, "text")};
    AUTO(mem_fini)
    char *each = items != NULL ? mem_printf("%s/*", items) : mem_strdup("");
    if (error != NULL)
        pointer_each(tree, each, error_look, &search);
    AUTO(mem_fini)
    char *number = mem_printf("%d", status);
    search.found = search.found || class_of_code(e, search.own, number, &search.class) ||
                   class_of_code(e, search.shared, number, &search.class);
    *ret = search.class;
    return search.found;
}

static bool status_in(const struct json *call, const char *member, int status)
{
    const struct json *list = json_find(call, member);
    for (size_t i = 0; i < json_len(list); i++)
        if (json_as_int(json_at(list, i), 0) == status)
            return true;
    return false;
}

static enum reply_class class_by_status(const struct json *call, int status)
{
    if (status_in(call, "absent", status))
        return REPLY_ABSENT;
    if (status_in(call, "gone", status))
        return REPLY_GONE;
    if (status_in(call, "present", status))
        return REPLY_PRESENT;
    bool is_good = json_find(call, "status") != NULL ? status_in(call, "status", status)
                                                     : status >= 200 && status <= 299;
    if (is_good)
        return REPLY_OK;
    if (status == 401)
        return REPLY_AUTH;
    if (status == 408 || status == 425 || status == 429 || status >= 500)
        return REPLY_RETRY;
    return REPLY_FAILED;
}

static enum reply_class class_find(struct engine *e, const struct json *call,
                                   const struct json *tree, int status)
{
    const struct json *ok = json_find(json_find(e->tree, "result"), "ok");
    struct template_context context = engine_context(e);
    enum reply_class by_status = class_by_status(call, status), by_code;
    bool holds = true;
    if (by_status == REPLY_ABSENT || by_status == REPLY_GONE || by_status == REPLY_PRESENT)
        return by_status;
    if (by_status == REPLY_OK && ok != NULL && !cond_holds(&context, ok, tree, &holds, NULL))
        holds = false;
    if (by_status == REPLY_OK && holds)
        return REPLY_OK;
    if (class_by_code(e, call, tree, status, &by_code))
        return by_code;
    return by_status == REPLY_OK ? REPLY_FAILED : by_status;
}

/* A page of a server in front, or half an answer, where more than its status was to be judged. */
static bool is_unread(const struct engine *e, const struct reply *reply, int status)
{
    return reply->class == REPLY_FAILED && reply->tree == NULL && status >= 200 && status <= 299 &&
           json_find(json_find(e->tree, "result"), "ok") != NULL;
}

/* ---- when again, and what it says ---- */

static int64_t retry_after(struct engine *e, const struct json *tree,
                           const struct dns_answer *answer)
{
    const struct json *picks = json_find(json_find(e->tree, "result"), "retry_after");
    const struct json *told = picks != NULL ? pick_find(e, picks, tree, answer) : NULL;
    struct value value = value_of_json(told != NULL ? told : header_find(e, "Retry-After", answer));
    const char *text = value.kind != VALUE_NONE ? value_plain(e->arena, &value) : NULL;
    int64_t seconds, at_ms;
    if (text == NULL)
        return -1;
    if (str_to_i64(str_of(text), &seconds))
        return seconds < 0 ? 0 : seconds > 86400 ? MS_DAY : seconds * MS_SECOND;
    if (time_parse_http(str_of(text), &at_ms))
        return at_ms > e->job->now_ms ? at_ms - e->job->now_ms : 0;
    return -1;
}

static const char *reply_text(struct engine *e, const struct json *tree,
                              const struct dns_answer *answer)
{
    const struct json *error = json_find(json_find(e->tree, "result"), "error");
    const char *items = json_text(error, "items");
    const struct json *at = items != NULL ? json_at(pointer_find(tree, items), 0) : tree;
    const struct json *found = pick_find(e, json_find(error, "text"), at, answer);
    struct value value = value_of_json(found);
    AUTO(buf_fini)
    struct buf out = BUF(4 * TEXT_SHOWN_MAX);
    const char *text = found != NULL ? value_plain(e->arena, &value) : NULL;
    struct str shown = text != NULL   ? str_of(text)
                       : tree == NULL ? str_trim(answer->body)
                                      : STR("");
    if (str_starts(shown, STR("<?xml")))
        shown = STR("an XML document");
    else if (str_starts(shown, STR("<")))
        shown = STR("an HTML page");
    AUTO(buf_fini)
    struct buf hidden = BUF(4 * ANSWER_MAX);
    session_hide(e, shown, &hidden);
    text_escape(&out, buf_str(&hidden), TEXT_SHOWN_MAX);
    return arena_strdup(e->arena, buf_cstr(&out));
}

void reply_read(struct engine *e, const struct json *call, const struct dns_answer *answer,
                struct reply *ret)
{
    *ret = (struct reply){.tree = body_tree(e, call, answer), .retry_after_ms = -1, .text = ""};
    ret->class = class_find(e, call, ret->tree, answer->status);
    if (ret->class == REPLY_OK)
        return;
    ret->is_unread = is_unread(e, ret, answer->status);
    if (ret->is_unread)
        ret->class = REPLY_RETRY;
    ret->retry_after_ms = retry_after(e, ret->tree, answer);
    ret->text = reply_text(e, ret->tree, answer);
}
