/*
 * DNS messages as bytes (RFC 1035 4): a reader that a lying peer cannot lead outside, a writer with a ceiling, and data in
 * presentation form to rdata. Names are texts in lower case without the final dot, "" is the root; labels that
 * hold a dot or a control byte are refused, because no test needs them.
 */
#ifndef FAKEDNS_WIRE_H
#define FAKEDNS_WIRE_H

#include "base/buf.h"

enum { WIRE_MAX = 65535, NAME_MAX_LEN = 256, WIRE_HEADER_LEN = 12 };

/* name, number */
/* clang-format off */
#define WIRE_TYPES(X)                                                                              \
    X(A, 1)                                                                                        \
    X(NS, 2)                                                                                       \
    X(CNAME, 5)                                                                                    \
    X(SOA, 6)                                                                                      \
    X(TXT, 16)                                                                                     \
    X(AAAA, 28)                                                                                    \
    X(DNAME, 39)                                                                                   \
    X(OPT, 41)                                                                                     \
    X(TSIG, 250)                                                                                   \
    X(ANY, 255)                                                                                    \
    X(CAA, 257)
/* clang-format on */
enum wire_type {
#define X(name, number) TYPE_##name = number,
    WIRE_TYPES(X)
#undef X
};
const char *wire_type_name(
    int type); /* "TYPE99" when unknown; valid until the next call of this thread */
int wire_type_find(const char *name); /* 0 when unknown */

enum wire_class { CLASS_IN = 1, CLASS_NONE = 254, CLASS_ANY = 255 };
enum wire_rcode {
    RCODE_NOERROR = 0,
    RCODE_FORMERR = 1,
    RCODE_SERVFAIL = 2,
    RCODE_NXDOMAIN = 3,
    RCODE_NOTIMP = 4,
    RCODE_REFUSED = 5,
    RCODE_NOTAUTH = 9,
    RCODE_NOTZONE = 10,
};
enum {
    FLAG_QR = 0x8000,
    FLAG_AA = 0x0400,
    FLAG_TC = 0x0200,
    FLAG_RD = 0x0100,
    FLAG_RA = 0x0080,
    OPCODE_UPDATE = 5
};

struct wire_in {
    const unsigned char *p;
    size_t len, at;
    bool bad; /* read beyond the end, or what is no name: everything after is 0 */
};
uint16_t wire_u16(struct wire_in *in);
uint32_t wire_u32(struct wire_in *in);
void wire_name(struct wire_in *in, char out[NAME_MAX_LEN]);

/* One resource record. rdata points into the message; at is where it begins, for names inside it. */
struct wire_rr {
    char owner[NAME_MAX_LEN];
    uint16_t type, class;
    uint32_t ttl_s;
    size_t at, rdata_len;
};
bool wire_rr(struct wire_in *in, struct wire_rr *ret_rr);

struct wire_out {
    unsigned char p[WIRE_MAX];
    size_t len, max;
    bool full; /* something did not fit below max */
};
void wire_put(struct wire_out *out, const void *p, size_t len);
void wire_put_u16(struct wire_out *out, unsigned value);
void wire_put_u32(struct wire_out *out, uint32_t value);
void wire_put_name(struct wire_out *out, const char *name);
void wire_set_u16(struct wire_out *out, size_t at, unsigned value);

/* Rdata from presentation form. CHECKs that data fits the type. SOA: data is the MNAME. */
void wire_rdata(int type, const char *data, struct buf *out);
/* Back again, for logs: addresses, names, joined strings; else hex. */
void wire_rdata_text(int type, struct str rdata, struct buf *out);

#endif
