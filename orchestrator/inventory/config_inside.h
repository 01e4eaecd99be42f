/*
 * The inside of config.h, for the files of this folder that read configuration.
 *
 * A checked tree is made into plain structs by a READER. While a file is being read the reader has the YAML document beside it, so
 * that what the tables cannot say (a name that is no name, a zone nobody serves) is still said with line and column;
 * a tree that comes from the store has no lines any more, then the complaint names the file only.
 */
#ifndef INVENTORY_CONFIG_INSIDE_H
#define INVENTORY_CONFIG_INSIDE_H

#include "inventory/config.h"

struct reader {
    const char *file;        /* for messages */
    const struct yaml *yaml; /* NULL: from the store */
    const struct json *raw;  /* its tree */
    struct complaints complaints;
};
void reader_fini(struct reader *r);
/* At the value of a key of a raw object, or of item i of the list that stands there. object and what it should hold may be absent. */
void reader_say(struct reader *r, const struct json *object, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void reader_say_item(struct reader *r, const struct json *object, const char *key, size_t i,
                     const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* True when nothing was said; else false and all of it in err: kind CONFIG, one complaint a line, as many as fit. */
bool reader_is_content(struct reader *r, struct err *err);

/* A list of texts as a NULL-terminated array, NULL for no list; the caller frees with texts_free. */
char **texts_from(const struct json *list);
void texts_free(char **texts);
size_t texts_count(char *const *texts);
/* Hex SHA-256 of the canonical form; takes the tree. Fresh text. */
char *print_of(struct json *take_tree);
/* path as seen from folder, without "." and doubled slashes. Fresh text. */
char *path_from(const char *folder, const char *path);

extern const struct section section_provider, section_endpoint, section_activate, section_manifests,
    section_http;

/* config_authority.c, config_provider.c: fill what the tree says; faults go to the reader. */
void authorities_read(struct config *config, struct reader *r);
void authorities_free(struct config *config);
bool provider_name_fits(const char *name);
/* Checks the section by the common table and each provider's own; gives the checked tree (owned by the caller). */
struct json *providers_check(struct config *config, struct reader *r);
void providers_read(struct config *config, struct reader *r);
void providers_free(struct config *config);
/* Addresses of a list of texts; port: where none is written. */
void addresses_read(struct reader *r, const struct json *raw, const char *provider, const char *key,
                    const struct json *list, uint16_t port, struct net_address **ret,
                    size_t *ret_n);
/* "example.com" holds itself and what ends in ".example.com". */
bool zone_holds(struct str zone, struct str name);

/* config_propagation.c. raw, checked: of the provider, whose zones have been read. */
void propagation_read(struct reader *r, const struct json *raw, const struct json *checked,
                      struct provider_config *p);
void propagation_free(struct provider_config *p);

/* config_manifest.c. Before the providers. What is wrong there is no fault of the configuration: see struct manifest_file. */
void manifests_read(struct config *config, struct reader *r);
void manifests_free(struct config *config);
/* The stand-in for a type that is not known while the folder cannot be read or, with a name unlike all others, has no such file; NULL: a slip. */
const struct dns_provider *manifest_missing(struct config *config, const char *type,
                                            bool resembles_another);
/* What the fingerprint of the configuration holds of them. */
struct json *manifests_print(const struct config *config);
/* config_rate.c: p->limits; stays NULL where the setting `rate` is absent. */
void rates_read(struct reader *r, const struct json *raw, const struct json *list,
                struct provider_config *p);

/* config_limits.c: a->limits; stays NULL where the setting `limits` is absent. */
extern const struct section section_limits;
void authority_limits_read(const struct config *config, struct reader *r, const struct json *raw,
                           const struct json *checked, struct authority_config *a);
void authority_limits_free(struct authority_config *a);
void limits_free(struct config *config);

/* config_dnssec.c */
void dnssec_read(struct config *config, struct reader *r);
void dnssec_config_free(struct config *config);

/* config_http.c */
void http_read(struct config *config, struct reader *r);
void http_config_free(struct config *config);

/* set_profile.c */
void profiles_verify(const struct config *config, const struct json *raw, const char *where,
                     struct reader *r);
void profiles_choose(const struct config *config, const struct json *doc, struct set_config *set);
void profiles_free(struct set_config *set);

/* set_config.c. doc: checked and in stored form. */
struct set_config *set_fill(const struct config *config, const char *name, const char *file,
                            const struct json *doc, struct reader *r);
/* What depends on chancery.yaml: authorities exist, zones are served. */
void set_verify(const struct config *config, const struct set_config *set, struct reader *r);
/* Text -> checked tree in stored form and, when both are good, the struct. Either is NULL on failure. */
bool set_file_read(const struct config *config, const char *name, const char *file, struct str text,
                   struct json **ret_doc, struct set_config **ret_set, struct err *err);
/* As set_config_read without set_verify: for a set whose present configuration cannot be used. */
bool set_config_recall(const struct config *config, const char *name, const char *file,
                       const struct json *doc, struct set_config **ret, struct err *err);

/* set_key.c: key, keep_key, csr, chain. */
void set_key_read(const struct config *config, const struct json *doc, struct set_config *set,
                  struct reader *r);
/* set_keys.c. verify: what `key` and `keys` say in raw; where: "" or "defaults.", for messages. */
void keys_verify(const struct json *raw, const char *where, struct reader *r);
void keys_choose(const struct config *config, const struct json *doc, struct set_config *set);
/* set_names.c */
void set_names_read(const struct json *doc, struct set_config *set, struct reader *r);
/* set_deploy.c. settle: raw forms of `activate` and `endpoints` made into stored ones. */
void deploys_settle(struct json *doc, struct reader *r);
void endpoints_settle(struct json *doc, struct reader *r);
void deploys_read(const struct config *config, const struct json *doc, struct set_config *set,
                  struct reader *r);
void endpoints_read(const struct json *doc, struct set_config *set, struct reader *r);
void deploys_free(struct set_config *set);
void endpoints_free(struct set_config *set);

#endif
