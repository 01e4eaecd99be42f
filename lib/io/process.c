#include "io/process.h"

#include "io/loop_uv.h"
#include "io/program.h"

#include <signal.h>
#include <unistd.h>

enum {
    OUTPUT_MAX = 64 * 1024,
    ERRORS_MAX = 4 * 1024,
    CHUNK_LEN = 64 * 1024,
    PATIENCE_MS = 2000,
    TIMEOUT_MS = 30000
};

/* What was done about the group so far. */
enum pressure { PRESSURE_NONE, PRESSURE_ASKED, PRESSURE_KILLED };

/* What comes out of the program: its 1, or its 2 when that is apart. */
struct outlet {
    uv_pipe_t pipe;
    bool has, is_cut;
    struct buf kept;
};
enum { OUTPUT, ERRORS, OUTLETS_N };

struct process_call {
    struct loop_thing thing;
    struct loop *loop;
    struct loop_timer deadline;
    struct loop_later later;
    process_done *done; /* NULL: said or cancelled, only the handles are waited for */
    void *arg;
    struct err err; /* of a program that did not start */

    uv_process_t child;
    uv_pipe_t input;
    struct outlet outlets[OUTLETS_N];
    uv_write_t write;
    struct secret input_bytes; /* may be a key on its way to a hook */
    int n_handles;             /* not yet closed */
    bool has_child, has_input;

    bool exited; /* the program; its output may still be coming */
    enum pressure pressure;
    uint64_t started_ns;
    struct process_result result;
    char chunk[CHUNK_LEN];
};

static void call_free(struct process_call *call)
{
    secret_fini(&call->input_bytes);
    for (size_t i = 0; i < OUTLETS_N; i++)
        buf_fini(&call->outlets[i].kept);
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
    for (size_t i = 0; i < OUTLETS_N; i++)
        pipe_drop(&call->outlets[i].has, &call->outlets[i].pipe);
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

/* What does not fit is read all the same, or the program would stand still. */
static void outlet_keep(struct outlet *outlet, const char *p, size_t len)
{
    size_t room = outlet->kept.max - outlet->kept.len;
    outlet->is_cut = outlet->is_cut || len > room;
    buf_add(&outlet->kept, p, len < room ? len : room);
}

/* What was written before a kill is still in the pipe. */
static void outlet_drain(struct process_call *call, struct outlet *outlet)
{
    uv_os_fd_t fd;
    ssize_t n = 0;
    if (!outlet->has || uv_fileno((uv_handle_t *)&outlet->pipe, &fd) != 0)
        return;
    while (outlet->kept.len < outlet->kept.max &&
           (n = read(fd, call->chunk, sizeof call->chunk)) > 0)
        outlet_keep(outlet, call->chunk, (size_t)n);
}

static void call_finish(struct process_call *call)
{
    process_done *done = call->done;
    struct process_result result = call->result;
    struct buf kept[OUTLETS_N];
    for (size_t i = 0; i < OUTLETS_N; i++) {
        outlet_drain(call, &call->outlets[i]);
        kept[i] = call->outlets[i].kept;
        call->outlets[i].kept = BUF(0);
    }
    result.output = buf_str(&kept[OUTPUT]);
    result.errors = buf_str(&kept[ERRORS]);
    result.is_cut = call->outlets[OUTPUT].is_cut;
    result.took_ms = (int64_t)((uv_hrtime() - call->started_ns) / 1000000);
    void *arg = call->arg;
    loop_report(call->loop);
    call_drop(call);
    done(arg, &result, NULL);
    for (size_t i = 0; i < OUTLETS_N; i++)
        buf_fini(&kept[i]);
}

static bool outlets_ended(const struct process_call *call)
{
    return !call->outlets[OUTPUT].has && !call->outlets[ERRORS].has;
}

/* After SIGTERM others of the group may still be tidying up; they are left the time that was promised. */
static void call_look(struct process_call *call)
{
    if (call->done == NULL || !call->exited)
        return;
    if (call->pressure == PRESSURE_KILLED ||
        (outlets_ended(call) && (call->pressure == PRESSURE_NONE || !group_signal(call, 0))))
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

static void output_came(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct process_call *call = stream->data;
    struct outlet *outlet = LIST_OWNER((uv_pipe_t *)stream, struct outlet, pipe);
    if (n > 0)
        outlet_keep(outlet, buf->base, (size_t)n);
    if (n >= 0)
        return;
    pipe_drop(&outlet->has, &outlet->pipe);
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

/* ends: the program's 0 (or -1), 1 and 2. */
static int child_spawn(struct process_call *call, const struct process_request *request,
                       const char *path, const int ends[3])
{
    uv_stdio_container_t stdio[3] = {
        {.flags = ends[0] < 0 ? UV_IGNORE : UV_INHERIT_FD, .data.fd = ends[0]},
        {.flags = UV_INHERIT_FD, .data.fd = ends[1]},
        {.flags = UV_INHERIT_FD, .data.fd = ends[2]},
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

static int outlet_open(struct process_call *call, struct outlet *outlet, int *fd)
{
    int from = *fd;
    *fd = -1;
    int code = pipe_take(call, &outlet->pipe, &outlet->has, from);
    return code != 0 ? code
                     : uv_read_start((uv_stream_t *)&outlet->pipe, output_space, output_came);
}

/* Each pair: ours to read (of the input: the program's), and the other end. */
struct pipes {
    int in[2], out[2], errors[2];
};

static int pipes_open(const struct process_call *call, const struct process_request *request,
                      struct pipes *pipes)
{
    int code = uv_pipe(pipes->out, UV_NONBLOCK_PIPE, 0);
    if (code == 0 && request->errors_apart)
        code = uv_pipe(pipes->errors, UV_NONBLOCK_PIPE, 0);
    if (code == 0 && call->input_bytes.len > 0)
        code = uv_pipe(pipes->in, 0, UV_NONBLOCK_PIPE);
    return code;
}

static int outlets_open(struct process_call *call, struct pipes *pipes)
{
    int code = outlet_open(call, &call->outlets[OUTPUT], &pipes->out[0]);
    if (code == 0 && pipes->errors[0] >= 0)
        code = outlet_open(call, &call->outlets[ERRORS], &pipes->errors[0]);
    if (code == 0 && pipes->in[1] >= 0) {
        int to = pipes->in[1];
        pipes->in[1] = -1;
        code = input_feed(call, to);
    }
    return code;
}

/* Pipes of the system, not libuv's socket pairs: a program may open /dev/stdin. */
static int call_run(struct process_call *call, const struct process_request *request,
                    const char *path)
{
    struct pipes pipes = {{-1, -1}, {-1, -1}, {-1, -1}};
    int code = pipes_open(call, request, &pipes);
    if (code == 0) {
        int errors = request->errors_apart ? pipes.errors[1] : pipes.out[1];
        code = child_spawn(call, request, path, (int[3]){pipes.in[0], pipes.out[1], errors});
        call->exited = code != 0;
    }
    if (code == 0) {
        code = outlets_open(call, &pipes);
        if (code != 0)
            group_signal(call, SIGKILL);
    }
    fds_close(pipes.out);
    fds_close(pipes.errors);
    fds_close(pipes.in);
    return code;
}

void process_cancel(struct process_call *call)
{
    if (call == NULL)
        return;
    if (call->has_child && call->child.pid > 0 && !(call->exited && outlets_ended(call)))
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
    *call = (struct process_call){.loop = loop, .done = done, .arg = arg};
    call->outlets[OUTPUT].kept = BUF(OUTPUT_MAX);
    call->outlets[ERRORS].kept = BUF(ERRORS_MAX);
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
