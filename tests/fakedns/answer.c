#include "inner.h"

enum { UDP_PLAIN_MAX = 512, UDP_OURS = 4096 };

static bool query_read_edns(struct query *q, struct wire_in *in, unsigned n_additional)
{
    q->udp_max = UDP_PLAIN_MAX;
    for (unsigned i = 0; i < n_additional; i++) {
        struct wire_rr rr;
        if (!wire_rr(in, &rr))
            return false;
        if (rr.type != TYPE_OPT)
            continue;
        q->has_edns = true;
        q->udp_max = rr.class < UDP_PLAIN_MAX ? UDP_PLAIN_MAX
                     : rr.class < UDP_OURS    ? rr.class
                                              : UDP_OURS;
    }
    return true;
}

static bool query_read(struct query *q)
{
    struct wire_in in = {q->message, q->len, 0, false};
    q->id = wire_u16(&in);
    q->flags = wire_u16(&in);
    unsigned n_questions = wire_u16(&in), n_answers = wire_u16(&in), n_authority = wire_u16(&in);
    unsigned n_additional = wire_u16(&in);
    if (in.bad || (q->flags & FLAG_QR) != 0 || n_questions != 1 || n_answers != 0 ||
        n_authority != 0)
        return false;
    wire_name(&in, q->name);
    q->type = wire_u16(&in);
    unsigned class = wire_u16(&in);
    q->question_len = in.at - WIRE_HEADER_LEN;
    return !in.bad && class == CLASS_IN && query_read_edns(q, &in, n_additional);
}

static void header_write(struct wire_out *out, uint16_t id, unsigned flags, unsigned n_questions)
{
    const unsigned counts[] = {n_questions, 0, 0, 0};
    wire_put_u16(out, id);
    wire_put_u16(out, flags);
    for (size_t i = 0; i < 4; i++)
        wire_put_u16(out, counts[i]);
}

static void edns_write(struct wire_out *out)
{
    static const unsigned char opt[11] = {0, 0, TYPE_OPT, UDP_OURS >> 8, UDP_OURS & 0xff};
    wire_put(out, opt, sizeof opt);
    if (!out->full)
        wire_set_u16(out, 10, (unsigned)(out->p[10] << 8 | out->p[11]) + 1);
}

static void reply_begin(const struct query *q, struct wire_out *out)
{
    out->len = 0;
    out->full = false;
    out->max = q->over_tcp ? WIRE_MAX : q->udp_max;
    header_write(out, q->id, 0, 1);
    wire_put(out, q->message + WIRE_HEADER_LEN, q->question_len);
}

static void reply_end(const struct query *q, struct wire_out *out, unsigned flags)
{
    bool recursive = q->host->role == FAKE_RECURSIVE;
    flags |= FLAG_QR | (q->flags & FLAG_RD) | (recursive ? FLAG_RA : 0u);
    if (q->has_edns)
        edns_write(out);
    if (out->full) { /* RFC 2181 9: nothing but the question */
        reply_begin(q, out);
        flags |= FLAG_TC;
    }
    wire_set_u16(out, 2, flags);
}

static void reply_usual(const struct query *q, struct wire_out *out, bool lame)
{
    unsigned flags;
    reply_begin(q, out);
    fake_resolve(q, out, &flags);
    reply_end(q, out, lame ? flags & ~(unsigned)FLAG_AA : flags);
}

static void reply_bare(const struct query *q, struct wire_out *out, unsigned flags)
{
    reply_begin(q, out);
    reply_end(q, out, flags);
}

static void act(const struct query *q, enum fake_act what, struct wire_out *out)
{
    switch (what) {
    case FAKE_ANSWER:
        reply_usual(q, out, false);
        break;
    case FAKE_LAME:
        reply_usual(q, out, true);
        break;
    case FAKE_SERVFAIL:
        reply_bare(q, out, RCODE_SERVFAIL);
        break;
    case FAKE_REFUSED:
        reply_bare(q, out, RCODE_REFUSED);
        break;
    case FAKE_NXDOMAIN:
        reply_bare(q, out, RCODE_NXDOMAIN | FLAG_AA);
        break;
    case FAKE_NOTAUTH:
        reply_bare(q, out, RCODE_NOTAUTH);
        break;
    case FAKE_CUT:
        if (q->over_tcp)
            reply_usual(q, out, false);
        else
            reply_bare(q, out, FLAG_TC | FLAG_AA);
        break;
    case FAKE_GARBAGE:
        reply_usual(q, out, false);
        memset(out->p + WIRE_HEADER_LEN + q->question_len, 0xff,
               out->len - WIRE_HEADER_LEN - q->question_len);
        break;
    case FAKE_SILENT:
        out->len = 0;
    }
}

static unsigned act_rcode(enum fake_act what)
{
    switch (what) {
    case FAKE_SERVFAIL:
        return RCODE_SERVFAIL;
    case FAKE_NOTAUTH:
        return RCODE_NOTAUTH;
    case FAKE_NXDOMAIN:
        return RCODE_NXDOMAIN;
    case FAKE_ANSWER:
    case FAKE_REFUSED:
    case FAKE_SILENT:
    case FAKE_CUT:
    case FAKE_LAME:
    case FAKE_GARBAGE:
        break;
    }
    return RCODE_REFUSED;
}

static void answer_update(struct query *q, uint16_t flags, struct wire_out *out)
{
    struct wire_in in = {q->message, q->len, WIRE_HEADER_LEN, false};
    wire_name(&in, q->name);
    enum fake_act what = fake_rule(q->host, q->name, FAKE_UPDATE);
    out->len = 0;
    q->host->n_updates++;
    if (what == FAKE_SILENT)
        return;
    unsigned rcode =
        what == FAKE_ANSWER ? fake_update(q->host, q->message, q->len, q->now_ms) : act_rcode(what);
    header_write(out, (uint16_t)(q->message[0] << 8 | q->message[1]),
                 FLAG_QR | (flags & 0x7800) | rcode, 0);
}

void fake_answer(struct fake_host *host, const unsigned char *message, size_t len, bool over_tcp,
                 struct wire_out *out)
{
    struct query q = {.host = host,
                      .message = message,
                      .len = len,
                      .over_tcp = over_tcp,
                      .now_ms = clock_boot_ms(&clock_system)};
    out->len = 0;
    out->full = false;
    out->max = WIRE_MAX;
    if (len < WIRE_HEADER_LEN)
        return;
    zones_sweep(&host->world->zones, q.now_ms);
    host->world->n_questions++;
    uint16_t flags = (uint16_t)(message[2] << 8 | message[3]);
    if ((flags >> 11 & 15) == OPCODE_UPDATE) {
        answer_update(&q, flags, out);
    } else if (!query_read(&q)) {
        header_write(out, (uint16_t)(message[0] << 8 | message[1]), FLAG_QR | RCODE_FORMERR, 0);
    } else {
        fake_count(host, q.name, q.type);
        act(&q, fake_rule(host, q.name, q.type), out);
        if (host->world->log_questions)
            fake_log(host, "ask", q.name, q.type, STR(""), over_tcp);
    }
}
