#include "fake_api.h"

#include "base/json.h"
#include "world.h"

#include <stdio.h>

enum { CALLS_MAX = 20000 };

struct api_record {
    struct list in_api;
    int64_t id;
    char *zone, *owner, *value;
};
struct api_zone {
    const char *name;
    int64_t throttled_until_ms, n_asked;
};
static struct {
    struct list records;
    struct api_zone zones[2];
    int64_t next_id, n_calls, n_posts, n_gets, n_deletes;
    int64_t at_ms[CALLS_MAX];
    bool denies;
} api;

static void record_free(struct api_record *r)
{
    list_remove(&r->in_api);
    mem_free(r->zone);
    mem_free(r->owner);
    mem_free(r->value);
    mem_free(r);
}

void fake_api_begin(void)
{
    memset(&api, 0, sizeof api);
    list_init(&api.records);
    api.zones[0].name = "example.com";
    api.zones[1].name = "example.net";
    api.next_id = 1;
}

void fake_api_end(void)
{
    LIST_EACH (it, &api.records)
        record_free(LIST_OWNER(it, struct api_record, in_api));
}

bool fake_api_is_meant(const char *url)
{
    return str_starts(str_of(url), STR(FAKE_API_URL "/"));
}

/* ---- answers ---- */

static void say(struct fake_reply *reply, int status, struct json *take_body)
{
    reply->status = status;
    if (take_body != NULL)
        json_format(take_body, &reply->body, false);
    json_free(take_body);
}

static struct api_zone *zone_find(struct str name)
{
    for (size_t i = 0; i < 2; i++)
        if (str_eq(name, str_of(api.zones[i].name)))
            return &api.zones[i];
    return NULL;
}

static void zone_show(const struct api_zone *zone, struct fake_reply *reply)
{
    struct json *body = json_object();
    json_set(body, "domain", json_set_text(json_object(), "domain", zone->name));
    say(reply, 200, body);
}

static struct json *record_tree(const struct api_record *r)
{
    size_t rel = strlen(r->owner) - strlen(r->zone) - 1;
    struct json *tree = json_set_int(json_object(), "id", r->id);
    AUTO(mem_fini)
    char *data = mem_printf("\"%s\"", r->value);
    json_set_text(tree, "type", "TXT");
    json_set_str(tree, "name", str_mem(r->owner, rel));
    return json_set_text(tree, "data", data);
}

static void records_show(const struct api_zone *zone, struct fake_reply *reply)
{
    struct json *list = json_array();
    LIST_EACH (it, &api.records) {
        const struct api_record *r = LIST_OWNER(it, struct api_record, in_api);
        if (strcmp(r->zone, zone->name) == 0)
            json_push(list, record_tree(r));
    }
    say(reply, 200, json_set(json_object(), "records", list));
}

static void record_add(const struct api_zone *zone, struct str body, struct fake_reply *reply)
{
    AUTO(json_fini)
    struct json *asked = NULL;
    if (!json_parse(body, 4096, &asked, NULL) || json_text(asked, "name") == NULL) {
        say(reply, 400, json_set_text(json_object(), "error", "what is this?"));
        return;
    }
    struct str data = str_of(json_text(asked, "data"));
    struct api_record *r = NEW(struct api_record);
    r->id = api.next_id++;
    r->zone = mem_strdup(zone->name);
    r->owner = mem_printf("%s.%s", json_text(asked, "name"), zone->name);
    r->value = mem_strndup(data.p + 1, data.len - 2);
    list_push_back(&api.records, &r->in_api);
    world_txt_change(r->owner, r->value, true, false);
    say(reply, 201, json_set(json_object(), "record", record_tree(r)));
}

static void record_remove(const struct api_zone *zone, struct str id, struct fake_reply *reply)
{
    int64_t number = 0;
    str_to_i64(id, &number);
    LIST_EACH (it, &api.records) {
        struct api_record *r = LIST_OWNER(it, struct api_record, in_api);
        if (r->id != number || strcmp(r->zone, zone->name) != 0)
            continue;
        world_txt_change(r->owner, r->value, false, false);
        record_free(r);
        say(reply, 204, NULL);
        return;
    }
    say(reply, 404, json_set_text(json_object(), "error", "no such record"));
}

static void say_throttled(const struct api_zone *zone, struct fake_reply *reply)
{
    int64_t ms = zone->throttled_until_ms - world.now_ms;
    reply->headers[reply->n_headers++] = (struct fake_header){
        "retry-after", mem_printf("%lld", (long long)((ms + MS_SECOND - 1) / MS_SECOND))};
    say(reply, 429, json_set_text(json_object(), "error", "slow down"));
}

static void zone_answer(struct api_zone *zone, struct str rest, const struct http_request *request,
                        struct fake_reply *reply)
{
    zone->n_asked++;
    if (zone->throttled_until_ms > world.now_ms)
        say_throttled(zone, reply);
    else if (rest.len == 0)
        zone_show(zone, reply);
    else if (strcmp(request->method, "GET") == 0)
        records_show(zone, reply);
    else if (strcmp(request->method, "POST") == 0)
        record_add(zone, request->body, reply);
    else
        record_remove(zone, str_mem(rest.p + 9, rest.len - 9), reply); /* "/records/" */
}

void fake_api_answer(const struct http_request *request, const char *authorization,
                     struct fake_reply *reply)
{
    struct str path = str_of(request->url + strlen(FAKE_API_URL "/v2/domains/"));
    size_t end = 0;
    while (end < path.len && path.p[end] != '/' && path.p[end] != '?')
        end++;
    struct api_zone *zone = zone_find(str_mem(path.p, end));
    reply->body = BUF(1 << 20);
    reply->cut_after = -1;
    CHECK(api.n_calls < CALLS_MAX);
    api.at_ms[api.n_calls++] = world.now_ms;
    api.n_posts += strcmp(request->method, "POST") == 0;
    api.n_gets += strcmp(request->method, "GET") == 0;
    api.n_deletes += strcmp(request->method, "DELETE") == 0;
    if (api.denies || strcmp(authorization, "Bearer " FAKE_API_TOKEN) != 0)
        say(reply, 401, json_set_text(json_object(), "error", "invalid token"));
    else if (zone == NULL)
        say(reply, 404, json_set_text(json_object(), "error", "no such domain"));
    else
        zone_answer(zone, str_mem(path.p + end, path.len - end), request, reply);
}

/* ---- what a story says and asks ---- */

void fake_api_throttle(const char *zone, int64_t until_ms)
{
    struct api_zone *found = zone_find(str_of(zone));
    if (found != NULL)
        found->throttled_until_ms = until_ms;
}

void fake_api_deny(bool denies)
{
    api.denies = denies;
}

int64_t fake_api_n(const char *method)
{
    if (method == NULL)
        return api.n_calls;
    return strcmp(method, "POST") == 0     ? api.n_posts
           : strcmp(method, "DELETE") == 0 ? api.n_deletes
                                           : api.n_gets;
}

int64_t fake_api_n_zone(const char *zone)
{
    struct api_zone *found = zone_find(str_of(zone));
    int64_t n = found != NULL ? found->n_asked : 0;
    if (found != NULL)
        found->n_asked = 0;
    return n;
}

int64_t fake_api_n_within(int64_t ms)
{
    int64_t most = 0;
    for (int64_t from = 0, to = 0; to < api.n_calls; to++) {
        while (api.at_ms[to] - api.at_ms[from] >= ms)
            from++;
        most = to - from + 1 > most ? to - from + 1 : most;
    }
    return most;
}
