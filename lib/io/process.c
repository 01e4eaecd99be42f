#include "io/process.h"

#include "io/loop_uv.h"
#include "io/program.h"

#include <signal.h>
#include <unistd.h>

enum { OUTPUT_MAX = 64 * 1024, CHUNK_LEN = 64 * 1024, PATIENCE_MS = 2000, TIMEOUT_MS = 30000 };

/* What was done about the group so far. */
enum pressure { PRESSURE_NONE, PRESSURE_ASKED, PRESSURE_KILLED };

struct process_call {
    struct loop_thing thing;
    struct loop *loop;
    struct loop_timer deadline;
    struct loop_later later;
    process_done *done; /* NULL: said or cancelled, only the handles are waited for */
    void *arg;
    struct err err; /* of a program that did not start */

    uv_process_t child;
    uv_pipe_t output, input;
    uv_write_t write;
    struct secret input_bytes; /* may be a key on its way to a hook */
    int n_handles;             /* not yet closed */
    bool has_child, has_output, has_input;

    bool exited, ended; /* the program; its output */
    enum pressure pressure;
    uint64_t started_ns;
    struct buf kept;
    struct process_result result;
    char chunk[CHUNK_LEN];
};

static void call_free(struct process_call *call)
{
    secret_fini(&call->input_bytes);
    buf_fini(&call->kept);
    mem_cleanse(call->chunk, sizeof call->chunk);
    mem_free(call);
}

static void handle_closed(uv_handle_t *handle)
{
    struct process_call *call = handle->data;
    if (--call->n_handles == 0)
        call_free(call);
}

static void pipe_drop(bool *has, uv_pipe_t *stream)
{
    if (*has)
        uv_close((uv_handle_t *)stream, handle_closed);
    *has = false;
}

/* A child whose handle is closed early would stay a zombie, so that one is closed when it has exited. */
static void call_drop(struct process_call *call)
{
    call->done = NULL;
    loop_timer_clear(call->loop, &call->deadline);
    loop_later_clear(&call->later);
    loop_thing_remove(&call->thing);
    pipe_drop(&call->has_output, &call->output);
    pipe_drop(&call->has_input, &call->input);
    if (call->has_child && call->exited)
        uv_close((uv_handle_t *)&call->child, handle_closed);
    if (call->n_handles == 0)
        call_free(call);
}

/* The number of a group cannot be given anew while the group has members. It has none only when the program is gone and
 * what holds its output has left the group; that a stranger got the number within the deadline then is the one case left. */
static bool group_signal(const struct process_call *call, int signum)
{
    return kill(-(pid_t)call->child.pid, signum) == 0;
}

/* What was written before a kill is still in the pipe. */
static void output_drain(struct process_call *call)
{
    uv_os_fd_t fd;
    ssize_t n = 0;
    if (!call->has_output || uv_fileno((uv_handle_t *)&call->output, &fd) != 0)
        return;
    while (call->kept.len < OUTPUT_MAX &&
           (n = read(fd, call->chunk, OUTPUT_MAX - call->kept.len)) > 0)
        buf_add(&call->kept, call->chunk, (size_t)n);
}

static void call_finish(struct process_call *call)
{
    process_done *done = call->done;
    struct process_result result = call->result;
    AUTO(buf_fini)
    struct buf kept = BUF(0);
    output_drain(call);
    kept = call->kept;
    call->kept = BUF(0);
    result.output = buf_str(&kept);
    result.took_ms = (int64_t)((uv_hrtime() - call->started_ns) / 1000000);
    void *arg = call->arg;
    loop_report(call->loop);
    call_drop(call);
    done(arg, &result, NULL);
}

/* After SIGTERM others of the group may still be tidying up; they are left the time that was promised. */
static void call_look(struct process_call *call)
{
    if (call->done == NULL || !call->exited)
        return;
    if (call->pressure == PRESSURE_KILLED ||
        (call->ended && (call->pressure == PRESSURE_NONE || !group_signal(call, 0))))
        call_finish(call);
}

static void deadline_fired(struct loop_timer *timer)
{
    struct process_call *call = LIST_OWNER(timer, struct process_call, deadline);
    if (call->pressure == PRESSURE_NONE && !call->exited) {
        call->result.timed_out = true;
        call->pressure = PRESSURE_ASKED;
        group_signal(call, SIGTERM);
        loop_timer_set(call->loop, &call->deadline, PATIENCE_MS, deadline_fired);
        return;
    }
    call->pressure = PRESSURE_KILLED;
    group_signal(call, SIGKILL);
    call_look(call);
}

static void child_exited(uv_process_t *child, int64_t status, int signum)
{
    struct process_call *call = child->data;
    call->exited = true;
    call->result.exit_code = signum != 0 ? -1 : (int)status;
    call->result.signal = signum;
    if (call->done == NULL)
        uv_close((uv_handle_t *)&call->child, handle_closed);
    else
        call_look(call);
}

static void output_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct process_call *call = handle->data;
    (void)suggested;
    *buf = uv_buf_init(call->chunk, sizeof call->chunk);
}

/* What does not fit is read all the same, or the program would stand still. */
static void output_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct process_call *call = stream->data;
    if (n > 0) {
        size_t room = OUTPUT_MAX - call->kept.len;
        buf_add(&call->kept, buf->base, (size_t)n < room ? (size_t)n : room);
    }
    if (n >= 0)
        return;
    call->ended = true;
    pipe_drop(&call->has_output, &call->output);
    call_look(call);
}

/* A program need not read what it is given. */
static void input_written(uv_write_t *write, int status)
{
    struct process_call *call = write->data;
    (void)status;
    pipe_drop(&call->has_input, &call->input);
}

static int pipe_take(struct process_call *call, uv_pipe_t *stream, bool *has, uv_file fd)
{
    int code = uv_pipe_init(loop_uv(call->loop), stream, 0);
    CHECK(code == 0);
    stream->data = call;
    *has = true;
    call->n_handles++;
    code = uv_pipe_open(stream, fd);
    if (code != 0)
        close(fd);
    return code;
}

/* ends: the program's 0 (or -1) and its 1 and 2. */
static int child_spawn(struct process_call *call, const struct process_request *request,
                       const char *path, const int ends[2])
{
    uv_stdio_container_t stdio[3] = {
        {.flags = ends[0] < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = ends[0]},
        {.flags = UV_INHERIT_FD, .data.fd = ends[1]},
        {.flags = UV_INHERIT_FD, .data.fd = ends[1]},
    };
    AUTO(mem_fini)
    char **environment = program_environment(request->environment);
    uv_process_options_t options = {
        .exit_cb = child_exited,
        .file = path,
        .args = (char **)(uintptr_t)request->argv,
        .env = environment,
        .cwd = request->directory != NULL ? request->directory : "/",
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
    };
    descriptors_keep();
    call->child.data = call;
    call->has_child = true;
    call->n_handles++;
    call->started_ns = uv_hrtime();
    return uv_spawn(loop_uv(call->loop), &call->child, &options);
}

static int input_feed(struct process_call *call, uv_file fd)
{
    uv_buf_t bytes = uv_buf_init((char *)call->input_bytes.p, (unsigned)call->input_bytes.len);
    call->write.data = call;
    int code = pipe_take(call, &call->input, &call->has_input, fd);
    return code != 0
               ? code
               : uv_write(&call->write, (uv_stream_t *)&call->input, &bytes, 1, input_written);
}

static void fds_close(int fds[2])
{
    for (int i = 0; i < 2; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

/* Pipes of the system, not libuv's socket pairs: a program may open /dev/stdin. */
static int call_run(struct process_call *call, const struct process_request *request,
                    const char *path)
{
    int out[2] = {-1, -1}, in[2] = {-1, -1};
    int code = uv_pipe(out, UV_NONBLOCK_PIPE, 0);
    if (code == 0 && call->input_bytes.len > 0)
        code = uv_pipe(in, 0, UV_NONBLOCK_PIPE);
    if (code == 0) {
        code = child_spawn(call, request, path, (int[2]){in[0], out[1]});
        call->exited = code != 0;
    }
    if (code == 0) {
        int from = out[0], to = in[1];
        out[0] = in[1] = -1;
        code = pipe_take(call, &call->output, &call->has_output, from);
        if (code == 0)
            code = uv_read_start((uv_stream_t *)&call->output, output_space, output_came);
        if (code == 0 && to >= 0)
            code = input_feed(call, to);
        else if (to >= 0)
            close(to);
        if (code != 0)
            group_signal(call, SIGKILL);
    }
    fds_close(out);
    fds_close(in);
    return code;
}

void process_cancel(struct process_call *call)
{
    if (call == NULL)
        return;
    if (call->has_child && call->child.pid > 0 && !(call->exited && call->ended))
        group_signal(call, SIGKILL);
    call_drop(call);
}

static void call_cancelled(struct loop_thing *thing)
{
    process_cancel(LIST_OWNER(thing, struct process_call, thing));
}

static void failure_told(struct loop_later *later)
{
    struct process_call *call = LIST_OWNER(later, struct process_call, later);
    process_done *done = call->done;
    void *arg = call->arg;
    struct err err = call->err;
    loop_report(call->loop);
    process_cancel(call);
    done(arg, NULL, &err);
}

static bool call_start(struct process_call *call, const struct process_request *request,
                       struct err *err)
{
    AUTO(mem_fini)
    char *path = NULL;
    const char *folder = request->directory != NULL ? request->directory : "/";
    if (!program_find(request->argv[0], &path, err))
        return false;
    if (access(folder, X_OK) != 0)
        return err_errno(err, errno, "program %s: its folder %s", path, folder);
    int code = call_run(call, request, path);
    return code == 0 || err_uv(err, code, "start program %s", path);
}

struct process_call *process_start(struct loop *loop, const struct process_request *request,
                                   process_done *done, void *arg)
{
    struct process_call *call = NEW(struct process_call);
    *call = (struct process_call){.loop = loop, .done = done, .arg = arg, .kept = BUF(OUTPUT_MAX)};
    secret_init(&call->input_bytes, request->input.p, request->input.len);
    loop_thing_add(loop, &call->thing, call_cancelled);
    if (!call_start(call, request, &call->err))
        loop_later(loop, &call->later, failure_told);
    else
        loop_timer_set(loop, &call->deadline,
                       request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS, deadline_fired);
    return call;
}

bool process_result_ok(const struct process_result *result)
{
    return result != NULL && result->exit_code == 0 && result->signal == 0 && !result->timed_out;
}
