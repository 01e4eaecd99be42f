/*
 * The other end of the wire: a loopback HTTP server in a thread of its own that gives the one answer it was told, keeps what it was
 * asked, byte for byte, and closes the connection. Requests come one after the other, as those of one job do.
 */
#ifndef TALKS_WIRE_PEER_H
#define TALKS_WIRE_PEER_H

#include "base/buf.h"

struct wire_peer;
struct wire_peer *wire_peer_new(void);
void wire_peer_free(struct wire_peer *peer);
int wire_peer_port(const struct wire_peer *peer);
/* What it says to the next request; "" hangs up without a word. Copied. */
void wire_peer_expect(struct wire_peer *peer, struct str reply);
/* The requests since wire_peer_expect, and the last of them whole. The text is the caller's (mem_free). */
int wire_peer_heard(struct wire_peer *peer, char **ret_request);

#endif
