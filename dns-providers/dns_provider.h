/*
 * The contract of a DNS provider: it translates, it does not act.
 *
 * The host (the TXT desk of the orchestrator) gathers what the TXT records of ONE zone shall look like - some present, some gone -
 * into a JOB and hands it to the provider's `step` with the last answer. The provider says what it wishes to ask
 * next: an HTTP request, a DNS UPDATE, a program to run, a pause; or that it is DONE, or why it FAILs. The host performs the
 * wish on its own loop and comes back with the answer:
 *
 *     job + no answer        -> HTTP GET /zones?name=example.com
 *     job + 200 [...]        -> HTTP POST /zones/7/records
 *     job + 201 {"id": 42}   -> DONE (records[0].ref = "42")
 *
 * So a provider holds no socket, thread, timer, lock or global; its test is a file of answers; and a step that hangs is the host's
 * business. Rules:
 *
 *  1. One job holds adds and removes of one zone. There are never two jobs of one account and zone at once.
 *  2. A job may be repeated after a crash: adding what exists and removing what is gone are successes.
 *  3. Only the very values of the job are touched, also at shared names.
 *  4. `ref` is the provider's own record id. The host stores it durably and hands it back.
 *  5. Secrets stay with the host: wishes name settings as {{name}}, or as an expression over them (veiled.h); the host fills them in on
 *     the wire, only towards api_hosts.
 *  6. `state` is the provider's memory between the steps of one job: it is made by begin, freed by end, and lost at a crash.
 *
 * ABI: major changes break, minor ones add at the end of structs; struct_size says what a module was compiled with.
 */
#ifndef DNS_PROVIDER_H
#define DNS_PROVIDER_H

#include "base/json.h"
#include "config/table.h"

enum { DNS_PROVIDER_ABI_MAJOR = 1, DNS_PROVIDER_ABI_MINOR = 1 };

enum dns_capability {
    DNS_CAN_BATCH = 1 << 0,     /* several records in one job; else the host gives one at a time */
    DNS_CAN_ATOMIC = 1 << 1,    /* a job is applied whole or not at all */
    DNS_CAN_FIND_ZONE = 1 << 2, /* finds the zone by itself: job.zone is only a hint */
    DNS_CAN_CONFIRM = 1 << 3,   /* DONE means: served everywhere */
    DNS_CAN_DELEGATE = 1 << 4,  /* writes to a name of its own (acme-dns); needs a CNAME */
    DNS_CAN_GATHER = 1 << 5, /* many records cost as few requests as one: worth a moment's wait */
    DNS_CAN_ROLL = 1 << 6,   /* removes nothing: newer values push older ones out */
};

struct dns_job_record {
    bool present;      /* false: shall be gone */
    const char *owner; /* fully qualified, lower case, no final dot */
    const char *value; /* the TXT value, printable ASCII */
    uint32_t ttl_s;
    bool may_stand; /* an earlier job may have set it: its end is not known */
    char *ref;      /* in: as stored, or NULL. out: set by the provider with mem_set_str */
    bool done;      /* out: this record is as wished (partial success of a failing job) */
    const char *
        key_authorization; /* "TOKEN.THUMBPRINT", whose digest the value is; NULL: of no such challenge */
    const char *
        challenge; /* the name a CA asks for; the owner is where CNAMEs lead from there. NULL: not known */
};
struct dns_job {
    const char *zone; /* "example.com" */
    const struct json *
        settings; /* checked against the provider's section; secrets are their references, not their bytes */
    struct dns_job_record *records;
    size_t n_records;
    void *state;         /* the provider's, see begin and end */
    struct arena *arena; /* lives until the job ends; wishes live here */
    const struct dns_provider *provider;
    int64_t now_ms;           /* UTC, as of this step */
    unsigned char random[32]; /* anew for each step */
    /* What the provider remembers from one job of an account to the next, a session: kept in memory only, until the process ends. *memory is
     * NULL at first; whoever puts another tree there frees the old one. NULL: nothing can be remembered. */
    struct json **memory;
};

enum dns_wish_kind {
    DNS_WISH_HTTP,
    DNS_WISH_UPDATE,
    DNS_WISH_RUN,
    DNS_WISH_SLEEP,
    DNS_WISH_DONE,
    DNS_WISH_FAIL
};

struct dns_wish_http {
    const char *method, *url;
    const char *const *headers; /* NULL-terminated "Name: value" */
    struct str body;
    bool
        is_encoded; /* expressions give what stands on the wire; else they are encoded as URL and body need it */
    const char *
        told_base; /* not NULL: the URL is below this one, which a login of the API told; see hosts_by_login */
    const char
        *owner; /* the name it is about, for limits of that scope; NULL: the first record's */
    bool
        once; /* sent twice it would do its work twice; POST and PATCH are taken for such in any case */
};
struct
    dns_wish_update { /* one RFC 2136 message; changes are all records of the job from .. from + n */
    const char *server; /* host or address[:port]; NULL: the zone's primary as its SOA says */
    const char *tsig_name, *tsig_algorithm;
    const char *tsig_secret; /* name of the secret setting, e.g. "tsig.secret"; NULL: unsigned */
    bool udp_first;
    size_t from, n;
};
struct dns_wish_run {
    const char *const *argv;
    const char *const *environment; /* "NAME=value" */
    struct str input;
    int64_t timeout_ms;
    /* "NAME=path of a secret setting" ("TOKEN=secrets.TOKEN"): the host puts the secrets into the program's environment. May be NULL. */
    const char *const *secret_environment;
    bool
        errors_apart; /* the output is what it wrote to 1; what it wrote to 2 is the answer's `errors` */
};
struct dns_wish {
    enum dns_wish_kind kind;
    struct dns_wish_http http;
    struct dns_wish_update update;
    struct dns_wish_run run;
    int64_t sleep_ms;
    /* FAIL: kind tells the host what to do (AGAIN, THROTTLED, DENIED, REFUSED, CONFIG, BROKEN). SLEEP: what went wrong before; kind
     * NONE: nothing, waiting belongs to it. */
    struct err err;
};

struct dns_answer {        /* of the last wish; absent (NULL) at the first step */
    const struct err *err; /* transport failure, or the failure of an UPDATE; else NULL */
    int status;            /* HTTP */
    const char *(*header)(
        const struct dns_answer *answer,
        const char *name); /* HTTP; NULL when absent; all Set-Cookie, one a line */
    struct str body;       /* HTTP body, or output of a program */
    int exit_code;         /* of a program; -1 killed */
    bool timed_out;
    struct str errors; /* of a program, when they were asked for apart */
};

/* How often an API may be asked. The host obeys: it alone knows all orders, runs and configured providers that share a credential. */
enum dns_scope {
    DNS_SCOPE_ACCOUNT, /* all requests with one credential */
    DNS_SCOPE_ZONE,    /* those of a credential about one zone */
    DNS_SCOPE_NAME,    /* ... about one owner name */
    DNS_SCOPE_HOST,    /* all requests from this machine, whoever's credential it is */
};
enum dns_reset { DNS_RESET_SECONDS, DNS_RESET_EPOCH, DNS_RESET_DATE };
enum { DNS_RATES_MAX = 8 };
struct dns_rate {
    int64_t count, period_ms; /* at most so many requests in any stretch of that length */
};
struct dns_limits {
    struct dns_rate rates[DNS_RATES_MAX];
    size_t n_rates;
    enum dns_scope scope; /* of the rates */
    int64_t parallel;     /* jobs of one credential at the same time; 0: any */
    int64_t
        calls_per_record; /* about so many requests each record costs; 0: a job costs a few, however many it has */
    const char *
        remaining, /* header: how many requests are left; 0 of them: none before what the header `reset` says */
        *reset;
    enum dns_reset reset_is;
};

struct dns_provider {
    size_t struct_size;
    int abi_major, abi_minor;
    const char *name;      /* "rfc2136" */
    const char *title;     /* "DNS UPDATE (RFC 2136): BIND, Knot, PowerDNS, Windows DNS ..." */
    const char *sentence;  /* one sentence for people */
    const char *link;      /* where the API is described */
    unsigned capabilities; /* enum dns_capability */
    const struct section *settings;
    /* May be NULL: more than the table can say. Kind CONFIG. */
    bool (*check)(const struct dns_provider *provider, const struct json *settings,
                  struct err *err);
    /* May be NULL. */
    void *(*begin)(const struct dns_job *job);
    void (*end)(void *state);
    void (*step)(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish);
    const char *example; /* YAML as it would stand below `providers:`, or NULL */
    const char
        *rights; /* Markdown: the least that the credentials must be allowed to do, or NULL */
    /* Hosts of the API, NULL-terminated ("api.example.com"; "dns.*.example.com": any one label): secrets go there, by https, and to the host
     * of the setting `base_url`, nowhere else. NULL: only to the latter. */
    const char *const *api_hosts;
    bool is_pinned; /* no request at all goes elsewhere */
    /* Since minor 1. */
    const char *
        status; /* "trial": never tried with a live account; "closed": the service takes no new ones; NULL: stable */
    const char *docs_read; /* "2026-11": when the API's description was read last; NULL */
    /* How long a change takes, after DONE, until every name server shows it: mostly, and at most. 0: not known. */
    int64_t publish_typical_ms, publish_max_ms;
    /* Its logins tell where the API is: wishes with told_base may go there too, by https and without any secret. */
    bool hosts_by_login;
    const struct dns_limits *limits; /* NULL: none known */
    /* How many values a name can hold at once; 0: any number. The host hands over a further one only when those before it are gone. With
     * values_labels > 0 names that share so many last labels share their values: "a.x.example" and "b.x.example" with 2. */
    unsigned values_max, values_labels;
    /* May be NULL: has a secret the form it must have? Asked once, when it is read. Kind CONFIG, in words that show nothing of it. */
    bool (*secret_check)(const struct dns_provider *provider, const char *setting, struct str bytes,
                         struct err *err);
};

/* All providers of this build, in name order, and one by name (NULL when unknown). */
const struct dns_provider *const *dns_provider_all(size_t *ret_n);
const struct dns_provider *dns_provider_find(const char *name);
/* "stable", "trial" or "closed". */
const char *dns_provider_status(const struct dns_provider *provider);
bool dns_provider_is_trial(const struct dns_provider *provider);
/* NULL when it is not known. */
const char *dns_provider_docs_read(const struct dns_provider *provider);
/* Of a manifest: what adding and removing means there (manifest/model.h), how the zone is found. NULL: a module in C. */
const char *dns_provider_model(const struct dns_provider *provider);
const char *dns_provider_zone_by(const struct dns_provider *provider);
/* The part of an owner name by which its values are counted against values_max; points into it. */
const char *dns_provider_place(const struct dns_provider *provider, const char *owner);
/* Is the host one that a row of api_hosts means? A port is part of it. */
bool dns_provider_host_fits(const char *pattern, const char *host);
/* The times of a change; 0 where the module was compiled before there were any. */
int64_t dns_provider_typical_ms(const struct dns_provider *provider);
int64_t dns_provider_longest_ms(const struct dns_provider *provider);
/* Markdown page of one provider from its tables. */
void dns_provider_document(const struct dns_provider *provider, struct buf *out);

#endif
