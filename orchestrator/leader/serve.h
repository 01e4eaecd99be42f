/*
 * Serving: a process that leads whenever it can, for as long as it lives, and shows faces to the world all the time.
 *
 *   begins        READY; the faces turn from now on, whoever leads
 *   stands by     another process leads: looked at twice a second, without writing; LEADS as soon as it may
 *   leads         the register is read again, the concerns are opened and turn for ever: what becomes due is taken up, requests of other
 *                 processes are carried out (leader/request.h)
 *   lost          the lead or the store: the concerns are closed - the rows are the state -, STANDS_BY with the reason, tried again
 *   SIGHUP        reload_load: the new configuration is read aside (leader/reload.h). What cannot be used is told, the old one stays. What can: what is
 *                 under way settles (three seconds at most), the concerns are closed, reload_apply puts it in force, they are opened again
 *   SIGTERM       STOPPING; nothing new is begun, what is under way settles (three seconds at most), the lead is given back
 *
 * It never ends by itself: a lost lead, a store that cannot be reached, a clock that is not set and a broken new configuration are told and outlived.
 * Faces and concerns have a transaction each: trouble of one undoes nothing of the other. While the store cannot be used a face is told
 * so once a turn (go_without) and answers what waits without it; it is never closed. A face that waits for the world alone (a long poll) says it is
 * not busy; one that has something to answer says it is, or it will not be asked: a turn without anything to write is left out.
 *
 * Everything is borrowed until leader_serve returns. The house has its store (open for writing), loop, net and seal.
 */
#ifndef LEADER_SERVE_H
#define LEADER_SERVE_H

#include "inventory/concern.h"
#include "leader/reload.h"

struct face {
    /* As a concern of the leader, without the lead. collect may write (its own decisions guard themselves: lock.h); when it fails, all it did in this
     * turn was rolled back, and go_without follows. */
    struct concern concern;
    /* The store cannot be used in this turn. Whoever waits for an answer gets one that says so (why: kind STORE, or what collect told). */
    void (*go_without)(void *self, const struct err *why);
};

/* What happened, in the order of a life. */
#define SERVE_NEWS(X)                                                                              \
    X(READY, "ready")         /* once: everything is open, faces turn */                           \
    X(STANDS_BY, "stands by") /* text: who leads, or why this process cannot */                    \
    X(LEADS, "leads")                                                                              \
    X(STOPPING, "stopping")                                                                        \
    X(TURN, "turn") /* the loop goes round: a sign of life, at least each tick_ms */
enum serve_news {
#define X(name, text) SERVE_##name,
    SERVE_NEWS(X)
#undef X
};
const char *serve_news_text(enum serve_news news);

struct serve_options {
    const struct face *faces;
    size_t n_faces;
    int64_t
        patience_ms; /* 0: twenty seconds. A step that waits longer is put to rest in its row until then */
    int64_t
        tick_ms; /* 0: ten seconds. At least so often the loop goes round (half of the watchdog's time) */
    struct reload *reload; /* NULL: SIGHUP is not heeded. Its hooks tell what came of it */
    /* May be NULL. text "" where there is nothing to say; borrowed. Called outside transactions. */
    void (*notify)(void *arg, enum serve_news news, const char *text);
    void *arg; /* of notify */
};

/* Until a signal asks for the end (then true: at most five seconds later). False when it could not begin. */
bool leader_serve(struct house *house, const struct serve_options *options, struct err *err);

#endif
