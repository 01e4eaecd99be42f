/*
 * Writing DER and PEM: as much as a certificate needs, and fast, so that the authority is never
 * what a measurement measures.
 */
#ifndef FAKE_CA_DER_H
#define FAKE_CA_DER_H

#include "base/buf.h"

enum {
    DER_BOOL = 0x01,
    DER_INT = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_UTF8 = 0x0c,
    DER_UTC_TIME = 0x17,
    DER_GENERAL_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
    DER_CONTEXT = 0x80,
    DER_CONSTRUCTED = 0x20,
};
/* Opens a value; fake_der_close fills its length in. Nesting is the caller's. */
size_t fake_der_open(struct buf *out, int tag);
void fake_der_close(struct buf *out, size_t opened);
void fake_der_put(struct buf *out, int tag, struct str content);
/* An unsigned big-endian number. */
void fake_der_put_int(struct buf *out, const unsigned char *octets, size_t n);
void fake_der_put_time(struct buf *out, int64_t at_ms);
/* A BIT STRING of whole octets. */
void fake_der_put_bits(struct buf *out, struct str octets);
void fake_pem_put(struct buf *out, const char *label, struct str der);

#endif
