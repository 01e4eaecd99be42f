/*
 * Renewal information (RFC 9773): when the CA would like to see a certificate renewed. Pure: URL, reply, drawing, next look.
 *
 *     GET <renewalInfo>/<CertID>   ->   {"suggestedWindow": {"start": ..., "end": ...}, "explanationURL": ...}   Retry-After: ...
 *
 * The instant of renewal is drawn once in a window and kept until the window is another one. What is no answer (an end that does not lie
 * behind the start, a window that begins when hardly any life is left) leaves the decision to the fraction of life.
 *
 * After each look the next one is due
 *
 *     a window was heard      by Retry-After, at least 1 min, at most 1 day and a twentieth of the life, up to a tenth later
 *     a passing fault         1 min, 2 min, 4 min ... 6 h, or when the CA says, whichever is later (RFC 9773 4.3.3)
 *     a lasting one           in 6 h: no or no good Retry-After, an object that breaks the rules, another status
 */
#ifndef ACME_RENEWAL_INFO_H
#define ACME_RENEWAL_INFO_H

#include "acme/directory.h"

struct renewal_life { /* of the certificate, by its dates */
    int64_t not_before_at_ms, not_after_at_ms;
};

enum renewal_fate { RENEWAL_HEARD, RENEWAL_PASSING, RENEWAL_LASTING };

struct renewal_info {
    enum renewal_fate fate; /* what the next look goes by */
    bool has_window;
    int64_t start_at_ms, end_at_ms;
    int64_t retry_at_ms;     /* what the CA says; 0: nothing */
    const char *explanation; /* in the arena, escaped, http(s) only; NULL when absent */
    struct err why;          /* unless HEARD */
};

/* The URL to ask, of the directory's renewalInfo and the CertID of RFC 9773 4.1 (cert_facts.ari_id). Kind ABSENT: the CA has none.
 * BROKEN: the CertID is none. */
bool renewal_info_url(const struct acme_directory *directory, const char *cert_id, struct buf *out,
                      struct err *err);

/* Always gives a fate. A window may be there although the fate is LASTING (no Retry-After). */
void renewal_info_hear(const struct acme_answer *answer, const struct renewal_life *life,
                       struct arena *arena, struct renewal_info *ret);

/* An instant in [start, end), random 0 .. 999,999; never in the last tenth of the life. */
int64_t renewal_info_draw(const struct renewal_info *info, const struct renewal_life *life,
                          uint64_t random);

/* When to look again. n_failures: looks that failed in a row, this one included. random as above. */
int64_t renewal_info_next_at_ms(const struct renewal_info *info, const struct renewal_life *life,
                                int64_t n_failures, int64_t now_ms, uint64_t random);

/* Not before this instant a certificate is renewed because of a window, when the same set got another one shortly before it
 * (previous_at_ms; 0: none): a CA that calls each new certificate back at once must not have a client spend all its quota. */
int64_t renewal_info_brake_at_ms(const struct renewal_life *life, int64_t issued_at_ms,
                                 int64_t previous_at_ms);

#endif
