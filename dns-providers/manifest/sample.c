/*
 * A made-up answer: a tree that holds whatever the call, and the part of the manifest it serves, looks for.
 */
#include "dns-providers/manifest/dry_run.h"

#include "dns-providers/manifest/model.h"

enum { INDEX_MAX = 8 };

struct sampling {
    struct engine *engine;
    const struct call_task *asked;
    const struct json *call;
    bool digits, holds;
    struct json *tree; /* NULL: nothing yet */
};

/* ---- values into trees ---- */

/* The next step of a pointer; its own escapes are taken away. */
static bool step_next(const char **pointer, char out[128])
{
    size_t n = 0;
    if (**pointer != '/')
        return false;
    for (++*pointer; **pointer != '\0' && **pointer != '/' && n < 127; ++*pointer) {
        char c = **pointer;
        if (c == '~' && ((*pointer)[1] == '0' || (*pointer)[1] == '1'))
            c = *++*pointer == '0' ? '~' : '/';
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static bool step_is_index(const char *step, size_t *ret)
{
    int64_t index = 0;
    bool is = strcmp(step, "*") == 0 || (str_to_i64(str_of(step), &index) && index >= 0);
    *ret = (size_t)(index < INDEX_MAX ? index : INDEX_MAX);
    return is;
}

static struct json *put(struct json *node, const char *pointer, struct json *take);

static struct json *put_at_index(struct json *node, size_t index, const char *rest,
                                 struct json *take)
{
    struct json *list = json_array();
    size_t n = json_is(node, JSON_ARRAY) ? json_len(node) : 0;
    for (size_t i = 0; i < (n > index + 1 ? n : index + 1); i++) {
        struct json *old = i < n ? json_copy(json_at(node, i)) : NULL;
        if (i == index)
            json_push(list, put(old, rest, take));
        else
            json_push(list, old != NULL ? old : json_new_null());
    }
    json_free(node);
    return list;
}

/* What is there already stays; an object gets the members that it lacks. */
static struct json *meet(struct json *node, struct json *take)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    bool stays = json_is(node, JSON_OBJECT) || json_is(node, JSON_ARRAY);
    while (json_is(node, JSON_OBJECT) && json_is(take, JSON_OBJECT) &&
           json_next(take, &position, &key, &value))
        if (json_find(node, key) == NULL)
            json_set(node, key, json_copy(value));
    json_free(stays ? take : node);
    return stays ? node : take;
}

/* Takes node (which may be NULL) and the value. */
static struct json *put(struct json *node, const char *pointer, struct json *take)
{
    char step[128];
    size_t index;
    if (pointer == NULL || !step_next(&pointer, step))
        return meet(node, take);
    if (step_is_index(step, &index))
        return put_at_index(node, index, pointer, take);
    if (!json_is(node, JSON_OBJECT)) {
        json_free(node);
        node = json_object();
    }
    const struct json *old = json_find(node, step);
    return json_set(node, step, put(old != NULL ? json_copy(old) : NULL, pointer, take));
}

static void put_text(struct json **tree, const char *pointer, const char *text)
{
    *tree = put(*tree, pointer, json_new_text(text));
}

/* ---- what is looked for ---- */

static const char *sample_of(const struct sampling *s, const char *key)
{
    return s->digits ? "1001" : arena_printf(s->engine->arena, "sample-%s", key);
}

static const char *template_of(struct sampling *s, const char *template)
{
    struct template_context context = engine_context(s->engine);
    const struct veiled *made = NULL;
    if (!template_text(&context, template, &made, NULL) || !veiled_is_plain(made))
        return "sample";
    struct str plain = veiled_plain(made);
    return arena_strndup(s->engine->arena, plain.p, plain.len);
}

static void put_where(struct sampling *s, struct json **tree, const struct json *where)
{
    const struct json *wanted;
    const char *pointer;
    void *position = NULL;
    while (json_next(where, &position, &pointer, &wanted)) {
        const char *name = json_text(wanted, "name");
        const char *text = name != NULL ? name : json_as_text(wanted);
        if (json_bool(wanted, "txt", false))
            put_text(tree, pointer, s->engine->txt);
        else if (text != NULL)
            put_text(tree, pointer, template_of(s, text));
        else if (!json_is(wanted, JSON_OBJECT))
            *tree = put(*tree, pointer, json_copy(wanted));
    }
}

/* The plainest of several ways to pick a value. */
static const struct json *pick_choose(const struct json *pick)
{
    for (size_t i = 0; json_is(pick, JSON_ARRAY) && i < json_len(pick); i++)
        if (json_as_text(json_at(pick, i)) != NULL)
            return json_at(pick, i);
    return json_is(pick, JSON_ARRAY) ? json_at(pick, 0) : pick;
}

static void put_pick(struct sampling *s, struct json **tree, const struct json *pick,
                     const struct json *value)
{
    pick = pick_choose(pick);
    const char *pointer = json_as_text(pick), *items = json_text(pick, "items");
    if (pointer != NULL && !str_starts(str_of(pointer), STR("header:"))) {
        *tree = put(*tree, pointer, json_copy(value));
    } else if (items != NULL) {
        struct json *element = NULL;
        put_pick(s, &element, json_find(pick, "ptr"), value); /* which may pick on */
        AUTO(mem_fini)
        char *each = mem_printf("%s/*", items);
        put_where(s, &element, json_find(pick, "where"));
        *tree = put(*tree, each, element);
    }
}

static void put_pick_text(struct sampling *s, struct json **tree, const struct json *pick,
                          const char *text)
{
    AUTO(json_fini)
    struct json *value = json_new_text(text);
    if (pick != NULL)
        put_pick(s, tree, pick, value);
}

static void put_cond(struct sampling *s, struct json **tree, const struct json *cond)
{
    const struct json *all = json_find(cond, "all"), *any = json_find(cond, "any");
    const struct json *is = json_find(cond, "is"), *in = json_find(cond, "in");
    const char *ptr = json_text(cond, "ptr"), *starts = json_text(cond, "starts");
    for (size_t i = 0; i < json_len(all); i++)
        put_cond(s, tree, json_at(all, i));
    if (any != NULL)
        put_cond(s, tree, json_at(any, 0));
    if (ptr == NULL || json_bool(cond, "empty", false))
        return;
    if (is == NULL)
        is = json_at(in, 0);
    if (is != NULL)
        *tree = put(*tree, ptr, json_copy(is));
    else
        put_text(tree, ptr, starts != NULL ? starts : "sample");
}

/* A login may tell where the service is. */
static bool is_base(const struct json *tree, const char *wanted)
{
    const struct json *value;
    const char *key, *base = json_text(tree, "base");
    void *position = NULL;
    bool is = base != NULL && str_starts(str_of(base), str_of(wanted));
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree) && !is; i++)
        is = is_base(json_at(tree, i), wanted);
    while (json_is(tree, JSON_OBJECT) && !is && json_next(tree, &position, &key, &value))
        is = is_base(value, wanted);
    return is;
}

static void put_session(struct sampling *s, const struct json *picks)
{
    const struct json *pick;
    const char *key;
    void *position = NULL;
    while (json_next(picks, &position, &key, &pick)) {
        AUTO(mem_fini)
        char *wanted = mem_printf("{sess.%s", key);
        put_pick_text(s, &s->tree, pick,
                      is_base(s->engine->tree, wanted) ? "https://service.example.net"
                                                       : sample_of(s, key));
    }
}

static void put_picks(struct sampling *s, struct json **tree, const struct json *picks)
{
    const struct json *pick;
    const char *key;
    void *position = NULL;
    while (json_next(picks, &position, &key, &pick))
        put_pick_text(s, tree, pick, sample_of(s, key));
}

/* ---- what the call is for ---- */

static void put_element(struct sampling *s, const char *items, struct json *element)
{
    AUTO(mem_fini)
    char *each = mem_printf("%s/*", items != NULL ? items : "");
    if (element != NULL)
        s->tree = put(s->tree, each, element);
}

static void zone_sample(struct sampling *s, const struct json *spec)
{
    struct json *element = NULL;
    const char *hit = json_text(spec, "hit");
    bool is_list = strcmp(json_text(spec, "by"), "list") == 0;
    put_picks(s, &element, json_find(spec, "keep"));
    put_pick_text(s, &element, json_find(spec, "id"), sample_of(s, "zone-id"));
    put_pick_text(s, &element, json_find(spec, "name"), s->engine->job->zone);
    put_where(s, &element, json_find(spec, "where"));
    put_cond(s, &element, json_find(spec, "ready"));
    if (hit != NULL && pointer_find(element, hit) == NULL)
        put_text(&element, hit, "sample");
    if (is_list)
        put_element(s, json_text(spec, "items"), element);
    else if (element != NULL)
        s->tree = put(s->tree, "", element);
}

/* A document has no `save`: what its writing names of an element is in it. */
static void put_named(struct sampling *s, struct json **element, const struct json *tree)
{
    const struct json *value;
    const char *key, *text = json_as_text(tree);
    void *position = NULL;
    for (; text != NULL && (text = strstr(text, "item.rec.")) != NULL;) {
        text += strlen("item.rec.");
        size_t len =
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        AUTO(mem_fini)
        char *name = mem_strndup(text, len);
        AUTO(mem_fini)
        char *pointer = mem_printf("/%s", name);
        put_text(element, pointer, sample_of(s, name));
    }
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree); i++)
        put_named(s, element, json_at(tree, i));
    while (json_is(tree, JSON_OBJECT) && json_next(tree, &position, &key, &value))
        put_named(s, element, value);
}

static struct json *element_make(struct sampling *s, const struct json *find)
{
    struct json *element = NULL;
    put_picks(s, &element, json_find(find, "save"));
    put_named(s, &element, json_find(s->engine->tree, "write"));
    put_where(s, &element, json_find(find, "where"));
    return element != NULL ? element : json_object();
}

/* Where the list holds ids only, each is asked for by a call of its own. */
static void find_sample(struct sampling *s)
{
    struct json *element = json_find(s->call, "each") != NULL ? json_new_text(sample_of(s, "id"))
                                                              : element_make(s, s->call);
    if (s->holds)
        put_element(s, json_text(s->call, "items"), element);
    else
        json_free(element);
}

static void set_values_put(struct sampling *s, struct json **set, const struct json *spec)
{
    const char *each = json_text(spec, "each"), *text = json_text(spec, "text");
    const char *star = strrchr(each, '*'), *values[2];
    size_t n = 0;
    /* Where there is room for one value, nobody else has put one there. */
    if (strcmp(json_text(s->engine->tree, "model"), "single") != 0)
        values[n++] = "kept as it is";
    if (s->holds)
        values[n++] = s->engine->txt;
    for (size_t i = 0; i < n && star != NULL; i++) {
        AUTO(mem_fini)
        char *pointer = mem_printf("%.*s%zu%s%s", (int)(star - each), each, i, star + 1,
                                   text != NULL ? text : "");
        AUTO(mem_fini)
        char *quoted = mem_printf("\"%s\"", values[i]);
        put_text(set, pointer, quoted);
    }
}

static void read_sample(struct sampling *s, const struct json *spec)
{
    struct json *set = NULL;
    const char *items = json_text(spec, "items"), *ttl = json_text(spec, "ttl");
    set_values_put(s, &set, spec);
    if (ttl != NULL)
        set = put(set, ttl, json_new_int(300));
    put_where(s, &set, json_find(spec, "where"));
    if (items != NULL)
        put_element(s, items, set);
    else if (set != NULL)
        s->tree = put(s->tree, "", set);
}

/* `done` may look at what the call takes from its answer. */
static void done_put(struct sampling *s, const struct json *done)
{
    const char *var = json_text(done, "var");
    const struct json *is =
        json_find(done, "is") != NULL ? json_find(done, "is") : json_at(json_find(done, "in"), 0);
    put_cond(s, &s->tree, done);
    if (var == NULL || is == NULL || !str_starts(str_of(var), STR("out.")))
        return;
    const struct json *pick = json_find(json_find(s->call, "take"), var + strlen("out."));
    if (pick != NULL)
        put_pick(s, &s->tree, pick, is);
}

/* A poll holds the call it repeats; what it waits for is in the answer at once. */
static void polls_look(struct sampling *s, const struct json *tree)
{
    const struct json *value, *done = json_find(tree, "done");
    const char *key;
    void *position = NULL;
    if (done != NULL && call_resolve(s->engine, json_find(tree, "call")) == s->call)
        done_put(s, done);
    for (size_t i = 0; json_is(tree, JSON_ARRAY) && i < json_len(tree); i++)
        polls_look(s, json_at(tree, i));
    while (json_is(tree, JSON_OBJECT) && json_next(tree, &position, &key, &value))
        polls_look(s, value);
}

/* One page is all there is. */
static void page_put(struct sampling *s)
{
    const struct json *page = json_find(s->call, "page");
    const char *last = json_text(page, "last"), *total = json_text(page, "total");
    if (last != NULL)
        s->tree = put(s->tree, last, json_new_int(json_int(page, "first", 1)));
    if (total != NULL)
        s->tree = put(s->tree, total, json_new_int(1));
}

static bool serves(const struct engine *e, const struct json *holder, const char *member)
{
    const struct json *call = json_find(holder, member);
    return call != NULL && call_resolve(e, call) == ((const struct call_task *)e->top)->call;
}

bool sample_is_change(struct engine *e)
{
    static const char *const changes[] = {"add", "remove", "write", "create", "clear"};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        if (serves(e, e->tree, changes[i]))
            return true;
    return serves(e, json_find(e->tree, "batch"), "write");
}

/* Elements with what stands in them: of `find`, and of a whole document. */
static bool is_search(const struct engine *e, const struct json *call)
{
    return serves(e, e->tree, "find") || serves(e, json_find(e->tree, "batch"), "find") ||
           (serves(e, e->tree, "read") && json_find(call, "values") == NULL);
}

const struct json *sample_answer(struct engine *e, bool digits, bool holds)
{
    struct call_task *asked = (struct call_task *)e->top;
    struct sampling s = {.engine = e, .asked = asked, .call = asked->call, .digits = digits};
    const struct json *zone = json_find(e->tree, "zone");
    s.holds = holds;
    const struct json *find = call_resolve(e, json_find(e->tree, "find"));
    const struct json *clock = json_find(e->tree, "clock");
    if (serves(e, clock, "call") && json_find(clock, "time") != NULL) {
        AUTO(mem_fini)
        char *now = mem_printf("%lld", (long long)(e->job->now_ms / 1000));
        put_pick_text(&s, &s.tree, json_find(clock, "time"), now);
    } else if (find != NULL && serves(e, find, "each"))
        s.tree = element_make(&s, find);
    else if (asked->page > 0)
        put_text(&s.tree, "/end", "no more");
    else if (call_resolve(e, json_find(zone, "call")) == s.call)
        zone_sample(&s, zone);
    else if (is_search(e, s.call))
        find_sample(&s);
    else if (json_find(s.call, "values") != NULL)
        read_sample(&s, json_find(s.call, "values"));
    else
        put_picks(&s, &s.tree, json_find(s.call, "save"));
    put_picks(&s, &s.tree, json_find(s.call, "take"));
    put_session(&s, asked->more);
    polls_look(&s, e->tree);
    page_put(&s);
    put_cond(&s, &s.tree, json_find(json_find(e->tree, "result"), "ok"));
    return s.tree != NULL ? json_in_arena(e->arena, s.tree) : NULL;
}

static bool picks_ask(const struct json *picks, const char *name)
{
    const struct json *pick;
    const char *key;
    void *position = NULL;
    while (json_next(picks, &position, &key, &pick)) {
        const char *text = json_as_text(json_is(pick, JSON_ARRAY) ? json_at(pick, 0) : pick);
        if (text != NULL && str_starts(str_of(text), STR("header:")) &&
            str_eq_nocase(str_of(text + strlen("header:")), str_of(name)))
            return true;
    }
    return false;
}

const char *sample_header(struct engine *e, const char *name)
{
    const struct call_task *asked = (const struct call_task *)e->top;
    bool asks = picks_ask(json_find(asked->call, "take"), name) ||
                picks_ask(json_find(asked->call, "save"), name) || picks_ask(asked->more, name);
    return asks ? "sample-header" : NULL;
}
