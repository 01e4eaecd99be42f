/* The acts of phase AFTER: the request took effect, its reply is spoiled. */
#include "fake/ca_inner.h"

static void body_set(struct call *c, struct str text)
{
    buf_clear(&c->reply->body);
    buf_add_str(&c->reply->body, text);
}

static void spoil_deep(struct call *c)
{
    buf_clear(&c->reply->body);
    for (int i = 0; i < 100000; i++)
        buf_add_char(&c->reply->body, '[');
}

static void spoil_garbage(struct call *c)
{
    unsigned char noise[512];
    fake_rng_octets(fake_rng_next(&c->ca->rng), noise, sizeof(noise));
    body_set(c, str_mem(noise, sizeof(noise)));
}

/* Puts text right behind the first '{'. */
static void spoil_front(struct call *c, const char *text)
{
    AUTO(buf_fini)
    struct buf whole = BUF(c->reply->body.max);
    struct str body = buf_str(&c->reply->body);
    if (!str_starts(body, STR("{")))
        return;
    buf_printf(&whole, "{%s%.*s", text, (int)(body.len - 1), body.p + 1);
    body_set(c, buf_str(&whole));
}

static struct json *body_tree(struct call *c)
{
    struct json *tree = NULL;
    if (!json_parse(buf_str(&c->reply->body), c->reply->body.max, &tree, NULL))
        return NULL;
    return tree;
}

static void body_put(struct call *c, struct json *tree)
{
    buf_clear(&c->reply->body);
    json_format(tree, &c->reply->body, false);
}

/* MEMBER=JSON; what is no JSON becomes a text. */
static void spoil_set(struct call *c, const char *argument)
{
    struct str rest = str_of(argument), member;
    AUTO(json_fini)
    struct json *tree = body_tree(c);
    struct json *value = NULL;
    if (tree == NULL || !str_split(&rest, '=', &member))
        return;
    AUTO(mem_fini)
    char *key = mem_strndup(member.p, member.len);
    if (!json_parse(rest, JSON_SIZE_MAX, &value, NULL))
        value = json_new_text_str(rest);
    json_set(tree, key, value);
    body_put(c, tree);
}

static void spoil_remove(struct call *c, const char *member)
{
    AUTO(json_fini)
    struct json *tree = body_tree(c);
    if (tree == NULL)
        return;
    json_remove(tree, member);
    body_put(c, tree);
}

const char *fake_fault_header(struct str name)
{
    static const char *const names[] = {"location", "content-type", "content-encoding",
                                        "replay-nonce", "link"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (str_eq(name, str_of(names[i])))
            return names[i];
    }
    return NULL;
}

static void spoil_header(struct call *c, const char *argument)
{
    struct str value = str_of(argument), name;
    if (!str_split(&value, '=', &name))
        return;
    fake_call_header_remove(c, fake_fault_header(name));
    fake_call_header(c, fake_fault_header(name), "%.*s", STR_ARG(value));
}

static void spoil_page(struct call *c)
{
    fake_call_header_remove(c, "content-type");
    fake_call_header(c, "content-type", "text/html");
    c->reply->status = 200;
    body_set(c, STR("<html><body>Welcome to the hotel. Please log in.</body></html>\n"));
}

/* Those that only tell the carrier how to send. True when the act was one of them. */
static bool spoil_way(struct call *c)
{
    struct fake_reply *reply = c->reply;
    switch ((int)c->fault->act) {
    case ACT_DROP_REPLY:
        reply->drop = true;
        return true;
    case ACT_DROP_STREAM:
        reply->drop_stream = true;
        return true;
    case ACT_TRUNCATE:
        reply->cut_after = (int64_t)(reply->body.len / 2);
        return true;
    case ACT_SLOW:
        reply->trickle_ms = 1000;
        return true;
    case ACT_HUGE:
        reply->filler_len = INT64_C(1) << 30;
        return true;
    case ACT_MANY_HEADERS:
        reply->filler_headers = 100000;
        return true;
    default:
        return false;
    }
}

static void spoil_body(struct call *c)
{
    switch ((int)c->fault->act) {
    case ACT_CUT_BODY:
        buf_cut(&c->reply->body, c->reply->body.len / 2);
        break;
    case ACT_GARBAGE:
        spoil_garbage(c);
        break;
    case ACT_DEEP:
        spoil_deep(c);
        break;
    case ACT_EMPTY:
        buf_clear(&c->reply->body);
        break;
    case ACT_NUL:
        spoil_front(c, "\"nul\":\"a\\u0000b\",");
        break;
    case ACT_TWICE:
        spoil_front(c, "\"status\":\"valid\",\"status\":\"pending\",");
        break;
    case ACT_PAGE:
        spoil_page(c);
        break;
    case ACT_RAW:
        spoil_front(c, c->fault->argument);
        break;
    case ACT_HEADER:
        spoil_header(c, c->fault->argument);
        break;
    case ACT_SET:
        spoil_set(c, c->fault->argument);
        break;
    case ACT_REMOVE:
        spoil_remove(c, c->fault->argument);
        break;
    case ACT_NO_HEADER:
        fake_call_header_remove(c, c->fault->argument);
        break;
    default: /* acts of the other phases leave the reply alone */
        break;
    }
}

void fake_fault_after(struct call *c)
{
    if (c->fault == NULL)
        return;
    fake_fault_retry_after(c);
    if (!spoil_way(c))
        spoil_body(c);
}
