/*
 * One question to several servers, one after the other, until one gives an answer of use; and a note of who said what.
 *
 * The object is embedded in its owner and may be started again from inside `done`.
 */
#ifndef DNS_ASK_AROUND_H
#define DNS_ASK_AROUND_H

#include "io/dns.h"

struct ask_seat {
    const char *name;           /* "ns1.example.com"; NULL: the address says enough */
    struct net_address address; /* ip_len 0: the system's resolvers */
};
/* "ns1.example.com (192.0.2.1)", "192.0.2.1:5353", "the system's resolvers". The port is shown when it is not 53. */
void ask_seat_format(const struct ask_seat *seat, struct buf *out);
/* What a person needs of a failed question: "no answer within 5s". */
struct str ask_failure_text(const struct err *err);

/* False: ask the next one; why says what was wrong with this answer ("answers SERVFAIL"). */
typedef bool ask_judge(void *arg, const struct dns_reply *reply, struct buf *why);
/* reply NULL: nobody gave one of use. notes: what those before said, "ns1.example.com (192.0.2.1) answers SERVFAIL, ...". */
typedef void ask_around_done(void *arg, const struct dns_reply *reply, size_t seat,
                             const char *notes);

struct ask_around {
    struct dns *dns;
    struct dns_call *call;
    struct dns_question question;
    char *name;
    const struct ask_seat *seats;
    size_t n_seats, first, n_tried;
    bool was_answered; /* somebody answered, though not usefully */
    struct buf notes;
    ask_judge *judge;
    ask_around_done *done;
    void *arg;
};
/* question->name is copied, its server ignored. seats (at least one) are borrowed until the end; `first` is where to begin. */
void ask_around_start(struct ask_around *a, struct dns *dns, const struct dns_question *question,
                      const struct ask_seat *seats, size_t n_seats, size_t first, ask_judge *judge,
                      ask_around_done *done, void *arg);
/* Allowed when it is not running. */
void ask_around_cancel(struct ask_around *a);

#endif
