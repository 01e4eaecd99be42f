#include "io/process.h"

enum { COMPLAINT_MAX = 300 };

/* What stands last says most. */
static void complaint_add(const struct process_result *result, struct buf *out)
{
    struct str said = str_trim(result->errors);
    if (said.len > COMPLAINT_MAX)
        said = str_mem(said.p + said.len - COMPLAINT_MAX, COMPLAINT_MAX);
    if (said.len == 0)
        return;
    buf_add_cstr(out, "; it said: ");
    text_escape(out, said, COMPLAINT_MAX);
}

bool process_result_check(const struct process_result *result, struct err *err)
{
    AUTO(buf_fini)
    struct buf said = BUF(2 * COMPLAINT_MAX);
    complaint_add(result, &said);
    if (result->timed_out)
        return err_set(err, ERR_CONFIG, "it did not end in time%s", buf_cstr(&said));
    if (!process_result_ok(result))
        return err_set(err, ERR_CONFIG, "it failed (%s %d)%s",
                       result->signal != 0 ? "signal" : "exit code",
                       result->signal != 0 ? result->signal : result->exit_code, buf_cstr(&said));
    return !result->is_cut ||
           err_set(err, ERR_CONFIG, "it wrote more than %zu bytes", result->output.len);
}
