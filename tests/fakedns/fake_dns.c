/*
 * fake-dns: the fake DNS server as a program, for end-to-end tests and benches. Prints "ready" when it listens; ends at
 * SIGTERM or SIGINT.
 */
#include "dns_server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: fake-dns --listen ADDRESS:PORT [options of this host] ... [--zone FILE] [--log FILE] "
    "[--log-questions]\n"
    "\n"
    "  --listen ADDRESS:PORT     an authoritative host (all hosts on one port)\n"
    "  --recursive ADDRESS:PORT  a resolver over the same zones\n"
    "  --zone FILE               {\"zones\": {\"example.com\": [[\"www\", \"A\", \"192.0.2.1\"], "
    "...]}}\n"
    "  --log FILE                a JSON line for each change; --log-questions: for each question "
    "too\n"
    "of the host named last:\n"
    "  --serve ZONE              answers for this zone only (may come again)\n"
    "  --lag-ms N                shows TXT changes N ms late\n"
    "  --update-any              takes unsigned updates\n"
    "  --say ACT[:NAME]          servfail, refused, nxdomain, notauth, silent, cut, lame or "
    "garbage when asked for NAME\n";

static const struct {
    const char *name;
    enum fake_act act;
} acts[] = {
    {"servfail", FAKE_SERVFAIL}, {"refused", FAKE_REFUSED}, {"nxdomain", FAKE_NXDOMAIN},
    {"notauth", FAKE_NOTAUTH},   {"silent", FAKE_SILENT},   {"cut", FAKE_CUT},
    {"lame", FAKE_LAME},         {"garbage", FAKE_GARBAGE},
};

static struct {
    struct fake_dns *world;
    struct fake_host *host;
    int log_fd;
    bool log_questions;
} run = {.log_fd = -1};

_Noreturn static void stop(const char *why, const char *on)
{
    fprintf(stderr, "fake-dns: %s: %s\n%s", why, on, usage);
    exit(2);
}

static void take_host(const char *text, enum fake_role role)
{
    const char *colon = strrchr(text, ':');
    int64_t port = 0;
    if (colon == NULL || !str_to_i64(str_of(colon + 1), &port) || port < 1 || port > 65535)
        stop("an address needs a port", text);
    AUTO(mem_fini)
    char *address = mem_strndup(text, (size_t)(colon - text));
    size_t len = strlen(address);
    bool brackets = len > 2 && address[0] == '[' && address[len - 1] == ']';
    AUTO(mem_fini)
    char *bare = brackets ? mem_strndup(address + 1, len - 2) : mem_strdup(address);
    if (fake_dns_port(run.world) != 0 && fake_dns_port(run.world) != port)
        stop("all hosts listen on one port", text);
    fake_dns_use_port(run.world, (uint16_t)port);
    run.host = fake_dns_host(run.world, bare, role);
}

static void take_zones(const char *path)
{
    AUTO(buf_fini)
    struct buf text = BUF(64 << 20);
    AUTO(json_fini)
    struct json *tree = NULL;
    struct err err = {0};
    char block[65536];
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        stop("cannot open", path);
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        buf_add(&text, block, n);
    fclose(f);
    if (!json_parse(buf_str(&text), 64 << 20, &tree, &err) || !fake_dns_load(run.world, tree, &err))
        stop(path, err.text);
}

static void take_act(const char *text)
{
    struct str rest = str_of(text), name;
    str_split(&rest, ':', &name);
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
        if (str_eq(name, str_of(acts[i].name))) {
            fake_host_say(run.host, rest.p, 0, acts[i].act, 0);
            return;
        }
    stop("no such act", text);
}

static void take_lag(const char *text)
{
    int64_t lag_ms;
    if (!str_to_i64(str_of(text), &lag_ms) || lag_ms < 0)
        stop("no milliseconds", text);
    fake_host_set_lag(run.host, lag_ms);
}

static void take_log(const char *path)
{
    run.log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (run.log_fd < 0)
        stop("cannot write", path);
}

static void take_of_host(const char *name, const char *value)
{
    if (run.host == NULL)
        stop("name a host first", name);
    if (strcmp(name, "--serve") == 0)
        fake_host_serve(run.host, value);
    else if (strcmp(name, "--lag-ms") == 0)
        take_lag(value);
    else if (strcmp(name, "--say") == 0)
        take_act(value);
    else
        stop("unknown", name);
}

static void take(const char *name, const char *value)
{
    if (value == NULL)
        stop("a value is missing", name);
    else if (strcmp(name, "--listen") == 0)
        take_host(value, FAKE_AUTHORITATIVE);
    else if (strcmp(name, "--recursive") == 0)
        take_host(value, FAKE_RECURSIVE);
    else if (strcmp(name, "--zone") == 0)
        take_zones(value);
    else if (strcmp(name, "--log") == 0)
        take_log(value);
    else
        take_of_host(name, value);
}

static void take_all(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--log-questions") == 0) {
            run.log_questions = true;
        } else if (strcmp(argv[i], "--update-any") == 0) {
            if (run.host == NULL)
                stop("name a host first", argv[i]);
            fake_host_take_updates(run.host, true);
        } else {
            take(argv[i], argv[i + 1]);
            i++;
        }
    }
}

int main(int argc, char **argv)
{
    sigset_t ends;
    int which;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* before the thread is made */
    run.world = fake_dns_new();
    fake_dns_forget_names(run.world);
    take_all(argc, argv);
    if (run.host == NULL)
        stop("no host", "--listen is needed");
    fake_dns_log(run.world, run.log_fd, run.log_questions);
    puts("ready");
    fflush(stdout);
    sigwait(&ends, &which);
    fprintf(stderr, "fake-dns: %lld questions and updates\n",
            (long long)fake_dns_n_questions(run.world));
    fake_dns_free(run.world);
    return 0;
}
