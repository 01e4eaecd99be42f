#include "dns-providers/namecheap/hosts.h"

#include <stdio.h>

enum { TTL_MIN = 60, TTL_MAX = 60000 };

/* ---- reading ---- */

/* Attributes that setHosts takes, and those that say nothing of the record itself. */
static const char *const written[] = {"@Name", "@Type", "@Address", "@MXPref", "@TTL"};
static const char *const ignored[] = {"@HostId", "@AssociatedAppTitle", "@FriendlyName"};
/* Attributes that setHosts cannot set, with the one value that it leaves a record with. */
static const struct {
    const char *name, *value;
} fixed[] = {{"@IsActive", "true"}, {"@IsDDNSEnabled", "false"}};

static bool name_is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static bool member_is_kept(const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (strcmp(fixed[i].name, name) == 0)
            return value != NULL && str_eq_nocase(str_of(fixed[i].value), str_of(value));
    return name_is_one_of(name, written, sizeof written / sizeof written[0]) ||
           name_is_one_of(name, ignored, sizeof ignored / sizeof ignored[0]);
}

static bool row_read(const struct dns_job *job, const struct json *host, struct host_row *ret,
                     struct err *err)
{
    const char **fields[] = {&ret->name, &ret->type, &ret->address, &ret->mx_pref, &ret->ttl};
    const char *key;
    const struct json *value;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const char *text = json_text(host, written[i]);
        if (text == NULL)
            return err_set(err, ERR_BROKEN, "a host record without %s came back", written[i] + 1);
        *fields[i] = arena_strdup(job->arena, text);
    }
    for (void *at = NULL; json_next(host, &at, &key, &value);)
        if (!member_is_kept(key, json_as_text(value)))
            return err_set(err, ERR_REFUSED,
                           "the record %s %s of the domain has %s %s, which the API cannot write "
                           "back; nothing was changed. Change it in Namecheap's panel, or delegate "
                           "with a CNAME",
                           ret->name, ret->type, key[0] == '@' ? key + 1 : key,
                           json_as_text(value) != NULL ? json_as_text(value) : "");
    return true;
}

bool hosts_read(const struct dns_job *job, const struct json *result, struct hosts *ret,
                struct err *err)
{
    const char *served = json_text(result, "@IsUsingOurDNS");
    const char *email = json_text(result, "@EmailType");
    const struct json *list = json_find(result, "host");
    if (served == NULL || email == NULL)
        return err_set(err, ERR_BROKEN, "an answer without IsUsingOurDNS and EmailType came back");
    if (!str_eq_nocase(str_of(served), STR("true")))
        return err_set(err, ERR_CONFIG,
                       "%s is not served by Namecheap's name servers: another provider holds its "
                       "records",
                       job->zone);
    *ret = (struct hosts){.n = json_len(list), .email_type = arena_strdup(job->arena, email)};
    ret->rows = arena_alloc(job->arena, (ret->n + 1) * sizeof *ret->rows);
    for (size_t i = 0; i < ret->n; i++)
        if (!row_read(job, json_at(list, i), &ret->rows[i], err))
            return false;
    return true;
}

/* ---- editing ---- */

static const char *name_of(const struct dns_job *job, const char *owner)
{
    size_t zone = strlen(job->zone), len = strlen(owner);
    return len > zone ? arena_strndup(job->arena, owner, len - zone - 1) : "@";
}

static bool row_is(const struct host_row *row, const char *name, const char *value)
{
    return str_eq_nocase(str_of(row->type), STR("TXT")) &&
           str_eq_nocase(str_of(row->name), str_of(name)) && strcmp(row->address, value) == 0;
}

static bool row_goes(const struct dns_job *job, const struct host_row *row)
{
    for (size_t i = 0; i < job->n_records; i++) {
        const struct dns_job_record *r = &job->records[i];
        if (!r->present && row_is(row, name_of(job, r->owner), r->value))
            return true;
    }
    return false;
}

static bool rows_have(const struct hosts *hosts, const char *name, const char *value)
{
    for (size_t i = 0; i < hosts->n; i++)
        if (row_is(&hosts->rows[i], name, value))
            return true;
    return false;
}

bool hosts_edit(const struct dns_job *job, const struct hosts *old, struct hosts *ret)
{
    bool changes = false;
    *ret = (struct hosts){.email_type = old->email_type};
    ret->rows = arena_alloc(job->arena, (old->n + job->n_records + 1) * sizeof *ret->rows);
    for (size_t i = 0; i < old->n; i++) {
        if (row_goes(job, &old->rows[i]))
            changes = true;
        else
            ret->rows[ret->n++] = old->rows[i];
    }
    for (size_t i = 0; i < job->n_records; i++) {
        const struct dns_job_record *r = &job->records[i];
        const char *name = name_of(job, r->owner);
        uint32_t ttl_s = r->ttl_s < TTL_MIN ? TTL_MIN : r->ttl_s > TTL_MAX ? TTL_MAX : r->ttl_s;
        if (!r->present || rows_have(ret, name, r->value))
            continue;
        ret->rows[ret->n++] = (struct host_row){.name = name,
                                                .type = "TXT",
                                                .address = r->value,
                                                .mx_pref = "10",
                                                .ttl = arena_printf(job->arena, "%u", ttl_s)};
        changes = true;
    }
    return changes;
}

/* ---- comparing, writing ---- */

static bool row_eq(const struct host_row *a, const struct host_row *b)
{
    return strcmp(a->name, b->name) == 0 && strcmp(a->type, b->type) == 0 &&
           strcmp(a->address, b->address) == 0 && strcmp(a->mx_pref, b->mx_pref) == 0 &&
           strcmp(a->ttl, b->ttl) == 0;
}

/* The first of a that b has less often. */
static const struct host_row *row_lacking(const struct hosts *a, const struct hosts *b)
{
    for (size_t i = 0; i < a->n; i++) {
        size_t n_a = 0, n_b = 0;
        for (size_t j = 0; j < a->n; j++)
            n_a += row_eq(&a->rows[j], &a->rows[i]) ? 1 : 0;
        for (size_t j = 0; j < b->n; j++)
            n_b += row_eq(&b->rows[j], &a->rows[i]) ? 1 : 0;
        if (n_b < n_a)
            return &a->rows[i];
    }
    return NULL;
}

const char *hosts_difference(const struct dns_job *job, const struct hosts *a,
                             const struct hosts *b)
{
    const struct host_row *row = row_lacking(a, b);
    if (row == NULL)
        row = row_lacking(b, a);
    if (row != NULL)
        return arena_printf(job->arena, "%s %s %s (MX %s, TTL %s)", row->name, row->type,
                            row->address, row->mx_pref, row->ttl);
    return strcmp(a->email_type, b->email_type) == 0
               ? NULL
               : arena_printf(job->arena, "EmailType %s", a->email_type);
}

void form_encode(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '-' || c == '.' || c == '_' || c == '~')
            buf_add_char(out, (char)c);
        else
            buf_printf(out, "%%%02X", c);
    }
}

void hosts_format(const struct hosts *hosts, struct buf *out)
{
    for (size_t i = 0; i < hosts->n; i++) {
        const struct host_row *row = &hosts->rows[i];
        const char *const values[] = {row->name, row->type, row->address, row->mx_pref, row->ttl};
        static const char *const names[] = {"HostName", "RecordType", "Address", "MXPref", "TTL"};
        for (size_t j = 0; j < sizeof names / sizeof names[0]; j++) {
            buf_printf(out, "&%s%zu=", names[j], i + 1);
            form_encode(out, str_of(values[j]));
        }
    }
}
