#include "fake/txt_look.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TYPE_CNAME = 5,
    TYPE_TXT = 16,
    TYPE_OPT = 41,
    ASK_EVERY_MS = 1000,
    ASKS_MAX = 4,
    ALIASES_MAX = 8,
    NAME_TEXT = 256,
    SLOTS = 65536 /* one for each id of the header */
};

struct question {
    size_t ticket;
    char name[NAME_TEXT]; /* what is asked: the owner name, or what it is an alias of */
    char value[64];
    int asks, aliases;
    int64_t again_at_ms;
};

struct txt_look {
    struct fake_ca *ca;
    int fd;
    uint16_t next_id;
    struct question *slots[SLOTS];
    size_t n_waiting;
};

static bool address_read(const char *text, struct sockaddr_in *ret_address)
{
    struct str host, rest = str_of(text);
    int64_t port = 0;
    *ret_address = (struct sockaddr_in){.sin_family = AF_INET};
    if (!str_split(&rest, ':', &host) || !str_to_i64(rest, &port) || port < 1 || port > 65535)
        return false;
    AUTO(mem_fini)
    char *name = mem_strndup(host.p, host.len);
    ret_address->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, name, &ret_address->sin_addr) == 1;
}

struct txt_look *txt_look_open(const char *address, struct fake_ca *ca, struct err *err)
{
    struct sockaddr_in peer;
    if (!address_read(address, &peer)) {
        err_set(err, ERR_CONFIG, "%s: must look like 127.0.0.1:5353", address);
        return NULL;
    }
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)(const void *)&peer, sizeof(peer)) != 0) {
        err_errno(err, errno, "%s", address);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct txt_look *look = NEW(struct txt_look);
    look->ca = ca;
    look->fd = fd;
    return look;
}

int txt_look_fd(const struct txt_look *look)
{
    return look->fd;
}

void txt_look_free(struct txt_look *look)
{
    if (look == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        mem_free(look->slots[i]);
    close(look->fd);
    mem_free(look);
}

static void u16_put(struct buf *out, unsigned v)
{
    buf_add_char(out, (char)(v >> 8));
    buf_add_char(out, (char)(v & 255));
}

static void question_send(struct txt_look *look, uint16_t id, struct question *q)
{
    AUTO(buf_fini)
    struct buf packet = BUF(1024);
    struct str rest = str_of(q->name), label;
    u16_put(&packet, id);
    u16_put(&packet, 0x0100); /* recursion desired: it may be a resolver */
    u16_put(&packet, 1);
    u16_put(&packet, 0);
    u16_put(&packet, 0);
    u16_put(&packet, 1);
    while (str_split(&rest, '.', &label)) {
        buf_add_char(&packet, (char)label.len);
        buf_add_str(&packet, label);
    }
    buf_add_char(&packet, 0);
    u16_put(&packet, TYPE_TXT);
    u16_put(&packet, 1);
    buf_add_char(&packet, 0); /* EDNS: root, OPT, 4096 octets */
    u16_put(&packet, TYPE_OPT);
    u16_put(&packet, 4096);
    buf_add(&packet, "\0\0\0\0\0\0", 6);
    q->asks++;
    q->again_at_ms = clock_boot_ms(&clock_system) + ASK_EVERY_MS;
    /* A lost packet is asked for again, one that cannot be sent too. */
    ssize_t n = send(look->fd, packet.p, packet.len, 0);
    (void)n;
}

static void question_place(struct txt_look *look, struct question *q)
{
    do
        look->next_id = (uint16_t)(look->next_id + 12347);
    while (look->slots[look->next_id] != NULL);
    look->slots[look->next_id] = q;
    look->n_waiting++;
    question_send(look, look->next_id, q);
}

void txt_look_ask(void *ctx, const char *owner_name, const char *value, size_t ticket)
{
    struct txt_look *look = *(struct txt_look **)ctx;
    if (look->n_waiting >= SLOTS / 2)
        return; /* stays in processing: nobody asks for 32,768 names at once */
    struct question *q = NEW(struct question);
    q->ticket = ticket;
    snprintf(q->name, sizeof(q->name), "%s", owner_name);
    snprintf(q->value, sizeof(q->value), "%s", value);
    question_place(look, q);
}

static struct question *question_take(struct txt_look *look, uint16_t id)
{
    struct question *q = look->slots[id];
    look->slots[id] = NULL;
    look->n_waiting -= q != NULL;
    return q;
}

static void question_end(struct txt_look *look, struct question *q, bool found)
{
    fake_ca_txt_heard(look->ca, q->ticket, found, clock_wall_ms(&clock_system));
    mem_free(q);
}

/* A reader of the answer; `good` stays false after the first wrong octet. */
struct packet {
    const unsigned char *p;
    size_t len, at;
    bool good;
};

static unsigned u16_get(struct packet *k)
{
    if (k->at + 2 > k->len) {
        k->good = false;
        return 0;
    }
    k->at += 2;
    return (unsigned)k->p[k->at - 2] << 8 | k->p[k->at - 1];
}

/* The name at k->at as text, pointers followed (RFC 1035 4.1.4). */
static void name_get(struct packet *k, char out[NAME_TEXT])
{
    AUTO(buf_fini)
    struct buf text = BUF(NAME_TEXT - 1);
    size_t at = k->at, end = 0;
    for (int jumps = 0; k->good;) {
        if (at >= k->len || jumps > 32) {
            k->good = false;
            break;
        }
        size_t n = k->p[at];
        if (n == 0) {
            at++;
            break;
        }
        if (n >= 0xc0 && at + 1 < k->len) {
            end = end == 0 ? at + 2 : end;
            at = (n & 0x3f) << 8 | k->p[at + 1];
            jumps++;
            continue;
        }
        if (at + 1 + n > k->len) {
            k->good = false;
            break;
        }
        if (text.len > 0)
            buf_add_char(&text, '.');
        buf_add(&text, k->p + at + 1, n);
        at += n + 1;
    }
    k->at = end != 0 ? end : at;
    snprintf(out, NAME_TEXT, "%s", buf_cstr(&text));
}

static bool txt_is(const unsigned char *p, size_t len, const char *value)
{
    AUTO(buf_fini)
    struct buf text = BUF(65536);
    for (size_t at = 0; at < len && at + 1 + p[at] <= len; at += p[at] + 1u)
        buf_add(&text, p + at + 1, p[at]);
    return strcmp(buf_cstr(&text), value) == 0;
}

struct answer {
    bool has_txt, matches, has_alias;
    char alias[NAME_TEXT];
};

static void record_read(struct packet *k, const struct question *q, struct answer *a)
{
    char name[NAME_TEXT];
    name_get(k, name);
    unsigned type = u16_get(k);
    k->at += 6; /* class and TTL */
    size_t len = u16_get(k);
    if (!k->good || k->at + len > k->len) {
        k->good = false;
        return;
    }
    size_t end = k->at + len;
    if (type == TYPE_TXT) {
        a->has_txt = true;
        a->matches = a->matches || txt_is(k->p + k->at, len, q->value);
    } else if (type == TYPE_CNAME) {
        a->has_alias = true;
        name_get(k, a->alias); /* the last of a chain is the one to go on with */
    }
    k->at = end;
}

static void answer_read(struct packet *k, const struct question *q, struct answer *a)
{
    char name[NAME_TEXT];
    k->at = 4;
    unsigned questions = u16_get(k), answers = u16_get(k);
    k->at = 12;
    while (k->good && questions-- > 0) {
        name_get(k, name);
        k->at += 4;
    }
    while (k->good && answers-- > 0)
        record_read(k, q, a);
}

static void answer_take(struct txt_look *look, const unsigned char *p, size_t len)
{
    uint16_t id = (uint16_t)(p[0] << 8 | p[1]);
    struct answer a = {0};
    struct packet k = {.p = p, .len = len, .good = true};
    if ((p[2] & 0x80) == 0 || look->slots[id] == NULL)
        return;
    struct question *q = question_take(look, id);
    answer_read(&k, q, &a);
    if (k.good && !a.has_txt && a.has_alias && q->aliases++ < ALIASES_MAX) {
        snprintf(q->name, sizeof(q->name), "%s", a.alias);
        q->asks = 0;
        question_place(look, q);
        return;
    }
    question_end(look, q, k.good && a.matches);
}

void txt_look_input(struct txt_look *look)
{
    unsigned char packet[65536];
    ssize_t n;
    while ((n = recv(look->fd, packet, sizeof(packet), 0)) > 0) {
        if (n >= 12)
            answer_take(look, packet, (size_t)n);
    }
}

int64_t txt_look_tick(struct txt_look *look)
{
    int64_t now_ms = clock_boot_ms(&clock_system), next_ms = INT64_MAX;
    if (look == NULL || look->n_waiting == 0)
        return INT64_MAX;
    for (size_t id = 0; id < SLOTS; id++) {
        struct question *q = look->slots[id];
        if (q == NULL)
            continue;
        if (q->again_at_ms <= now_ms && q->asks >= ASKS_MAX) {
            question_end(look, question_take(look, (uint16_t)id), false);
            continue;
        }
        if (q->again_at_ms <= now_ms)
            question_send(look, (uint16_t)id, q);
        if (q->again_at_ms < next_ms)
            next_ms = q->again_at_ms;
    }
    return next_ms;
}
