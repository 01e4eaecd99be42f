#include "fake/serve.h"

/* nghttp2 takes headers as pointers to bytes it promises not to change. */
static nghttp2_nv header(const char *name, const char *value)
{
    return (nghttp2_nv){.name = (uint8_t *)(uintptr_t)name,
                        .value = (uint8_t *)(uintptr_t)value,
                        .namelen = strlen(name),
                        .valuelen = strlen(value)};
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct conn *conn = user;
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    struct exchange *x = exchange_new(conn);
    x->stream = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, x->stream, x);
    return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    (void)flags;
    (void)user;
    struct exchange *x = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    struct str key = str_mem(name, name_len);
    char **slot = NULL;
    if (x == NULL)
        return 0;
    if (str_eq(key, STR(":method")))
        slot = &x->method;
    else if (str_eq(key, STR(":path")))
        slot = &x->path;
    else if (str_eq(key, STR("content-type")))
        slot = &x->content_type;
    else if (str_eq(key, STR("user-agent")))
        slot = &x->user_agent;
    if (slot != NULL && *slot == NULL)
        *slot = mem_strndup((const char *)value, value_len);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *p,
                   size_t len, void *user)
{
    (void)flags;
    (void)user;
    struct exchange *x = nghttp2_session_get_stream_user_data(session, stream);
    if (x != NULL)
        buf_add(&x->body, p, len);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    const struct conn *conn = user;
    if ((frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) ||
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
        return 0;
    struct exchange *x = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (x != NULL && !x->complete && x->method != NULL && x->path != NULL)
        exchange_answer(x);
    /* A dropped connection must not act on what came behind. */
    return conn->dead ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error, void *user)
{
    (void)error;
    (void)user;
    struct exchange *x = nghttp2_session_get_stream_user_data(session, stream);
    if (x != NULL)
        exchange_free(x);
    return 0;
}

void h2_open(struct conn *conn)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 4096},
                                         {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, REQUEST_BODY_MAX}};
    CHECK(nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option_set_max_send_header_block_length(option, 64 * 1024 * 1024);
    CHECK(nghttp2_session_server_new2(&conn->h2, callbacks, conn, option) == 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    nghttp2_submit_settings(conn->h2, NGHTTP2_FLAG_NONE, settings,
                            sizeof(settings) / sizeof(settings[0]));
    nghttp2_session_set_local_window_size(conn->h2, NGHTTP2_FLAG_NONE, 0, 1 << 30);
}

void h2_input(struct conn *conn, const unsigned char *p, size_t len)
{
    if (nghttp2_session_mem_recv(conn->h2, p, len) < 0)
        conn->dead = true;
}

static ssize_t body_read(nghttp2_session *session, int32_t stream, uint8_t *out, size_t max,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)session;
    (void)stream;
    (void)user;
    struct exchange *x = source->ptr;
    bool cut = false;
    size_t n = exchange_read(x, (char *)out, max, &cut);
    if (cut)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; /* becomes RST_STREAM */
    if (exchange_left(x) == 0) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        heap_remove(&x->conn->server->timers, &x->timer);
    } else if (n == 0) {
        return NGHTTP2_ERR_DEFERRED;
    }
    return (ssize_t)n;
}

static void filler_put(nghttp2_nv *nv, size_t n)
{
    for (size_t i = 0; i < n; i++)
        nv[i] = header("x-filler", "one of very many headers");
}

void h2_start(struct exchange *x)
{
    char status[16], length[32];
    size_t n = 0, filler = (size_t)x->reply.filler_headers;
    nghttp2_data_provider provider = {.source = {.ptr = x}, .read_callback = body_read};
    nghttp2_nv *nv = NEW_N(FAKE_HEADERS_MAX + 3 + filler, nghttp2_nv);
    int64_t left = exchange_left(x);
    snprintf(status, sizeof(status), "%d", x->reply.status);
    snprintf(length, sizeof(length), "%lld", (long long)left);
    nv[n++] = header(":status", status);
    for (size_t i = 0; i < x->reply.n_headers; i++)
        nv[n++] = header(x->reply.headers[i].name, x->reply.headers[i].value);
    if (!x->reply.head_only && x->reply.status != 204)
        nv[n++] = header("content-length", length);
    filler_put(nv + n, filler);
    if (nghttp2_submit_response(x->conn->h2, x->stream, nv, n + filler,
                                left > 0 ? &provider : NULL) != 0)
        x->conn->dead = true;
    mem_free(nv);
}

void h2_resume(struct exchange *x)
{
    nghttp2_session_resume_data(x->conn->h2, x->stream);
}

void h2_reset(struct exchange *x)
{
    nghttp2_submit_rst_stream(x->conn->h2, NGHTTP2_FLAG_NONE, x->stream, NGHTTP2_INTERNAL_ERROR);
}

void h2_output(struct conn *conn)
{
    while (conn->out.len - conn->out_at < OUT_ENOUGH) {
        const uint8_t *p = NULL;
        ssize_t n = nghttp2_session_mem_send(conn->h2, &p);
        if (n < 0)
            conn->dead = true;
        if (n <= 0)
            break;
        buf_add(&conn->out, p, (size_t)n);
    }
    if (!nghttp2_session_want_read(conn->h2) && !nghttp2_session_want_write(conn->h2))
        conn->closing = true;
}
