/*
 * lib/io/process.h and probe.h for stories. Two programs exist: "change-txt" changes the world's zone as a hook of the provider
 * `exec` would: change-txt present|remove OWNER VALUE; "show-request" hands out a certificate request. Nothing can be probed, no host name has an address.
 */
#include "world.h"

#include "io/files.h"
#include "io/probe.h"
#include "io/process.h"

#include <stdio.h>

struct process_call {
    struct event event;
    struct err err; /* kind NONE: it ran */
    struct process_result result;
    struct buf output;
    process_done *done;
    void *arg;
};

static void call_happens(struct event *event)
{
    struct process_call *call = (struct process_call *)event;
    call->result.output = buf_str(&call->output);
    call->done(call->arg, call->err.kind != ERR_NONE ? NULL : &call->result,
               call->err.kind != ERR_NONE ? &call->err : NULL);
    buf_fini(&call->output);
    mem_free(call);
}

/* show-request FILE: the appliance that has the key; it grumbles, too. */
static int64_t request_show(struct process_call *call, const struct process_request *request)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", request->directory, request->argv[1]);
    call->result.errors = STR("warning: the clock of this appliance was never set\n");
    if (!file_read(path, 64 * 1024, false, &call->output, NULL))
        call->result.exit_code = 3;
    if (!request->errors_apart)
        buf_add_str(&call->output, call->result.errors);
    return WORLD_LATENCY_MS;
}

static int64_t program_run(struct process_call *call, const struct process_request *request)
{
    const char *const *argv = request->argv;
    if (strcmp(argv[0], "show-request") == 0 && argv[1] != NULL)
        return request_show(call, request);
    if (strcmp(argv[0], "change-txt") != 0 || argv[1] == NULL || argv[2] == NULL ||
        argv[3] == NULL) {
        err_set(&call->err, ERR_ABSENT, "%s: no such program", argv[0]);
        return WORLD_LATENCY_MS;
    }
    bool present = strcmp(argv[1], "present") == 0;
    const char *name = present ? "publish" : "remove";
    if (!world_point(name, KILL_BEFORE))
        return INT32_MAX;
    if (world.updates == REACH_WORKS || world.updates == REACH_LOST)
        world_txt_change(argv[2], argv[3], present, false);
    call->result.exit_code = world.updates == REACH_WORKS     ? 0
                             : world.updates == REACH_REFUSED ? 77
                                                              : 75;
    if (!world_point(name, KILL_AFTER))
        return INT32_MAX;
    return world.program_takes_ms > 0 ? world.program_takes_ms : WORLD_LATENCY_MS;
}

struct process_call *process_start(struct loop *loop, const struct process_request *request,
                                   process_done *done, void *arg)
{
    struct process_call *call = NEW(struct process_call);
    (void)loop;
    call->event.happen = call_happens;
    call->output = BUF(64 * 1024);
    call->done = done;
    call->arg = arg;
    world_later(&call->event, world.is_killed ? INT32_MAX : program_run(call, request));
    return call;
}

void process_cancel(struct process_call *call)
{
    if (call == NULL)
        return;
    world_cancel(&call->event);
    buf_fini(&call->output);
    mem_free(call);
}

bool process_result_ok(const struct process_result *result)
{
    return result->exit_code == 0 && result->signal == 0 && !result->timed_out;
}

struct probe_call {
    struct event event;
    probe_done *done;
    void *arg;
};

static void probe_happens(struct event *event)
{
    struct probe_call *call = (struct probe_call *)event;
    struct probe_result result = {.stage = PROBE_CONNECT};
    struct err err;
    err_set(&err, ERR_AGAIN, "nothing can be probed in a story");
    call->done(call->arg, &result, &err);
    mem_free(call);
}

struct probe_call *probe_start(struct loop *loop, const struct probe_request *request,
                               probe_done *done, void *arg)
{
    struct probe_call *call = NEW(struct probe_call);
    (void)loop;
    (void)request;
    call->event.happen = probe_happens;
    call->done = done;
    call->arg = arg;
    world_later(&call->event, WORLD_LATENCY_MS);
    return call;
}

void probe_cancel(struct probe_call *call)
{
    if (call == NULL)
        return;
    world_cancel(&call->event);
    mem_free(call);
}

struct resolve_call {
    struct event event;
    resolve_done *done;
    void *arg;
};

static void resolve_happens(struct event *event)
{
    struct resolve_call *call = (struct resolve_call *)event;
    struct err err;
    err_set(&err, ERR_ABSENT, "no host has an address in a story");
    call->done(call->arg, NULL, 0, &err);
    mem_free(call);
}

struct resolve_call *resolve_start(struct loop *loop, const char *host, uint16_t port,
                                   resolve_done *done, void *arg)
{
    struct resolve_call *call = NEW(struct resolve_call);
    (void)loop;
    (void)host;
    (void)port;
    call->event.happen = resolve_happens;
    call->done = done;
    call->arg = arg;
    world_later(&call->event, WORLD_LATENCY_MS);
    return call;
}

void resolve_cancel(struct resolve_call *call)
{
    if (call == NULL)
        return;
    world_cancel(&call->event);
    mem_free(call);
}
