#include "fake/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] =
    "usage: fake-ca [--port N] [--tls-cert-out FILE] [--latency-ms N] [--set JSON]...\n"
    "               [--dns 127.0.0.1:PORT] [--ledger FILE] [--seed N] [--chain-length N]\n"
    "\n"
    "A small ACME authority on https://127.0.0.1:PORT/directory for tests and load.\n"
    "  --port N            0 (default) takes a free one; the first line of stdout tells it\n"
    "  --tls-cert-out FILE writes the root of its own TLS certificate, for clients to trust\n"
    "  --base-url URL      what its URLs begin with, where something stands in front of it\n"
    "  --latency-ms N      every reply waits so long, without keeping others waiting\n"
    "  --set JSON          knobs and faults (tests/fake/ca_core.h), as by POST to /ca-set\n"
    "  --dns ADDRESS       looks up the TXT records there; without it every validation succeeds\n"
    "  --ledger FILE       writes GET /ca-ledger there on SIGTERM\n"
    "  --seed N            of tokens, nonces and serial numbers\n"
    "  --chain-length N    intermediates, 1 to 4\n";

enum { SETS_MAX = 32, EVENTS_MAX = 256 };

struct flags {
    int64_t port, latency_ms, seed, chain_length;
    const char *tls_cert_out, *dns, *ledger, *base_url, *sets[SETS_MAX];
    size_t n_sets;
};

int64_t server_wall_ms(void)
{
    return clock_wall_ms(&clock_system);
}

int64_t server_boot_ms(void)
{
    return clock_boot_ms(&clock_system);
}

static bool flags_read(int argc, char **argv, struct flags *f)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"tls-cert-out", required_argument, NULL, 't'},
        {"base-url", required_argument, NULL, 'b'},
        {"latency-ms", required_argument, NULL, 'l'},
        {"set", required_argument, NULL, 's'},
        {"dns", required_argument, NULL, 'd'},
        {"ledger", required_argument, NULL, 'g'},
        {"seed", required_argument, NULL, 'e'},
        {"chain-length", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0},
    };
    int c;
    bool good = true;
    while (good && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int64_t *number = c == 'p'   ? &f->port
                          : c == 'l' ? &f->latency_ms
                          : c == 'e' ? &f->seed
                          : c == 'c' ? &f->chain_length
                                     : NULL;
        const char **text = c == 't'                           ? &f->tls_cert_out
                            : c == 'd'                         ? &f->dns
                            : c == 'b'                         ? &f->base_url
                            : c == 'g'                         ? &f->ledger
                            : c == 's' && f->n_sets < SETS_MAX ? &f->sets[f->n_sets++]
                                                               : NULL;
        if (number != NULL)
            good = str_to_i64(str_of(optarg), number) && *number >= 0;
        else if (text != NULL)
            *text = optarg;
        else
            good = false;
    }
    return good && optind == argc && f->port < 65536;
}

static bool listener_open(struct server *server, int64_t *port, struct err *err)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)*port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct sockaddr *generic = (struct sockaddr *)(void *)&address;
    socklen_t len = sizeof(address);
    int one = 1;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(server->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(server->listener, generic, len) != 0 || listen(server->listener, 1024) != 0 ||
        getsockname(server->listener, generic, &len) != 0)
        return err_errno(err, errno, "listen on 127.0.0.1:%lld", (long long)*port);
    *port = ntohs(address.sin_port);
    return true;
}

static void watch(const struct server *server, int fd, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = tag}};
    CHECK(epoll_ctl(server->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void signals_open(struct server *server)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    server->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(server->signals >= 0);
}

static bool server_open(struct server *server, struct flags *f, struct err *err)
{
    struct fake_ca_options options = fake_ca_options_default();
    options.latency_ms = f->latency_ms;
    options.seed = (uint64_t)f->seed;
    options.chain_length = f->chain_length;
    options.ctx = &server->look;
    if (f->dns != NULL)
        options.txt_ask = txt_look_ask;
    list_init(&server->conns);
    list_init(&server->dirty);
    heap_init(&server->timers);
    server->epoll = epoll_create1(EPOLL_CLOEXEC);
    server->ca = fake_ca_new(&options);
    for (size_t i = 0; i < f->n_sets; i++) {
        if (!fake_ca_set(server->ca, str_of(f->sets[i]), err))
            return err_wrap(err, "--set");
    }
    if (f->dns != NULL && (server->look = txt_look_open(f->dns, server->ca, err)) == NULL)
        return err_wrap(err, "--dns");
    server->tls = tls_make(f->tls_cert_out, err);
    if (server->tls == NULL || !listener_open(server, &f->port, err))
        return false;
    signals_open(server);
    watch(server, server->listener, &server->listener);
    watch(server, server->signals, &server->signals);
    if (server->look != NULL)
        watch(server, txt_look_fd(server->look), &server->look);
    AUTO(mem_fini)
    char *base_url = mem_printf("https://127.0.0.1:%lld", (long long)f->port);
    fake_ca_set_base_url(server->ca, f->base_url != NULL ? f->base_url : base_url);
    printf("listening on %s/directory\n", base_url);
    fflush(stdout);
    return true;
}

static void server_close(struct server *server)
{
    LIST_EACH (it, &server->conns)
        conn_free(LIST_OWNER(it, struct conn, link));
    heap_fini(&server->timers);
    txt_look_free(server->look);
    fake_ca_free(server->ca);
    SSL_CTX_free(server->tls);
    close(server->listener);
    close(server->signals);
    close(server->epoll);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Milliseconds until something is due, at most a minute. */
static int wait_ms(struct server *server)
{
    int64_t boot_ms = server_boot_ms(), wait = MS_MINUTE;
    const struct heap_node *timer = heap_first(&server->timers);
    int64_t ca_at_ms = fake_ca_next_at_ms(server->ca), dns_at_ms = txt_look_tick(server->look);
    if (timer != NULL)
        wait = earlier(wait, timer->at_ms - boot_ms);
    if (ca_at_ms != INT64_MAX)
        wait = earlier(wait, ca_at_ms - server_wall_ms());
    if (dns_at_ms != INT64_MAX)
        wait = earlier(wait, dns_at_ms - boot_ms);
    return wait < 0 ? 0 : (int)wait;
}

static void turn(struct server *server)
{
    struct epoll_event events[EVENTS_MAX];
    struct heap_node *timer;
    struct list *dirty;
    int n = epoll_wait(server->epoll, events, EVENTS_MAX, wait_ms(server));
    for (int i = 0; i < n; i++) {
        void *tag = events[i].data.ptr;
        if (tag == &server->listener)
            conn_accept(server);
        else if (tag == &server->signals)
            server->stop = true;
        else if (tag == &server->look)
            txt_look_input(server->look);
        else
            conn_event(tag, events[i].events);
    }
    fake_ca_tick(server->ca, server_wall_ms());
    int64_t now_ms = server_boot_ms();
    while ((timer = heap_first(&server->timers)) != NULL && timer->at_ms <= now_ms) {
        heap_remove(&server->timers, timer);
        exchange_due(LIST_OWNER(timer, struct exchange, timer));
    }
    while ((dirty = list_pop_front(&server->dirty)) != NULL)
        conn_settle(LIST_OWNER(dirty, struct conn, dirty));
}

static bool ledger_write(const struct server *server, const char *path)
{
    AUTO(buf_fini)
    struct buf text = BUF(SIZE_MAX / 2);
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    fake_ca_ledger(server->ca, true, &text);
    bool good = fwrite(text.p, 1, text.len, file) == text.len;
    return fclose(file) == 0 && good;
}

int main(int argc, char **argv)
{
    struct flags f = {.seed = server_wall_ms()};
    struct server server = {0};
    struct err err = {0};
    if (!flags_read(argc, argv, &f)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!server_open(&server, &f, &err)) {
        fprintf(stderr, "fake-ca: %s\n", err.text);
        return 2;
    }
    while (!server.stop)
        turn(&server);
    bool good = f.ledger == NULL || ledger_write(&server, f.ledger);
    if (!good)
        fprintf(stderr, "fake-ca: cannot write %s\n", f.ledger);
    server_close(&server);
    return good ? 0 : 1;
}
