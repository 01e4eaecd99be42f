#include "io/probe.h"

#include "io/loop_uv.h"
#include "io/probe_starttls.h"
#include "io/probe_tls.h"

enum { TIMEOUT_MS = 5000, CHUNK_LEN = 16 * 1024, CHAIN_MAX = 512 * 1024, SAY_MAX = 256 * 1024 };

struct probe_call {
    struct loop_thing thing;
    struct loop *loop;
    struct loop_timer deadline;
    struct loop_later later;
    probe_done *done;
    void *arg;

    char peer[NET_ADDRESS_TEXT_MAX];
    char *host, *prefer; /* host: as SNI, NULL for none */
    int64_t timeout_ms;
    uint64_t started_ns;
    enum probe_stage stage;
    uv_tcp_t tcp;
    uv_connect_t connect;
    const struct starttls_kind *kind; /* NULL: TLS at once */
    struct starttls talk;
    struct tls_look *look;
    struct buf chain;
    struct err err;
    char chunk[CHUNK_LEN];
};

static void call_closed(uv_handle_t *handle)
{
    struct probe_call *call = handle->data;
    tls_look_free(call->look);
    starttls_fini(&call->talk);
    buf_fini(&call->chain);
    mem_free(call->host);
    mem_free(call->prefer);
    mem_free(call);
}

void probe_cancel(struct probe_call *call)
{
    if (call == NULL)
        return;
    loop_thing_remove(&call->thing);
    loop_timer_clear(call->loop, &call->deadline);
    loop_later_clear(&call->later);
    uv_close((uv_handle_t *)&call->tcp, call_closed);
}

static void call_cancelled(struct loop_thing *thing)
{
    probe_cancel(LIST_OWNER(thing, struct probe_call, thing));
}

/* uv_close only asks; the memory lives until the loop closes, so what done borrows is there. */
static void call_finish(struct probe_call *call)
{
    bool good = call->err.kind == ERR_NONE;
    struct probe_result result = {
        .stage = good ? PROBE_DONE : call->stage,
        .chain_pem = good ? buf_str(&call->chain) : STR_NONE,
        .tls_version = good ? tls_look_version(call->look) : "",
        .took_ms = (int64_t)((uv_hrtime() - call->started_ns) / 1000000),
    };
    if (!good)
        err_wrap(&call->err, call->host != NULL ? "probe %s (%s)" : "probe %s", call->peer,
                 call->host);
    probe_cancel(call);
    loop_report(call->loop);
    call->done(call->arg, &result, good ? NULL : &call->err);
}

static void deadline_fired(struct loop_timer *timer)
{
    static const char *const waits[] = {
        [PROBE_CONNECT] = "the connection",
        [PROBE_STARTTLS] = "the answer to STARTTLS",
        [PROBE_HANDSHAKE] = "the handshake",
        [PROBE_DONE] = "",
    };
    struct probe_call *call = LIST_OWNER(timer, struct probe_call, deadline);
    err_set(&call->err, ERR_AGAIN, "waited in vain %lld ms for %s", (long long)call->timeout_ms,
            waits[call->stage]);
    call_finish(call);
}

struct saying {
    uv_write_t write;
    char bytes[];
};

/* A failed write shows as a failed read, which tells more. */
static void said(uv_write_t *write, int status)
{
    (void)status;
    mem_free(write->data);
}

static void call_say(struct probe_call *call, const struct buf *out)
{
    if (out->len == 0)
        return;
    CHECK(!out->overflow);
    struct saying *saying = mem_new(1, sizeof *saying + out->len);
    memcpy(saying->bytes, out->p, out->len);
    saying->write.data = saying;
    uv_buf_t bytes = uv_buf_init(saying->bytes, (unsigned)out->len);
    if (uv_write(&saying->write, (uv_stream_t *)&call->tcp, &bytes, 1, said) != 0)
        mem_free(saying);
}

/* What is short enough leaves at once, as the last word before the close. */
static void call_say_last(struct probe_call *call, const struct buf *out)
{
    uv_buf_t bytes = uv_buf_init(out->p, (unsigned)out->len);
    if (out->len > 0)
        uv_try_write((uv_stream_t *)&call->tcp, &bytes, 1);
}

static void handshake_start(struct probe_call *call, struct buf *out)
{
    call->stage = PROBE_HANDSHAKE;
    if (!tls_look_new(call->host, call->prefer, &call->look, out, &call->err)) {
        call_finish(call);
        return;
    }
    call_say(call, out);
}

static void handshake_hear(struct probe_call *call, struct str bytes, struct buf *out)
{
    enum tls_verdict verdict = tls_look_hear(call->look, bytes, out, &call->err);
    if (verdict == TLS_MORE) {
        call_say(call, out);
        return;
    }
    call_say_last(call, out);
    if (verdict == TLS_DONE)
        tls_look_chain(call->look, &call->chain, &call->err);
    call_finish(call);
}

static void call_hear(struct probe_call *call, struct str bytes)
{
    AUTO(buf_fini)
    struct buf out = BUF(SAY_MAX);
    if (call->stage == PROBE_HANDSHAKE) {
        handshake_hear(call, bytes, &out);
        return;
    }
    switch (starttls_hear(&call->talk, bytes, &out, &call->err)) {
    case STARTTLS_MORE:
        call_say(call, &out);
        break;
    case STARTTLS_GO:
        handshake_start(call, &out);
        break;
    case STARTTLS_FAIL:
        call_finish(call);
        break;
    }
}

static void bytes_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct probe_call *call = handle->data;
    (void)suggested;
    *buf = uv_buf_init(call->chunk, sizeof call->chunk);
}

static void bytes_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct probe_call *call = stream->data;
    if (n > 0) {
        call_hear(call, str_mem(buf->base, (size_t)n));
        return;
    }
    if (n == 0)
        return;
    err_uv(&call->err, (int)n,
           call->stage == PROBE_STARTTLS ? "before TLS" : "in the TLS handshake");
    call_finish(call);
}

static void connected(uv_connect_t *connect, int status)
{
    struct probe_call *call = connect->data;
    if (status == UV_ECANCELED)
        return;
    if (status == 0)
        status = uv_read_start((uv_stream_t *)&call->tcp, bytes_space, bytes_came);
    if (status != 0) {
        err_uv(&call->err, status, "connect");
        call_finish(call);
        return;
    }
    AUTO(buf_fini)
    struct buf out = BUF(SAY_MAX);
    if (call->kind == NULL) {
        handshake_start(call, &out);
        return;
    }
    call->stage = PROBE_STARTTLS;
    starttls_init(&call->talk, call->kind, &out);
    call_say(call, &out);
}

static void failure_told(struct loop_later *later)
{
    call_finish(LIST_OWNER(later, struct probe_call, later));
}

static bool call_start(struct probe_call *call, const struct probe_request *request)
{
    struct sockaddr_storage storage;
    socklen_t len;
    call->kind = starttls_kind_find(request->starttls);
    if (request->starttls != NULL && call->kind == NULL)
        return err_set(&call->err, ERR_CONFIG, "there is no STARTTLS for \"%s\"",
                       request->starttls);
    if (request->address.ip_len == 0)
        return err_set(&call->err, ERR_CONFIG, "there is no address");
    const struct sockaddr *to = net_address_sockaddr(&request->address, &storage, &len);
    int code = uv_tcp_connect(&call->connect, &call->tcp, to, connected);
    return code == 0 || err_uv(&call->err, code, "connect");
}

/* RFC 6066 3: an address is no server name, and a name goes without its final dot. */
static char *server_name(const char *host)
{
    struct net_address address;
    if (host == NULL || host[0] == '\0' || net_address_parse(str_of(host), 0, &address))
        return NULL;
    size_t len = strlen(host);
    return mem_strndup(host, host[len - 1] == '.' ? len - 1 : len);
}

struct probe_call *probe_start(struct loop *loop, const struct probe_request *request,
                               probe_done *done, void *arg)
{
    struct probe_call *call = NEW(struct probe_call);
    call->loop = loop;
    call->done = done;
    call->arg = arg;
    call->host = server_name(request->host);
    call->prefer = mem_strdup(request->prefer);
    call->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS;
    call->started_ns = uv_hrtime();
    call->chain = BUF(CHAIN_MAX);
    net_address_format(&request->address, true, call->peer);
    CHECK(uv_tcp_init(loop_uv(loop), &call->tcp) == 0);
    call->tcp.data = call;
    call->connect.data = call;
    loop_thing_add(loop, &call->thing, call_cancelled);
    if (call_start(call, request))
        loop_timer_set(loop, &call->deadline, call->timeout_ms, deadline_fired);
    else
        loop_later(loop, &call->later, failure_told);
    return call;
}
