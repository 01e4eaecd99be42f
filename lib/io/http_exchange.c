#include "io/http_server_inside.h"

/* A body beyond the limit is read and dropped for so many times the limit, that its sender hears why; then the connection ends. */
enum { TARGET_MAX = 2048, SURPLUS_TIMES = 4 };

static const char plain_too_long[] = "The request is too long.\n";

/* ---- from the library ---- */

static struct http_link *link_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    CHECK(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

/* The request line is complete. */
void *exchange_begin(void *arg, const char *uri, struct MHD_Connection *connection)
{
    struct http_stage *stage = arg;
    struct http_exchange *x = NEW(struct http_exchange);
    x->link = link_of(connection);
    x->link->exchange = x;
    x->target = mem_strndup(uri, strnlen(uri, TARGET_MAX + 1));
    buf_init(&x->body, (size_t)stage->limits.body_len);
    if (x->link->state == LINK_IDLE)
        link_state_set(x->link, LINK_HEAD);
    stage->server->figures.n_requests++;
    return x;
}

static void exchange_free(struct http_exchange *x)
{
    if (x->response != NULL)
        MHD_destroy_response(x->response);
    buf_fini(&x->body);
    mem_free(x->target);
    mem_free(x);
}

void exchange_end(void *arg, struct MHD_Connection *connection, void **slot,
                  enum MHD_RequestTerminationCode code)
{
    struct http_stage *stage = arg;
    struct http_exchange *x = *slot;
    (void)connection;
    (void)code;
    if (x == NULL)
        return;
    *slot = NULL;
    x->link->exchange = NULL;
    if (x->state == EXCHANGE_BODY)
        stage->server->gone(stage->server->arg, x);
    link_state_set(x->link, LINK_IDLE);
    if (stage->is_old)
        link_shut(x->link);
    exchange_free(x);
}

static enum MHD_Result exchange_send(struct http_exchange *x)
{
    if (x->link->stage->is_old)
        MHD_add_response_header(x->response, MHD_HTTP_HEADER_CONNECTION, "close");
    link_state_set(x->link, LINK_ANSWER);
    return MHD_queue_response(x->link->connection, (unsigned)x->status, x->response);
}

static enum MHD_Result count_headers(void *arg, enum MHD_ValueKind kind, const char *key,
                                     const char *value)
{
    (void)kind;
    (void)key;
    (void)value;
    ++*(int64_t *)arg;
    return MHD_YES;
}

/* What is refused whoever asks. */
static int head_fault(const struct http_exchange *x)
{
    int64_t n = 0, len;
    const char *length = exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (strlen(x->target) > TARGET_MAX)
        return MHD_HTTP_URI_TOO_LONG;
    MHD_get_connection_values(x->link->connection, MHD_HEADER_KIND, count_headers, &n);
    if (n > x->link->stage->limits.n_headers)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    if (length != NULL &&
        (!str_to_i64(str_of(length), &len) || len > x->link->stage->limits.body_len))
        return MHD_HTTP_CONTENT_TOO_LARGE;
    return 0;
}

static void fault_answer(struct http_exchange *x)
{
    const struct http_server *server = x->link->stage->server;
    if (x->fault == 0 || x->state == EXCHANGE_ANSWERED)
        return;
    server->gone(server->arg, x);
    exchange_answer(x, x->fault, NULL, 0, STR(plain_too_long));
}

static enum MHD_Result head_step(struct http_exchange *x, const char *method)
{
    const struct http_server *server = x->link->stage->server;
    size_t n = strnlen(method, sizeof x->method - 1);
    memcpy(x->method, method, n);
    x->state = EXCHANGE_BODY;
    link_state_set(x->link, LINK_BODY);
    x->is_inside = true;
    x->fault = head_fault(x);
    server->head(server->arg, x);
    fault_answer(x);
    x->is_inside = false;
    return x->state == EXCHANGE_ANSWERED ? exchange_send(x) : MHD_YES;
}

static enum MHD_Result body_step(struct http_exchange *x, const char *upload, size_t *upload_len)
{
    size_t surplus_max = SURPLUS_TIMES * (size_t)x->link->stage->limits.body_len;
    buf_add(&x->body, upload, *upload_len);
    if (x->body.overflow)
        x->n_surplus += *upload_len;
    *upload_len = 0;
    return x->n_surplus <= surplus_max ? MHD_YES : MHD_NO;
}

static enum MHD_Result ready_step(struct http_exchange *x)
{
    struct http_server *server = x->link->stage->server;
    x->is_inside = true;
    x->state = EXCHANGE_READY;
    if (x->body.overflow)
        x->fault = MHD_HTTP_CONTENT_TOO_LARGE;
    loop_report(server->loop);
    server->ready(server->arg, x);
    fault_answer(x);
    x->is_inside = false;
    if (x->state == EXCHANGE_ANSWERED)
        return exchange_send(x);
    link_state_set(x->link, LINK_WAITING);
    server->figures.n_waiting++;
    x->is_suspended = true;
    watch_add(x);
    MHD_suspend_connection(x->link->connection);
    return MHD_YES;
}

enum MHD_Result exchange_step(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **slot)
{
    struct http_exchange *x = *slot;
    (void)arg;
    (void)connection;
    (void)url;
    (void)version;
    CHECK(x != NULL);
    if (x->link->stage->server->stage == NULL) /* closing */
        return MHD_NO;
    switch (x->state) {
    case EXCHANGE_HEAD:
        return head_step(x, method);
    case EXCHANGE_BODY:
        return *upload_len > 0 ? body_step(x, upload, upload_len) : ready_step(x);
    case EXCHANGE_ANSWERED:
        return exchange_send(x);
    case EXCHANGE_READY:
    case EXCHANGE_GONE:
        break;
    }
    return MHD_NO;
}

/* ---- waiting and answering ---- */

static void exchange_resume(struct http_exchange *x)
{
    if (!x->is_suspended)
        return;
    x->is_suspended = false;
    watch_remove(x);
    x->link->stage->server->figures.n_waiting--;
    MHD_resume_connection(x->link->connection);
    stage_pump_soon(x->link->stage);
}

void exchange_give_up(struct http_exchange *x)
{
    const struct http_server *server = x->link->stage->server;
    if (x->state != EXCHANGE_READY)
        return;
    x->state = EXCHANGE_GONE;
    server->gone(server->arg, x);
    exchange_resume(x);
}

void exchange_answer(struct http_exchange *x, int status, const struct http_field *fields,
                     size_t n_fields, struct str body)
{
    CHECK(x->state == EXCHANGE_BODY || x->state == EXCHANGE_READY);
    CHECK(x->is_inside || x->is_suspended);
    x->response =
        MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.p, MHD_RESPMEM_MUST_COPY);
    CHECK(x->response != NULL);
    for (size_t i = 0; i < n_fields; i++)
        CHECK(MHD_add_response_header(x->response, fields[i].name, fields[i].value) == MHD_YES);
    x->status = status;
    x->state = EXCHANGE_ANSWERED;
    exchange_resume(x);
}

/* ---- looking ---- */

int exchange_fault(const struct http_exchange *x)
{
    return x->fault;
}

const char *exchange_method(const struct http_exchange *x)
{
    return x->method;
}

struct str exchange_target(const struct http_exchange *x)
{
    return str_of(x->target);
}

const char *exchange_header(const struct http_exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->link->connection, MHD_HEADER_KIND, name);
}

struct str exchange_body(const struct http_exchange *x)
{
    return buf_str(&x->body);
}

const struct http_peer *exchange_peer(const struct http_exchange *x)
{
    if (x->link->stage->has_tls && !x->link->was_peer_read)
        peer_read(x->link);
    x->link->was_peer_read = true;
    return x->link->has_peer ? &x->link->peer : NULL;
}

void exchange_mark(struct http_exchange *x, void *mark)
{
    x->mark = mark;
}

void *exchange_mark_of(const struct http_exchange *x)
{
    return x->mark;
}
