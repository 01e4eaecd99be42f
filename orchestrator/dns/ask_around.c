#include "dns/ask_around.h"

enum { NOTES_MAX = 700, DNS_PORT = 53 };

void ask_seat_format(const struct ask_seat *seat, struct buf *out)
{
    char address[NET_ADDRESS_TEXT_MAX];
    if (seat->address.ip_len == 0) {
        buf_add_cstr(out, "the system's resolvers");
        return;
    }
    net_address_format(&seat->address, seat->address.port != DNS_PORT, address);
    if (seat->name != NULL)
        buf_printf(out, "%s (%s)", seat->name, address);
    else
        buf_add_cstr(out, address);
}

struct str ask_failure_text(const struct err *err)
{
    struct str text = str_of(err->text);
    for (size_t at; (at = str_find(text, STR(": "))) < text.len;)
        text = str_mem(text.p + at + 2, text.len - at - 2);
    return text;
}

static void ask_ready(struct ask_around *a)
{
    mem_free(a->name);
    buf_fini(&a->notes);
    a->name = NULL;
    a->call = NULL;
}

void ask_around_cancel(struct ask_around *a)
{
    if (a->call != NULL)
        dns_cancel(a->call);
    ask_ready(a);
}

static size_t seat_now(const struct ask_around *a)
{
    return (a->first + a->n_tried) % a->n_seats;
}

/* Everything that done may need is on this stack: it may start the object again, or free it. */
static void ask_finish(struct ask_around *a, const struct dns_reply *reply)
{
    ask_around_done *done = a->done;
    void *arg = a->arg;
    size_t seat = seat_now(a);
    AUTO(buf_fini)
    struct buf notes = a->notes;
    a->notes = BUF(NOTES_MAX);
    ask_ready(a);
    done(arg, reply, seat, buf_cstr(&notes));
}

static void note_add(struct ask_around *a, struct str why)
{
    if (a->notes.len > 0)
        buf_add_cstr(&a->notes, ", ");
    ask_seat_format(&a->seats[seat_now(a)], &a->notes);
    buf_add_str(&a->notes, why);
}

static void ask_next(struct ask_around *a);

static void ask_heard(void *arg, const struct dns_reply *reply, const struct err *err)
{
    struct ask_around *a = arg;
    AUTO(buf_fini)
    struct buf why = BUF(ERR_TEXT_MAX + 32);
    a->call = NULL;
    buf_add_char(&why, ' ');
    if (reply != NULL && a->judge(a->arg, reply, &why)) {
        ask_finish(a, reply);
        return;
    }
    if (reply == NULL) {
        buf_clear(&why);
        buf_printf(&why, ": %.*s", STR_ARG(ask_failure_text(err)));
    }
    a->was_answered = a->was_answered || reply != NULL;
    note_add(a, buf_str(&why));
    a->n_tried++;
    if (a->n_tried == a->n_seats)
        ask_finish(a, NULL);
    else
        ask_next(a);
}

static void ask_next(struct ask_around *a)
{
    a->question.server = a->seats[seat_now(a)].address;
    a->call = dns_ask(a->dns, &a->question, ask_heard, a);
}

void ask_around_start(struct ask_around *a, struct dns *dns, const struct dns_question *question,
                      const struct ask_seat *seats, size_t n_seats, size_t first, ask_judge *judge,
                      ask_around_done *done, void *arg)
{
    CHECK(a->call == NULL && n_seats > 0);
    *a = (struct ask_around){.dns = dns,
                             .question = *question,
                             .seats = seats,
                             .n_seats = n_seats,
                             .first = first % n_seats,
                             .notes = BUF(NOTES_MAX),
                             .judge = judge,
                             .done = done,
                             .arg = arg};
    a->name = mem_strdup(question->name);
    a->question.name = a->name;
    ask_next(a);
}
