/* The lock over HTTP. What may be locked, by whom and for how long authority/lock.h decides; how much may be ordered authority/ledger.h. */
#include "cmd/http/call.h"
#include "cmd/output.h"

#include <inttypes.h>
#include <stdio.h>

/* A ticket is asked with again well before it runs out; between, only looked at. */
enum { ASK_AGAIN_MS = LOCK_TICKET_MS / 3 };

static int64_t boot_now(const struct call *call)
{
    return clock_boot_ms(call->face->house->clock);
}

/* ---- what is shown ---- */

static struct json *holder_json(const struct lock_row *row)
{
    if (row->is_free)
        return json_new_null();
    struct json *tree = json_set_text(json_object(), "client", row->client);
    json_set_text(tree, "host", row->host);
    json_set(tree, "pid", row->client == NULL ? json_new_int(row->pid) : json_new_null());
    json_set_text(tree, "purpose", row->purpose);
    json_set_time(tree, "granted_at", row->granted_at_ms);
    json_set_time(tree, "expires_at", row->expires_at_ms);
    return tree;
}

static struct json *row_json(const struct lock_row *row)
{
    struct json *tree = json_set_text(json_object(), "name", row->name);
    json_set_bool(tree, "held", !row->is_free);
    json_set_int(tree, "fencing", row->fencing);
    json_set(tree, "holder", holder_json(row));
    json_set_text(tree, "ordering_set", row->set);
    json_set_int(tree, "waiting", row->n_waiting);
    return tree;
}

static void row_tag(const struct lock_row *row, char out[32])
{
    snprintf(out, 32, "\"%" PRId64 "%s\"", row->fencing,
             !row->is_free      ? "-held"
             : row->set != NULL ? "-ordering"
                                : "-free");
}

/* ---- GET ---- */

bool lock_get_run(struct call *call, struct err *err)
{
    struct lock_row row = {0};
    char tag[32];
    if (!lock_get(call->face->house, call->name, &row, err))
        return false;
    row_tag(&row, tag);
    bool is_seen = strcmp(tag, call->seen) == 0;
    bool is_over = call->seen[0] != '\0' ? !is_seen : row.is_free && row.set == NULL;
    if (is_over || boot_now(call) >= call->wait_until_boot_ms) {
        if (is_seen)
            call->status = 304;
        else
            http_call_json(call, 200, row_json(&row));
        call->type = "application/json";
        http_call_field(call, "ETag", "%s", tag);
    }
    lock_row_fini(&row);
    return true;
}

struct listing {
    const struct call *call;
    const char *after;
    int64_t limit;
    struct json *list;
    char *next;
};

static bool listing_visit(void *arg, const struct lock_row *row)
{
    struct listing *l = arg;
    if (!http_pass_is_for(l->call->pass, row->name) ||
        (l->after != NULL && strcmp(row->name, l->after) <= 0))
        return true;
    if ((int64_t)json_len(l->list) == l->limit) {
        mem_set_str(&l->next, json_text(json_at(l->list, json_len(l->list) - 1), "name"));
        return false;
    }
    json_push(l->list, row_json(row));
    return true;
}

bool locks_run(struct call *call, struct err *err)
{
    struct listing l = {
        .call = call, .after = target_field(&call->target, "after"), .limit = LIST_USUAL};
    const char *limit = target_field(&call->target, "limit");
    if (limit != NULL &&
        (!str_to_i64(str_of(limit), &l.limit) || l.limit < 1 || l.limit > LIST_MAX)) {
        http_call_problem(call, PROBLEM_BAD_REQUEST, NULL,
                          "\"limit\" must be a whole number from 1 to %d", LIST_MAX);
        return true;
    }
    l.list = json_array();
    if (!lock_each(call->face->house, listing_visit, &l, err)) {
        json_free(l.list);
        mem_free(l.next);
        return false;
    }
    struct json *tree = json_set(json_object(), "locks", l.list);
    json_set_text(tree, "next", l.next);
    mem_free(l.next);
    http_call_json(call, 200, tree);
    return true;
}

/* ---- POST: the ledger's word ---- */

struct order_ask {
    struct ledger_ask ask;
    char **names;
    size_t n_names;
    bool is_asked;
};

static const char *directory_of(const struct call *call, const struct json *order, struct err *err)
{
    const struct config *config = call->face->house->config;
    const char *directory = json_text(order, "directory"), *name = json_text(order, "authority");
    if ((directory == NULL) == (name == NULL)) {
        err_set(err, ERR_CONFIG,
                "\"order\" must name the CA, by \"authority\" (as configured here) or by "
                "\"directory\" (its URL)");
        return NULL;
    }
    if (directory != NULL)
        return directory;
    const struct authority_config *authority = config_authority(config, name);
    if (authority == NULL)
        err_set(err, ERR_CONFIG, "there is no authority \"%.64s\" in chancery.yaml", name);
    return authority != NULL ? authority->directory : NULL;
}

static bool order_members_known(const struct json *order, struct err *err)
{
    static const char *const known[] = {"authority", "directory", "account", "names",
                                        "replaces_in_window"};
    const char *key;
    const struct json *value;
    for (size_t i = 0; json_member(order, i, &key, &value); i++) {
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            is_known = is_known || strcmp(known[k], key) == 0;
        if (!is_known)
            return err_set(err, ERR_CONFIG, "the member \"order.%.40s\" means nothing here", key);
    }
    return true;
}

static void order_fini(struct order_ask *o)
{
    ask_names_free(o->names, o->n_names);
}

static bool order_read(const struct call *call, struct order_ask *ret, struct err *err)
{
    const struct json *order = json_find(call->body, "order");
    *ret = (struct order_ask){0};
    if (order == NULL)
        return true;
    const char *directory = directory_of(call, order, err);
    if (directory == NULL || !order_members_known(order, err) ||
        !ask_names(json_find(order, "names"), call->pass, call->name, &ret->names, &ret->n_names,
                   err))
        return false;
    ret->is_asked = true;
    ret->ask = (struct ledger_ask){.directory = directory,
                                   .account = json_text(order, "account"),
                                   .names = (const char *const *)ret->names,
                                   .n_names = ret->n_names,
                                   .is_replacement_in_window =
                                       json_bool(order, "replaces_in_window", false)};
    return true;
}

static void refused_tell(struct call *call, const struct err *why)
{
    int64_t after_s = (why->until_ms - house_now(call->face->house) + 999) / MS_SECOND;
    struct json *more = json_object();
    json_set_time(more, "at", why->until_ms);
    http_call_problem(call, PROBLEM_RATE_LIMIT, more,
                      "%s; nothing was locked or counted, ask again then", why->text);
    http_call_field(call, "Retry-After", "%" PRId64, after_s > 1 ? after_s : 1);
}

/* ---- POST ---- */

static bool held_tell(struct call *call, const struct err *why, struct err *err)
{
    struct lock_row row = {0};
    if (!lock_get(call->face->house, call->name, &row, err))
        return false;
    int64_t left_s =
        row.is_free ? 0 : (row.expires_at_ms - house_now(call->face->house)) / MS_SECOND;
    struct json *more = json_set(json_object(), "lock", row_json(&row));
    if (call->keeps_place)
        json_set_int(more, "ticket", call->ticket);
    http_call_problem(call, PROBLEM_LOCK_HELD, more,
                      "%s; ask again with \"wait_s\" to wait in line", why->text);
    http_call_field(call, "Retry-After", "%" PRId64, left_s < 1 ? 1 : left_s > 60 ? 60 : left_s);
    lock_row_fini(&row);
    return true;
}

static struct json *headroom_json(const struct ledger_answer *headroom)
{
    struct json *tree = json_set_text(json_object(), "limit", headroom->limit);
    return json_set(tree, "left",
                    headroom->left == INT64_MAX ? json_new_null() : json_new_int(headroom->left));
}

static void granted_tell(struct call *call, const struct lock_grant *grant, bool is_order)
{
    struct json *tree = json_set_text(json_object(), "name", call->name);
    json_set_int(tree, "fencing", grant->fencing);
    json_set_text(tree, "client", call->client);
    json_set_text(tree, "purpose", call->purpose);
    json_set_time(tree, "granted_at", grant->granted_at_ms);
    json_set_time(tree, "expires_at", grant->expires_at_ms);
    json_set_int(tree, "expires_in_ms", grant->expires_boot_ms - boot_now(call));
    json_set(tree, "order", is_order ? headroom_json(&grant->headroom) : json_new_null());
    http_call_json(call, 201, tree);
}

static bool take_end(struct call *call, const struct lock_ask *ask, const struct err *why,
                     struct err *err)
{
    if (call->ticket != 0 && !call->keeps_place && !lock_leave(call->face->house, ask, err))
        return false;
    bool ok = held_tell(call, why, err);
    call->ticket = 0;
    return ok;
}

static bool take(struct call *call, const struct order_ask *order, bool is_last, struct err *err)
{
    struct lock_grant grant = {0};
    struct err why = {0};
    struct lock_ask ask = {.name = call->name,
                           .client = call->client,
                           .purpose = call->purpose,
                           .ttl_ms = call->ttl_ms,
                           .order = order->is_asked ? &order->ask : NULL,
                           .ticket = call->wait_until_boot_ms != 0 ? &call->ticket : NULL};
    if (lock_take(call->face->house, &ask, &grant, &why)) {
        granted_tell(call, &grant, order->is_asked);
        return true;
    }
    if (why.kind == ERR_THROTTLED) {
        refused_tell(call, &why);
        return true;
    }
    if (why.kind != ERR_HELD) {
        *err = why;
        return false;
    }
    call->asked_at_boot_ms = boot_now(call);
    return is_last ? take_end(call, &ask, &why, err) : true;
}

static bool is_worth_asking(struct call *call, bool *ret, struct err *err)
{
    const struct lock_ask ask = {.name = call->name,
                                 .client = call->client,
                                 .ttl_ms = call->ttl_ms,
                                 .ticket = &call->ticket};
    *ret = true;
    if (call->ticket == 0 || boot_now(call) >= call->asked_at_boot_ms + ASK_AGAIN_MS)
        return true;
    return lock_may_take(call->face->house, &ask, ret, err);
}

/* A client that hung up gets nothing: the loop reports it, and the call goes. */
bool lock_take_run(struct call *call, struct err *err)
{
    struct order_ask order;
    struct err why = {0};
    bool is_last = boot_now(call) >= call->wait_until_boot_ms, goes_on = true;
    if (exchange_is_gone(call->x))
        return true;
    if (!is_last && !is_worth_asking(call, &goes_on, err))
        return false;
    if (!goes_on)
        return true;
    if (!order_read(call, &order, &why)) {
        http_call_problem(call, why.kind == ERR_DENIED ? PROBLEM_FORBIDDEN : PROBLEM_BAD_REQUEST,
                          NULL, "%s", why.text);
        return true;
    }
    bool ok = take(call, &order, is_last, err);
    order_fini(&order);
    return ok;
}

/* ---- PUT, DELETE ---- */

static bool client_is(const struct lock_row *row, const struct http_pass *pass)
{
    size_t n = strlen(pass->name);
    return row->client != NULL && strncmp(row->client, pass->name, n) == 0 &&
           (row->client[n] == '\0' || row->client[n] == '/');
}

static void lost_tell(struct call *call)
{
    http_call_problem(
        call, PROBLEM_LOCK_LOST, NULL,
        "%s is not locked by number %" PRId64
        " any more: it ran out, was released or broken; stop what it protected, then take it "
        "anew",
        call->name, call->fencing);
}

/* Is the lock held, by this number and by this client? *ret false: told. */
static bool holder_check(struct call *call, bool *ret, struct err *err)
{
    struct lock_row row = {0};
    AUTO(buf_fini)
    struct buf text = BUF(1024);
    if (!lock_get(call->face->house, call->name, &row, err))
        return false;
    *ret = !row.is_free && row.fencing == call->fencing && client_is(&row, call->pass);
    if (row.is_free) {
        lost_tell(call);
    } else if (row.fencing != call->fencing) {
        lock_row_tell(&row, &text);
        http_call_problem(call, PROBLEM_LOCK_HELD, json_set(json_object(), "lock", row_json(&row)),
                          "number %" PRId64
                          " does not hold %s any more: %s has it; stop what it protected",
                          call->fencing, call->name, buf_cstr(&text));
    } else if (!*ret) {
        http_call_problem(call, PROBLEM_FORBIDDEN, NULL, "%s was not locked by \"%s\"", call->name,
                          call->pass->name);
    }
    lock_row_fini(&row);
    return true;
}

bool lock_beat_run(struct call *call, struct err *err)
{
    bool is_ours;
    struct lock_grant grant = {0};
    struct err why = {0};
    if (!holder_check(call, &is_ours, err))
        return false;
    if (!is_ours)
        return true;
    if (lock_renew(call->face->house, call->name, call->fencing, call->ttl_ms, &grant, &why)) {
        struct json *tree = json_set_text(json_object(), "name", call->name);
        json_set_int(tree, "fencing", call->fencing);
        json_set_time(tree, "expires_at", grant.expires_at_ms);
        json_set_int(tree, "expires_in_ms", grant.expires_boot_ms - boot_now(call));
        http_call_json(call, 200, tree);
        return true;
    }
    if (why.kind == ERR_HELD) {
        lost_tell(call);
        return true;
    }
    *err = why;
    return false;
}

bool lock_drop_run(struct call *call, struct err *err)
{
    bool is_ours;
    if (!holder_check(call, &is_ours, err))
        return false;
    if (!is_ours)
        return true;
    if (!lock_release(call->face->house, call->name, call->fencing, call->outcome, err))
        return false;
    call->face->has_moved = true;
    call->status = 204;
    call->type = "application/json";
    return true;
}
