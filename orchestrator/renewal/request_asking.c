#include "renewal/request_asking.h"

#include "crypto/csr.h"
#include "io/files.h"
#include "io/process.h"

enum { TIMEOUT_MS = 60 * 1000 };

struct request_asking {
    struct process_call *process;
    struct timer *soon; /* of a file, and of what failed at once */
    char *reference;
    struct buf bytes;
    struct err err; /* kind NONE: none */
    request_heard *heard;
    void *arg;
};

static void asking_free(struct request_asking *asking)
{
    buf_fini(&asking->bytes);
    mem_free(asking->reference);
    mem_free(asking);
}

static void asking_end(struct request_asking *asking)
{
    struct err *err = &asking->err;
    bool failed = err->kind != ERR_NONE;
    /* A file that is not there and a program that is not there are both for a person to mend. */
    if (failed && err->kind != ERR_DENIED && err->kind != ERR_LOCAL)
        err->kind = ERR_CONFIG;
    if (failed)
        err_wrap(err, "certificate request from %.200s", asking->reference);
    asking->heard(asking->arg, failed ? STR_NONE : buf_str(&asking->bytes), failed ? err : NULL);
    asking_free(asking);
}

static void asking_ends_soon(void *arg)
{
    struct request_asking *asking = arg;
    asking->soon = NULL;
    asking_end(asking);
}

static void program_heard(void *arg, const struct process_result *result, const struct err *err)
{
    struct request_asking *asking = arg;
    asking->process = NULL;
    if (err != NULL)
        asking->err = *err;
    else if (process_result_check(result, &asking->err))
        buf_add_str(&asking->bytes, result->output);
    asking_end(asking);
}

static bool program_start(struct request_asking *asking, struct loop *loop,
                          const struct config *config)
{
    const char **argv = NULL;
    if (!exec_words(asking->reference + strlen("exec:"), &argv, &asking->err))
        return false;
    struct process_request request = {
        .argv = argv, .directory = config->folder, .timeout_ms = TIMEOUT_MS, .errors_apart = true};
    asking->process = process_start(loop, &request, program_heard, asking);
    mem_free((char *)(uintptr_t)argv[0]);
    mem_free(argv);
    return true;
}

static void file_look(struct request_asking *asking, const struct config *config)
{
    const char *path = asking->reference + strlen("file:");
    AUTO(mem_fini)
    char *whole = path[0] == '/' ? mem_strdup(path) : mem_printf("%s/%s", config->folder, path);
    file_read(whole, CSR_LEN_MAX, false, &asking->bytes, &asking->err);
}

struct request_asking *request_ask(struct loop *loop, const struct config *config,
                                   const char *reference, request_heard *heard, void *arg)
{
    struct request_asking *asking = NEW(struct request_asking);
    *asking = (struct request_asking){
        .reference = mem_strdup(reference), .bytes = BUF(CSR_LEN_MAX), .heard = heard, .arg = arg};
    if (!csr_reference_check(reference, &asking->err))
        ;
    else if (!str_starts(str_of(reference), STR("exec:")))
        file_look(asking, config);
    else if (program_start(asking, loop, config))
        return asking;
    asking->soon = timer_start(loop, 0, asking_ends_soon, asking);
    return asking;
}

void request_abandon(struct request_asking *asking)
{
    if (asking == NULL)
        return;
    process_cancel(asking->process);
    timer_cancel(asking->soon);
    asking_free(asking);
}
