#include "cmd/command.h"
#include "cmd/help.h"
#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/output.h"

#include "base/failpoint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Keys pass through this process: no core file, no reading by others, no file that others may read. */
static unsigned process_harden(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return (unsigned)umask(077);
}

/* A closed descriptor 0, 1 or 2 would be given to the next file opened - a key, the store -, and
 * what is printed would land in it. A reader that went away must not end a renewal half-way. */
static void process_shield_output(void)
{
    int fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = open("/dev/null", O_RDWR);
    if (fd > STDERR_FILENO)
        close(fd);
    signal(SIGPIPE, SIG_IGN);
}

static void complain(const struct invocation *in, const struct err *err)
{
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_object();
        struct json *error = json_object();
        json_set_text(error, "kind", err_kind_name(err->kind));
        json_set_text(error, "text", err->text);
        if (err->until_ms != 0)
            json_set_time(error, "until", err->until_ms);
        json_set(tree, "error", error);
        json_print(tree);
    }
    fprintf(stderr, "%s: %s\n", in->program, err->text);
}

static enum exit_code command_run(struct invocation *in)
{
    enum exit_code code;
    if (house_open(in, &in->err)) {
        code = in->command->run(in);
    } else {
        code = exit_code_of(&in->err);
    }
    if (in->err.kind != ERR_NONE)
        complain(in, &in->err);
    house_close(in);
    return code;
}

static bool failpoints_arm(struct err *err)
{
#ifdef CHANCERY_FAILPOINTS
    return failpoint_arm(getenv("CHANCERY_FAILPOINT"), err);
#else
    (void)err;
    return true;
#endif
}

static enum exit_code version_run(const struct invocation *in)
{
    AUTO(json_fini)
    struct json *tree = json_set_text(json_object(), "version", CHANCERY_VERSION);
    if (in->json)
        json_print(tree);
    else
        printf("chancery %s (%s)\n", CHANCERY_VERSION, http_library());
    return EXIT_CODE_DONE;
}

static enum exit_code help_of_command(const struct invocation *in)
{
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = help_json(in->command);
        json_print(tree);
    } else {
        help_command(in->command, stdout);
    }
    return EXIT_CODE_DONE;
}

int main(int argc, char **argv)
{
    struct invocation in = {.program = "chancery"};
    enum exit_code code;
    process_shield_output();
    in.umask_before = process_harden();
    if (!failpoints_arm(&in.err) || !invocation_parse(&in, argc, argv, &in.err)) {
        in.json = in.json || invocation_wants_json(argc, argv);
        complain(&in, &in.err);
        fprintf(stderr, "Try: %s help%s%s\n", in.program, in.command != NULL ? " " : "",
                in.command != NULL ? in.command->name : "");
        code = EXIT_CODE_USAGE;
    } else if (option_common(&in, "version") != NULL) {
        code = version_run(&in);
    } else if (in.command == NULL) {
        code = help_run(&in);
    } else if (option_common(&in, "help") != NULL) {
        code = help_of_command(&in);
    } else {
        code = command_run(&in);
    }
    invocation_fini(&in);
    if (fflush(stdout) != 0 && code == EXIT_CODE_DONE)
        code = EXIT_CODE_FAILED;
    if (in.is_stopped)
        _exit((int)code); /* exit() would join the thread pool */
    return (int)code;
}
