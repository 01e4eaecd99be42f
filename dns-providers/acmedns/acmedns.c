#include "dns-providers/veiled.h"
#include "dns-providers/web.h"

enum { VALUE_LEN = 43, SLOTS = 2, TEXT_MAX = 8 * 1024 };

static const struct setting account_settings[] = {
    {.name = "fulldomain",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 1,
     .max = 253,
     .sentence = "`fulldomain` of the registration: where the CNAME of the challenge name leads."},
    {.name = "username",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 1,
     .max = 256,
     .sentence = "`username` of the registration."},
    {.name = "password",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "`password` of the registration."},
};
static const struct section account_section = {
    .name = "providers.NAME.accounts",
    .sentence = "One registration at the acme-dns server.",
    .settings = account_settings,
    .n = sizeof account_settings / sizeof account_settings[0],
};
static const struct setting settings[] = {
    WEB_BASE_URL(true, "Where the API of the acme-dns server is: https, or http on this machine."),
    {.name = "accounts",
     .kind = SETTING_SECTIONS,
     .max = 10000,
     .section = &account_section,
     .sentence = "The registrations, found by where the CNAME of a name leads."},
    {.name = "storage",
     .kind = SETTING_SECRET,
     .sentence = "A JSON file of registrations by domain, as lego, certbot's and other clients "
                 "write it: {\"example.com\": {\"fulldomain\", \"subdomain\", \"username\", "
                 "\"password\"}}. For names that `accounts` does not have."},
};
static const struct section section = {
    .name = "providers.NAME",
    .sentence = "Settings of a provider of type `acmedns`.",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};

static bool check(const struct dns_provider *provider, const struct json *checked, struct err *err)
{
    (void)provider;
    if (json_len(json_find(checked, "accounts")) == 0 && json_find(checked, "storage") == NULL)
        return err_set(err, ERR_CONFIG, "it needs accounts, or storage");
    return true;
}

/* ---- whose registration ---- */

static bool names_equal(const char *fulldomain, const char *owner)
{
    struct str name = str_of(fulldomain);
    if (str_ends(name, STR(".")))
        name.len--;
    return str_eq_nocase(name, str_of(owner));
}

static struct str first_label(const char *owner)
{
    return str_mem(owner, str_find_char(str_of(owner), '.'));
}

static bool label_is_good(struct str label)
{
    for (size_t i = 0; i < label.len; i++) {
        char c = label.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return label.len > 0;
}

/* The domain that the challenge name asks about, or NULL. */
static const char *domain_of(const struct dns_job_record *record)
{
    static const struct str label = {"_acme-challenge.", 16};
    struct str name = str_of(record->challenge);
    size_t at = str_find(name, label);
    return at < name.len ? name.p + at + label.len : NULL;
}

struct account {
    const struct veiled *username, *password;
};

static bool account_of_storage(const struct dns_job *job, const struct dns_job_record *record,
                               const char *member, const struct veiled **ret, struct err *err)
{
    const char *pointer = arena_printf(job->arena, "/%s/%s", domain_of(record), member);
    const struct veiled *arguments[] = {veiled_secret(job->arena, "storage"),
                                        veiled_text(job->arena, str_of(pointer))};
    return veiled_call(job->arena, VEILED_AT, arguments, 2, ret, err);
}

static bool account_find(const struct dns_job *job, const struct dns_job_record *record,
                         struct account *ret, struct err *err)
{
    const struct json *accounts = json_find(job->settings, "accounts");
    for (size_t i = 0; i < json_len(accounts); i++) {
        const struct json *one = json_at(accounts, i);
        if (!names_equal(json_text(one, "fulldomain"), record->owner))
            continue;
        ret->username = veiled_text(job->arena, str_of(json_text(one, "username")));
        ret->password =
            veiled_secret(job->arena, arena_printf(job->arena, "accounts.%zu.password", i));
        return true;
    }
    if (json_find(job->settings, "storage") == NULL || domain_of(record) == NULL)
        return err_set(err, ERR_CONFIG,
                       "none of its accounts has the fulldomain %s: register, and let a CNAME at "
                       "the challenge name lead to the fulldomain of the answer",
                       record->owner);
    return account_of_storage(job, record, "username", &ret->username, err) &&
           account_of_storage(job, record, "password", &ret->password, err);
}

/* ---- the conversation ---- */

static const char *header_of(const struct dns_job *job, const char *name,
                             const struct veiled *value)
{
    AUTO(buf_fini)
    struct buf out = BUF(TEXT_MAX);
    buf_printf(&out, "%s: ", name);
    veiled_format(value, &out);
    return arena_strdup(job->arena, buf_cstr(&out));
}

static const char *doing(const struct dns_job *job, const struct dns_job_record *record)
{
    return arena_printf(job->arena, "update of %s", record->owner);
}

/* What cannot be asked for at all. */
static bool record_is_good(const struct dns_job *job, const struct dns_job_record *record,
                           struct dns_wish *ret_wish)
{
    size_t n = 0;
    for (size_t i = 0; i < job->n_records; i++)
        n += job->records[i].present && strcmp(job->records[i].owner, record->owner) == 0 ? 1 : 0;
    if (record->challenge != NULL && strcmp(record->owner, record->challenge) == 0)
        dns_wish_fail(ret_wish, ERR_CONFIG,
                      "%s is not delegated: create a CNAME there that leads to the fulldomain of "
                      "its registration",
                      record->owner);
    else if (!label_is_good(first_label(record->owner)))
        dns_wish_fail(ret_wish, ERR_CONFIG, "%s is no name of an acme-dns server", record->owner);
    else if (strlen(record->value) != VALUE_LEN)
        dns_wish_fail(ret_wish, ERR_REFUSED,
                      "%s: an acme-dns server stores values of %d characters only, as dns-01 has "
                      "them",
                      record->owner, VALUE_LEN);
    else if (n > SLOTS)
        dns_wish_fail(ret_wish, ERR_REFUSED,
                      "%s: an acme-dns server stores two values, and %zu are wanted at once",
                      record->owner, n);
    else
        return true;
    return false;
}

static void wish_update(const struct dns_job *job, const struct dns_job_record *record,
                        struct dns_wish *ret_wish)
{
    struct account account;
    struct err err = {0};
    AUTO(buf_fini)
    struct buf body = BUF(TEXT_MAX);
    if (!record_is_good(job, record, ret_wish))
        return;
    if (!account_find(job, record, &account, &err)) {
        dns_wish_fail_as(ret_wish, &err, "%s", doing(job, record));
        return;
    }
    struct json *tree = json_object();
    json_set_str(tree, "subdomain", first_label(record->owner));
    json_set_text(tree, "txt", record->value);
    json_format(tree, &body, false);
    json_free(tree);
    const char *const headers[] = {header_of(job, "X-Api-User", account.username),
                                   header_of(job, "X-Api-Key", account.password),
                                   "Content-Type: application/json", NULL};
    const char *text = arena_strdup(job->arena, buf_cstr(&body));
    web_ask("POST", web_url(job, NULL, "/update"), web_headers(job, headers), str_of(text),
            ret_wish);
}

static bool hear(const struct dns_job *job, const struct dns_job_record *record,
                 const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    if (answer->err == NULL && answer->status == 400) {
        web_fail(ERR_REFUSED, doing(job, record), "the server refuses it", answer->body, ret_wish);
        return false;
    }
    return web_hear(job, answer, doing(job, record), ret_wish);
}

/* ---- one owner name after the other ---- */

/*
 * The server keeps the last two values, whatever they are: one that is sent twice pushes the other one out. So the two of a name are
 * done together or not at all, and a job that was cut off sends both again.
 */
struct progress {
    size_t at; /* the record that was sent last */
};

static void *begin(const struct dns_job *job)
{
    (void)job;
    return NEW(struct progress);
}

static void end(void *state)
{
    mem_free(state);
}

/* From `from` on, at the same name; n_records: there is none. */
static size_t next_of_owner(const struct dns_job *job, const char *owner, size_t from)
{
    while (from < job->n_records &&
           (!job->records[from].present || strcmp(job->records[from].owner, owner) != 0))
        from++;
    return from;
}

static void owner_is_done(struct dns_job *job, const char *owner)
{
    for (size_t i = 0; i < job->n_records; i++)
        if (job->records[i].present && strcmp(job->records[i].owner, owner) == 0)
            job->records[i].done = true;
}

/* Nothing is ever removed: the next values take the place of the old ones. */
static void start(struct dns_job *job)
{
    dns_job_start(job);
    for (size_t i = 0; i < job->n_records; i++)
        job->records[i].done = !job->records[i].present;
}

static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    size_t at = job->n_records;
    if (answer == NULL) {
        start(job);
    } else {
        const struct dns_job_record *sent = &job->records[progress->at];
        if (!hear(job, sent, answer, ret_wish))
            return;
        at = next_of_owner(job, sent->owner, progress->at + 1);
        if (at == job->n_records)
            owner_is_done(job, sent->owner);
    }
    const struct dns_job_record *next = at < job->n_records ? &job->records[at] : dns_job_next(job);
    if (next == NULL) {
        dns_wish_done(ret_wish);
        return;
    }
    progress->at = (size_t)(next - job->records);
    wish_update(job, next, ret_wish);
}

extern const struct dns_provider dns_provider_acmedns;
const struct dns_provider dns_provider_acmedns = {
    .struct_size = sizeof(struct dns_provider),
    .abi_major = DNS_PROVIDER_ABI_MAJOR,
    .abi_minor = DNS_PROVIDER_ABI_MINOR,
    .name = "acmedns",
    .title = "acme-dns and compatible servers",
    .sentence = "Writes to a server that knows nothing but challenges; a CNAME leads there from "
                "each challenge name.",
    .link = "https://github.com/joohoi/acme-dns#api",
    .capabilities = DNS_CAN_BATCH | DNS_CAN_DELEGATE | DNS_CAN_ROLL | DNS_CAN_GATHER,
    .settings = &section,
    .check = check,
    .begin = begin,
    .end = end,
    .step = step,
    .example = "  delegated:\n"
               "    type: acmedns\n"
               "    zones: [auth.example.net, example.org]\n"
               "    base_url: https://auth.example.net\n"
               "    accounts:\n"
               "      - fulldomain: d420c923-bbd7-4056-ab64-c3ca54c9b3cf.auth.example.net\n"
               "        username: c36f50e8-4632-44f0-83fe-e070fef28a10\n"
               "        password: file:/etc/chancery/acmedns.example.org\n",
    .rights = "A registration may write the two values of its own name and nothing else; with "
              "`allowfrom` only from there.\n",
    .is_pinned = true,
    .status = "trial",
    .docs_read = "2026-11",
    .values_max = SLOTS,
};
