/*
 * What the files of the HTTP server share.
 *
 * A STAGE is one daemon of the library with its settings: http_server_change opens another beside it on the same socket and lets the old one run empty. A LINK is a
 * connection; its timer is the only deadline it has (the library's own starts anew with each byte, which slow clients live from).
 */
#ifndef IO_HTTP_SERVER_INSIDE_H
#define IO_HTTP_SERVER_INSIDE_H

#include "io/http_server.h"
#include "io/loop_uv.h"

#include <microhttpd.h>

struct http_stage {
    struct list link;
    struct http_server *server;
    struct MHD_Daemon *daemon;
    uv_poll_t *poll; /* freed when it is closed */
    struct loop_later again;
    struct http_server_limits limits;
    struct list links;
    bool is_old, has_tls, is_running;
};

struct http_server {
    struct loop *loop;
    struct loop_thing thing;
    void (*head)(void *arg, struct http_exchange *x);
    void (*ready)(void *arg, struct http_exchange *x);
    void (*gone)(void *arg, struct http_exchange *x);
    void *arg;
    struct net_address listen;
    int listen_fd;
    struct http_stage *stage; /* takes new connections; NULL while closing */
    struct list old;          /* stages that run empty */
    struct loop_later sweep;
    int watch_fd; /* epoll: waiting exchanges whose clients may leave */
    uv_poll_t *watch;
    struct http_server_figures figures;
};

enum link_state {
    LINK_HEAD, /* of the first request */
    LINK_BODY,
    LINK_WAITING, /* for our answer: no deadline */
    LINK_ANSWER,  /* being taken by the client */
    LINK_IDLE,    /* between two requests */
};
struct http_link {
    struct list link; /* of the stage */
    struct http_stage *stage;
    struct MHD_Connection *connection;
    int fd;
    enum link_state state;
    struct loop_timer deadline;
    struct net_address address;
    struct http_peer peer;
    char *subject;
    bool has_peer, was_peer_read;
    struct http_exchange *exchange; /* the one under way, or NULL */
};

enum exchange_state {
    EXCHANGE_HEAD,
    EXCHANGE_BODY,
    EXCHANGE_READY,
    EXCHANGE_ANSWERED,
    EXCHANGE_GONE
};
struct http_exchange {
    struct http_link *link;
    char *target;
    char method[16];
    struct buf body;
    size_t n_surplus; /* bytes of a body beyond the limit, read and dropped */
    enum exchange_state state;
    bool is_inside;    /* in a call of the library for this very exchange */
    bool is_suspended; /* and watched */
    struct MHD_Response *response;
    int status, fault;
    void *mark;
};

/* http_server.c */
void stage_pump(struct http_stage *stage);
void stage_pump_soon(
    struct http_stage *stage); /* with the next turn of the loop, or http_server_send */

/* http_server_link.c */
void link_notify(void *arg, struct MHD_Connection *connection, void **slot,
                 enum MHD_ConnectionNotificationCode code);
void link_state_set(struct http_link *link, enum link_state state);
void link_shut(struct http_link *link);
bool watch_open(struct http_server *server, struct err *err);
void watch_close(struct http_server *server);
void watch_add(struct http_exchange *x);
void watch_remove(struct http_exchange *x);

/* http_exchange.c */
void *exchange_begin(void *arg, const char *uri, struct MHD_Connection *connection);
enum MHD_Result exchange_step(void *arg, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_len, void **slot);
void exchange_end(void *arg, struct MHD_Connection *connection, void **slot,
                  enum MHD_RequestTerminationCode code);
/* The client left, or the server closes: tells the owner and lets the library close the connection. */
void exchange_give_up(struct http_exchange *x);

/* http_server_tls.c. CONFIG. */
bool tls_check(const struct http_server_tls *tls, struct err *err);
extern const char tls_priorities[];
/* Fills link->peer where the client showed a certificate of the configured CA. */
void peer_read(struct http_link *link);

#endif
