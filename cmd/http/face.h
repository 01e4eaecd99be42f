/*
 * The HTTP face of `chancery serve` (leader/serve.h): locks, status and metrics for other programs. docs/HTTP.md is for its users,
 * docs/openapi.json says it to programs; both are held to the code by tests.
 *
 *   head arrives    route, credential, right: refused here before a body is read
 *   ready           path, query and body are read; what asks for nothing of the store is answered
 *   collect         all that wait are looked at in one transaction: the lock operations of a turn are one commit
 *   act             answered
 *
 * It decides nothing about locks and limits: authority/lock.h and authority/ledger.h do. Who hung up is granted nothing any more; a grant whose
 * answer got lost ends with its time to live.
 */
#ifndef CMD_HTTP_FACE_H
#define CMD_HTTP_FACE_H

#include "leader/serve.h"

struct http_face;
/* NULL in *ret where none is configured. Kinds: CONFIG, LOCAL, DENIED. The house is borrowed. */
bool http_face_open(struct house *house, struct http_face **ret, struct err *err);
void http_face_close(struct http_face *face); /* NULL allowed */
struct face http_face_front(struct http_face *face);
/* house->config is another one: who waits is judged by it, the address and the certificates are taken from it. What cannot follow stays, and
 * says so in ret_kept. */
void http_face_reload(struct http_face *face, struct buf *ret_kept);
uint16_t http_face_port(const struct http_face *face);

#endif
