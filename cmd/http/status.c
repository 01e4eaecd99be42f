/* /healthz, /v1/status and /v1/openapi.json. */
#include "cmd/http/call.h"
#include "cmd/http/overview.h"
#include "cmd/output.h"

#include "dns-providers/builtin.h"

/* A page ends before it gets longer, whatever single sets have to tell. */
enum { PAGE_MAX = 2 * 1024 * 1024 };

bool healthz_run(struct call *call, struct err *err)
{
    (void)err;
    http_call_json(call, 200,
                   json_set_text(json_object(), "status",
                                 call->face->house->fencing != 0 ? "leading" : "standby"));
    return true;
}

bool openapi_run(struct call *call, struct err *err)
{
    (void)err;
    buf_add_str(&call->text, str_mem(builtin_openapi[0].text, builtin_openapi[0].len));
    call->status = 200;
    call->type = "application/json";
    return true;
}

/* ---- /v1/status ---- */

struct page {
    const char *after;
    int64_t limit, now_ms;
    struct json *sets;
    size_t len;
    char *last;
    bool has_more;
};

static void page_add(void *arg, const struct set_view *view)
{
    struct page *page = arg;
    AUTO(buf_fini)
    struct buf text = BUF(PAGE_MAX);
    if (page->has_more || (page->after != NULL && strcmp(view->name, page->after) <= 0))
        return;
    if ((int64_t)json_len(page->sets) == page->limit) {
        page->has_more = true;
        return;
    }
    struct json *tree = set_view_json(view, page->now_ms);
    json_format(tree, &text, false);
    page->len += text.len;
    page->has_more = text.overflow || page->len > PAGE_MAX;
    if (page->has_more && json_len(page->sets) > 0) {
        json_free(tree);
        return;
    }
    json_push(page->sets, tree);
    mem_set_str(&page->last, view->name);
}

static struct json *leader_json(const struct overview *o)
{
    if (!o->has_leader)
        return json_new_null();
    struct json *leader = json_set_text(json_object(), "purpose", o->leader.purpose);
    json_set_int(leader, "pid", o->leader.pid);
    return json_set_text(leader, "host", o->leader.host);
}

static struct json *whole_json(const struct call *call, const struct overview *o, struct page *page)
{
    struct json *tree = json_object(), *counts = json_object();
    for (int i = 0; i < SET_STATE_N; i++)
        json_set_int(counts, set_state_name((enum set_state)i), o->n_in_state[i]);
    json_set(tree, "sets", page->sets);
    json_set_text(tree, "next", page->has_more ? page->last : NULL);
    json_set(tree, "states", counts);
    json_set_int(tree, "open_orders", o->n_orders);
    json_set_int(tree, "txt_left", o->n_txt_left);
    json_set(tree, "leader", leader_json(o));
    json_set_bool(tree, "leads", call->face->house->fencing != 0);
    return json_set_text(tree, "version", CHANCERY_VERSION);
}

static bool page_read(struct call *call, struct page *page)
{
    const char *limit = target_field(&call->target, "limit");
    *page = (struct page){.after = target_field(&call->target, "after"),
                          .limit = LIST_USUAL,
                          .now_ms = house_now(call->face->house)};
    if (limit == NULL ||
        (str_to_i64(str_of(limit), &page->limit) && page->limit >= 1 && page->limit <= LIST_MAX))
        return true;
    http_call_problem(call, PROBLEM_BAD_REQUEST, NULL,
                      "\"limit\" must be a whole number from 1 to %d", LIST_MAX);
    return false;
}

bool status_http_run(struct call *call, struct err *err)
{
    struct page page;
    struct overview o = {0};
    const char *set = target_field(&call->target, "set");
    if (!look_may_begin(call->face))
        return true;
    int64_t began_ms = clock_boot_ms(&clock_system);
    if (!page_read(call, &page))
        return true;
    page.sets = json_array();
    bool ok = overview_read(call->face->house, call->pass, set, page_add, &page, &o, err);
    if (ok && set != NULL && json_len(page.sets) == 0) {
        http_call_problem(
            call, PROBLEM_NOT_FOUND, NULL,
            "there is no set of that name, or not all of its names are among those of \"%s\"",
            call->pass->name);
        json_free(page.sets);
    } else if (ok) {
        http_call_json(call, 200, whole_json(call, &o, &page));
    } else {
        json_free(page.sets);
    }
    overview_fini(&o);
    mem_free(page.last);
    look_ended(call->face, began_ms);
    return ok;
}
