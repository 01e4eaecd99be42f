/*
 * What is configured: chancery.yaml, and one file a domain set.
 *
 * The section tables (config_tables.c) give checking, defaults, docs/CONFIG.md and the JSON Schema. chancery.yaml is read once a
 * run. Set files are read by the register (register.h) only when they changed; what it keeps in the store is the checked tree, from which
 * set_config_read makes a plain struct.
 */
#ifndef INVENTORY_CONFIG_H
#define INVENTORY_CONFIG_H

#include "acme/challenge.h"
#include "base/json.h"
#include "config/table.h"
#include "crypto/key.h"
#include "dns-providers/catalogue.h"
#include "inventory/config_http.h"
#include "io/loop.h"

struct authority_config {
    char *name, *directory, *staging; /* staging: the rehearsal directory or NULL */
    char *ca_file;                    /* trust for a private CA, or NULL */
    bool agree_tos;
    char **contact;          /* NULL-terminated */
    char *eab_kid, *eab_key; /* references, or NULL */
    char *eab_algorithm;
    int64_t parallel; /* orders in flight at most */
    bool checks_caa;  /* CAA records are looked at before the CA does */
    bool
        is_private; /* the directory's host is loopback or configured private: private addresses are allowed */
    struct ca_limits
        *limits; /* instead of what the build knows of `directory`; NULL: nothing is said */
};

/* When a TXT record counts as served, and as gone: docs/PROPAGATION.md. */
enum propagation_mode {
    PROPAGATION_AUTHORITATIVE, /* every authoritative name server is asked */
    PROPAGATION_RESOLVERS,     /* these resolvers are asked */
    PROPAGATION_PROVIDER,      /* the provider's "done" says so */
    PROPAGATION_WAIT,          /* a fixed time passes */
};
struct propagation_config {
    char *zone; /* of a rule for one zone and what is below; NULL: the provider's */
    enum propagation_mode mode;
    int64_t timeout_ms, settle_ms, wait_ms;
    int64_t min_answers, min_percent; /* name servers that must answer; both 0: half of them */
    struct net_address *resolvers;    /* of mode RESOLVERS */
    size_t n_resolvers;
};
const char *propagation_mode_name(enum propagation_mode mode);
/* How many of n name servers must answer, before those that do not are passed over: at least one, where there is one. */
size_t propagation_floor(const struct propagation_config *rules, size_t n);

struct provider_config {
    char *name;
    const struct dns_provider *provider;
    char **zones;                /* NULL-terminated, normalised */
    const struct json *settings; /* checked; owned by the config */
    int64_t ttl_s;
    struct dns_limits *limits; /* as configured; NULL: those of the type */
    /* how served values are judged */
    bool follow_cname;
    struct propagation_config propagation;
    struct propagation_config *zone_propagations; /* for zones of their own rules */
    size_t n_zone_propagations;
    struct net_address *resolvers; /* for finding the zone; n_resolvers 0: the system's */
    size_t n_resolvers;
    int64_t authoritative_port;
    struct net_address *authoritative; /* when given: ask these instead of the zone's NS */
    size_t n_authoritative;
};

/* Formats of a files target, as bits. */
enum file_format {
    FORMAT_KEY = 1 << 0,       /* key.pem */
    FORMAT_CERT = 1 << 1,      /* cert.pem */
    FORMAT_CHAIN = 1 << 2,     /* chain.pem */
    FORMAT_FULLCHAIN = 1 << 3, /* fullchain.pem */
    FORMAT_COMBINED = 1 << 4,  /* combined.pem: leaf, chain, key */
    FORMAT_KEYFIRST = 1 << 5,  /* keyfirst.pem: key, leaf, chain */
    FORMAT_PKCS12 = 1 << 6,    /* bundle.p12 */
    FORMATS_WITH_KEY = FORMAT_KEY | FORMAT_COMBINED | FORMAT_KEYFIRST | FORMAT_PKCS12,
};
struct deploy_config {
    char *target; /* stable name: "files:/etc/ssl/shop" */
    char *dir;
    char *owner, *group; /* NULL: ours */
    int64_t mode;        /* of every file, e.g. 0640 */
    int64_t dir_mode;
    unsigned formats;      /* enum file_format bits */
    char *pkcs12_password; /* reference or NULL */
    bool pkcs12_legacy;
    char **check;       /* argv, NULL-terminated, or NULL */
    char **activate;    /* argv or NULL */
    char *systemd_unit; /* or NULL */
    int64_t timeout_ms; /* of check and activate each */
    int64_t keep;       /* versions kept */
    char *want;         /* fingerprint of these settings */
};
struct endpoint_config {
    char *text; /* as written: "shop.example.com:443" */
    char *host;
    uint16_t port;
    char *starttls; /* or NULL */
    char *connect;  /* address to dial instead of resolving, "127.0.0.1:8443", or NULL */
    char *want;     /* fingerprint of how it is to be looked at */
};

/* A certificate of the set: it has one for each kind of key. */
enum { LANES_MAX = 2 };
struct lane_config {
    const char *name; /* "", or where there are several the family of its key: "ecdsa", "rsa" */
    enum key_kind key;
};

struct set_config {
    char *name, *file; /* file: its path */
    char **names;      /* normalised, NULL-terminated */
    size_t n_names;
    char **authorities;                  /* in order of preference */
    char **directories;                  /* theirs; "" for one that is not configured */
    enum key_kind key;                   /* of the first lane */
    struct lane_config lanes[LANES_MAX]; /* in order of preference */
    size_t n_lanes;
    bool keep_key; /* the key of the current certificate is used again */
    bool
        is_key_kind_free; /* `key: keep`: of whatever kind that is; `key` is the kind of the first */
    char *csr;            /* file: or exec: reference; then the key lives elsewhere; NULL */
    char *chain;          /* which chain is preferred: as chain_wish_check gave it; or NULL */
    char *profile;        /* or NULL */
    char *
        *profiles; /* instead: one an authority, or NULL for none; NULL: `profile` holds for all */
    enum challenge_kind challenge;
    char *challenge_alias; /* or NULL */
    struct deploy_config *deploys;
    size_t n_deploys;
    struct endpoint_config *endpoints;
    size_t n_endpoints;
    int64_t verify_every_ms;
    char *want; /* fingerprint: names, key, profile, directories: what a certificate must fulfil */
};

struct dnssec_config {
    bool check;
    bool is_default;               /* the anchor is the usual one, of the public root */
    char *trust_anchor;            /* path; NULL: there is none, nothing is judged */
    struct net_address *resolvers; /* to ask through; n_resolvers 0: from the root servers on */
    size_t n_resolvers;
};

/* A file of the folder of manifests. */
struct manifest_file {
    char *path, *name; /* name: of the type */
    char sha256[65];   /* "": not read */
    char *fault;       /* why it cannot be used, with its place; NULL: it is used */
};

struct config {
    char *path, *folder;             /* of chancery.yaml */
    char *store_path;                /* after "sqlite:", or the server's address */
    char *seal;                      /* reference */
    char *sets_folder, *sets_suffix; /* "sets.d", ".yaml" */
    char *fingerprint; /* of the whole checked tree; a change makes every set be read again */
    struct authority_config *authorities;
    size_t n_authorities;
    struct provider_config *providers;
    size_t n_providers;
    struct catalogue *types; /* what a provider may be: of the build and of the folder below */
    char *manifests_folder;  /* NULL: none is set */
    char *manifests_fault;   /* why the folder as a whole cannot be used, or NULL */
    struct manifest_file *manifests;
    size_t n_manifests;
    struct dnssec_config dnssec;
    struct directory_limits *limits; /* what was asked for so far: config_limits */
    char *suffixes_path;             /* public_suffix_list, or NULL */
    struct suffix_list *suffixes;    /* read when it is asked for */
    bool has_suffixes;
    struct err suffixes_fault; /* why that file cannot be used; NONE: it can */
    struct json *defaults;     /* checked section `defaults` */
    struct json *tree;         /* the whole checked tree; settings point into it */
    struct http_config http;
    const char *(*environment)(const char *name); /* for env: and cred: references; never NULL */
};

/* Kind CONFIG: all complaints joined by newlines, each with file:line:column. */
bool config_load(const char *path, const char *(*environment)(const char *), struct config **ret,
                 struct err *err);
void config_free(struct config *config);
/* Why the text cannot stand behind `store:`, or NULL. */
const char *store_address_fault(const char *text);
/* A print of where the files stand that the tree names (trust, credentials: size, time, inode): another one when one of them was changed, appeared or
 * vanished. What is in them is not read. */
void config_stamp(const struct config *config, char ret_hex[65]);
const struct authority_config *config_authority(const struct config *config, const char *name);
/* What is known of the limits of the CA with that directory: as the authority says, else as the build knows. Never NULL; lives as long as the
 * configuration. */
const struct ca_limits *config_limits(struct config *config, const char *directory);
/* The list by which registered domains are told; NULL: the list of the build, also where the configured one cannot be used (suffixes_fault). Lives
 * as long as the configuration. */
const struct suffix_list *config_suffixes(struct config *config);
const struct provider_config *config_provider(const struct config *config, const char *name);
/* The provider whose zone is the longest suffix of name; NULL when none. */
const struct provider_config *config_provider_for(const struct config *config, const char *name);
/* The rules by which a provider's records in a zone are judged. */
const struct propagation_config *config_propagation(const struct provider_config *provider,
                                                    const char *zone);

/* A name in DNS that need not be a host name: underscores and single labels are fine; lower case, no final dot. Kind CONFIG. */
bool zone_normalise(const char *text, char **ret_name, struct err *err);

/* A set file: text -> checked tree (owned by the caller), with every complaint in err (CONFIG). */
bool set_file_parse(const struct config *config, const char *file, struct str text,
                    struct json **ret_doc, struct err *err);
/* A checked tree -> plain struct, with the defaults of chancery.yaml. Kind CONFIG (names, authorities that do not exist, zones nobody serves). */
bool set_config_read(const struct config *config, const char *name, const char *file,
                     const struct json *doc, struct set_config **ret, struct err *err);
/* NULL: the set has no such lane (any more). */
const struct lane_config *set_lane(const struct set_config *set, const char *name);
/* What the CA of that name is asked for; of that directory where the name is none of the set's. NULL: no profile. */
const char *set_profile_of(const struct set_config *set, const char *authority,
                           const char *directory);
/* {authority: profile or null}, of a set with `profiles`. */
struct json *profiles_json(const struct set_config *set);
void set_config_free(struct set_config *set);

/* A reference to a secret: file:PATH (0400/0600), cred:NAME (systemd), exec:PROGRAM WORDS, env:NAME. Relative paths start at the folder of
 * chancery.yaml. One final newline is cut. Kinds CONFIG, DENIED. Blocks (exec at most 10 s). The caller registers it with log_mask. */
bool secret_resolve(const struct config *config, const char *reference, struct secret *ret,
                    struct err *err);

/* The words behind "exec:" as an argv for process_start: cut at blanks, without quoting, because there is no shell. The array (NULL-terminated) and its
 * texts are fresh: mem_free argv[0], then argv. CONFIG when there is none, or more than 31. */
bool exec_words(const char *line, const char ***ret_argv, struct err *err);
/* Is it a reference that `csr` may hold? CONFIG. */
bool csr_reference_check(const char *reference, struct err *err);

/* The section tables, for docs and schemas. */
const struct section *config_section_main(void);
const struct section *config_section_set(void);
void config_document(struct buf *out);

#endif
