#include "fake/serve.h"

enum { HEAD_MAX = 64 * 1024 };

static struct exchange *current(struct conn *conn)
{
    if (list_is_empty(&conn->exchanges))
        return NULL;
    return LIST_OWNER(conn->exchanges.next, struct exchange, link);
}

static void refuse(struct conn *conn, const char *status)
{
    buf_printf(&conn->out, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", status);
    conn->closing = true;
}

static bool line_read(struct exchange *x, struct str line)
{
    struct str method, path;
    if (!str_split(&line, ' ', &method) || !str_split(&line, ' ', &path) ||
        !str_starts(line, STR("HTTP/1.")) || !str_starts(path, STR("/")))
        return false;
    x->method = mem_strndup(method.p, method.len);
    x->path = mem_strndup(path.p, path.len);
    x->keep_alive = str_eq(line, STR("HTTP/1.1"));
    return true;
}

/* What of a head matters besides the request line. */
struct head {
    int64_t content_length;
    bool chunked, wants_continue;
};

static void field_read(struct exchange *x, struct head *head, struct str line)
{
    struct str name, value;
    if (!str_split(&line, ':', &name))
        return;
    value = str_trim(line);
    if (str_eq_nocase(name, STR("content-length")) && !str_to_i64(value, &head->content_length))
        head->content_length = -1;
    else if (str_eq_nocase(name, STR("transfer-encoding")))
        head->chunked = true;
    else if (str_eq_nocase(name, STR("expect")))
        head->wants_continue = true;
    else if (str_eq_nocase(name, STR("connection")) && str_eq_nocase(value, STR("close")))
        x->keep_alive = false;
    else if (str_eq_nocase(name, STR("content-type")) && x->content_type == NULL)
        x->content_type = mem_strndup(value.p, value.len);
    else if (str_eq_nocase(name, STR("user-agent")) && x->user_agent == NULL)
        x->user_agent = mem_strndup(value.p, value.len);
}

static void consume(struct buf *in, size_t n)
{
    memmove(in->p, in->p + n, in->len - n);
    buf_cut(in, in->len - n);
}

/* A whole head stands in conn->in up to head_len. The body may still be on its way: then the
 * head is simply read again when more has come. True when the request was answered. */
static bool request_read(struct conn *conn, size_t head_len)
{
    struct exchange *x = exchange_new(conn);
    struct head head = {0};
    struct str rest = str_mem(conn->in.p, head_len), line;
    bool good = str_split(&rest, '\n', &line) && line_read(x, str_trim(line));
    while (good && str_split(&rest, '\n', &line))
        field_read(x, &head, str_trim(line));
    if (!good || head.content_length < 0 || head.chunked) {
        refuse(conn, head.chunked ? "411 Length Required" : "400 Bad Request");
    } else if (head.content_length > REQUEST_BODY_MAX) {
        refuse(conn, "413 Content Too Large");
    } else if (conn->in.len >= head_len + (size_t)head.content_length) {
        buf_add(&x->body, conn->in.p + head_len, (size_t)head.content_length);
        consume(&conn->in, head_len + (size_t)head.content_length);
        conn->continued = false;
        exchange_answer(x);
        return true;
    } else if (head.wants_continue && !conn->continued) {
        buf_add_cstr(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
        conn->continued = true;
    }
    exchange_free(x);
    return false;
}

/* True when another request was read and answered. */
static bool request_next(struct conn *conn)
{
    struct str in = buf_str(&conn->in);
    size_t head_len = str_find(in, STR("\r\n\r\n"));
    if (conn->dead || conn->closing)
        return false;
    if (head_len < in.len)
        return request_read(conn, head_len + 4);
    if (in.len > HEAD_MAX)
        refuse(conn, "431 Request Header Fields Too Large");
    return false;
}

void h1_input(struct conn *conn, const unsigned char *p, size_t len)
{
    buf_add(&conn->in, p, len);
    if (conn->in.overflow)
        conn->dead = true;
}

void h1_start(struct exchange *x)
{
    struct buf *out = &x->conn->out;
    buf_printf(out, "HTTP/1.1 %d Reply\r\n", x->reply.status);
    for (size_t i = 0; i < x->reply.n_headers; i++)
        buf_printf(out, "%s: %s\r\n", x->reply.headers[i].name, x->reply.headers[i].value);
    for (int64_t i = 0; i < x->reply.filler_headers; i++)
        buf_add_cstr(out, "x-filler: one of very many headers\r\n");
    if (!x->reply.head_only && x->reply.status != 204)
        buf_printf(out, "content-length: %lld\r\n", (long long)exchange_left(x));
    buf_printf(out, "connection: %s\r\n\r\n", x->keep_alive ? "keep-alive" : "close");
}

/* Sends on the reply that is under way. True when none is left. */
static bool reply_pump(struct conn *conn)
{
    struct exchange *x = current(conn);
    char octets[16384];
    bool cut = false;
    if (x == NULL)
        return true;
    if (!x->started)
        return false;
    while (exchange_left(x) > 0 && conn->out.len - conn->out_at < OUT_ENOUGH) {
        size_t n = exchange_read(x, octets, sizeof(octets), &cut);
        buf_add(&conn->out, octets, n);
        conn->closing = conn->closing || cut;
        if (n == 0)
            break;
    }
    if (exchange_left(x) > 0)
        return false;
    conn->closing = conn->closing || !x->keep_alive;
    exchange_free(x);
    return true;
}

void h1_output(struct conn *conn)
{
    while (reply_pump(conn) && request_next(conn))
        ;
}
