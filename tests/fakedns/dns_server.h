/*
 * A small DNS server for tests: authoritative and recursive hosts on loopback addresses, that
 * misbehave as told.
 *
 * One struct fake_dns is one world: a set of zones and any number of HOSTS, each an address with
 * UDP and TCP, all served by one thread. An authoritative host answers from the zones (AA,
 * referrals at cuts, CNAME, DNAME, wildcards by RFC 4592, SOA in negative answers); a recursive
 * host answers from the same zones as a resolver would (RA, chains followed to their end). Records
 * may be changed while it runs; each host shows a change only `lag_ms` after it was made.
 *
 *     struct fake_dns *world = fake_dns_new();
 *     struct fake_host *ns1 = fake_dns_host(world, "127.0.0.2", FAKE_AUTHORITATIVE);
 *     fake_dns_zone(world, "example.com");
 *     fake_dns_add(world, "example.com", "example.com", "NS", "ns1.example.com", 60);
 *     fake_host_say(ns1, NULL, 0, FAKE_SERVFAIL, 1);        the next question only
 *     ...
 *     fake_dns_free(world);
 *
 * All hosts of a world listen on the same port, because a name server's port cannot be told by DNS.
 * Functions may be called from any thread. It checks nothing in the order of things a caller should
 * do: misuse stops the test (CHECK).
 */
#ifndef FAKEDNS_DNS_SERVER_H
#define FAKEDNS_DNS_SERVER_H

#include "base/json.h"

struct fake_dns;
struct fake_host;

struct fake_dns *fake_dns_new(void);
/* Stops the thread, closes everything. */
void fake_dns_free(struct fake_dns *world);
/* Of all hosts. Chosen when the first host is made, unless fake_dns_use_port came before. */
uint16_t fake_dns_port(const struct fake_dns *world);
void fake_dns_use_port(struct fake_dns *world, uint16_t port);

enum fake_role { FAKE_AUTHORITATIVE, FAKE_RECURSIVE };
/* address: "127.0.0.2" or "::1". CHECKs that it can listen there. */
struct fake_host *fake_dns_host(struct fake_dns *world, const char *address, enum fake_role role);
/* Answers only for this zone from now on (may be called for several); without any call a host
 * serves all zones. */
void fake_host_serve(struct fake_host *host, const char *zone);
/* Changes show after lag_ms at this host. */
void fake_host_set_lag(struct fake_host *host, int64_t lag_ms);
/* Takes unsigned RFC 2136 updates (signed ones are refused: NOTAUTH). */
void fake_host_take_updates(struct fake_host *host, bool yes);

enum fake_act {
    FAKE_ANSWER, /* as usual: cancels an earlier rule for the same name and type */
    FAKE_SERVFAIL,
    FAKE_REFUSED,
    FAKE_NXDOMAIN, /* without SOA */
    FAKE_NOTAUTH,
    FAKE_SILENT,  /* no answer, on TCP too */
    FAKE_CUT,     /* TC over UDP, whole over TCP */
    FAKE_LAME,    /* answers without the AA bit */
    FAKE_GARBAGE, /* the question, then bytes that are no records */
};
/* What the host does when asked for name (NULL: any) and type (0: any; FAKE_UPDATE for updates), n
 * times (0: for ever). */
enum { FAKE_UPDATE = -1 };
void fake_host_say(struct fake_host *host, const char *name, int type, enum fake_act act, int n);

/* Makes a zone with an SOA (MNAME ns1.ZONE, minimum 300). */
void fake_dns_zone(struct fake_dns *world, const char *zone);
/* owner "example.com" or "www.example.com"; type A AAAA NS CNAME DNAME SOA TXT CAA; data in
 * presentation form (SOA: the MNAME; TXT: the value, cut into strings of 255; CAA: "0 issue ca.example", the value without quotes). A record that exists
 * is not added twice; a CNAME replaces a CNAME. Names under a cut are glue. */
void fake_dns_add(struct fake_dns *world, const char *zone, const char *owner, const char *type,
                  const char *data, uint32_t ttl_s);
/* data NULL: all of that type. Shows after each host's lag as well. */
void fake_dns_remove(struct fake_dns *world, const char *zone, const char *owner, const char *type,
                     const char *data);
/* {"zones": {"example.com": [["www", "A", "192.0.2.1"], ["@", "NS", "ns1", 60], ...]}}: owners and
 * targets without a final dot are relative to the zone, "@" is the zone. False with text when it is
 * not like that. */
bool fake_dns_load(struct fake_dns *world, const struct json *tree, struct err *err);

/* How often host was asked; name NULL and type 0: any. */
size_t fake_host_asked(const struct fake_host *host, const char *name, int type);
size_t fake_host_n_updates(const struct fake_host *host);
/* How many values a name has now, seen from a host without lag. */
size_t fake_dns_n_txt(struct fake_dns *world, const char *owner);
/* All questions and updates of the world so far. */
int64_t fake_dns_n_questions(struct fake_dns *world);
/* One JSON line for each value added or removed by an update (and, when questions, for each question) to this descriptor; -1: none. */
void fake_dns_log(struct fake_dns *world, int fd, bool questions);
/* For long runs: only counts what is asked, so fake_host_asked knows no names any more. */
void fake_dns_forget_names(struct fake_dns *world);

#endif
