#include "dns-providers/namecheap/hosts.h"
#include "dns-providers/web.h"

#include "base/xml.h"

enum {
    ANSWER_MAX = 2 * 1024 * 1024,
    FORM_MAX = 2 * 1024 * 1024,
    ROUNDS_MAX = 3,
    THROTTLED_MS = 60 * 1000,
};

static const char api[] = "https://api.namecheap.com";
static const char get_ip[] = "https://dynamicdns.park-your-domain.com";
static const char *const api_hosts[] = {"api.namecheap.com", "dynamicdns.park-your-domain.com",
                                        NULL};
static const struct dns_limits limits = {
    .rates = {{20, 60 * 1000}, {700, 3600 * 1000}, {8000, 24 * 3600 * 1000}},
    .n_rates = 3,
    .scope = DNS_SCOPE_ACCOUNT,
};

static const struct setting settings[] = {
    {.name = "api_user",
     .kind = SETTING_TEXT,
     .required = true,
     .max = 100,
     .min = 1,
     .sentence = "The account's name. (`NAMECHEAP_API_USER` elsewhere.)"},
    {.name = "api_key",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "The key of the API, from Profile, Tools, API Access. (`NAMECHEAP_API_KEY` "
                 "elsewhere.)"},
    {.name = "client_ip",
     .kind = SETTING_TEXT,
     .max = 64,
     .sentence = "This machine's public IPv4 address, which must be on the allow list of the "
                 "account. Without it a service of Namecheap is asked which one it is."},
    WEB_BASE_URL(false, "Another address of the API: `https://api.sandbox.namecheap.com`, or http "
                        "on this machine. All requests go there."),
};
static const struct section section = {
    .name = "providers.NAME",
    .sentence = "Settings of a provider of type `namecheap`.",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};

/* What the API complains of; what is not listed may pass. */
static const struct {
    const char *number;
    enum err_kind kind;
} complaints[] = {
    {"1010101", ERR_DENIED},  {"1010102", ERR_DENIED}, {"1010104", ERR_DENIED},
    {"1011102", ERR_DENIED},  {"1011105", ERR_DENIED}, {"1011147", ERR_DENIED},
    {"1011150", ERR_DENIED},  {"1017105", ERR_DENIED}, {"1017150", ERR_DENIED},
    {"2016166", ERR_CONFIG},  {"2019166", ERR_CONFIG}, {"2030166", ERR_CONFIG},
    {"2030280", ERR_REFUSED},
};

enum at { AT_IP, AT_READ, AT_WRITE, AT_VERIFY };
struct progress {
    enum at at;
    int n_rounds;
    const char *client_ip;
    struct hosts written;
};

/* ---- asking ---- */

static void parameter_add(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, "%s%s=", out->len > 0 ? "&" : "", name);
    form_encode(out, value);
}

/* The registered domain is what Namecheap serves, so it is the zone: SLD before its first dot, TLD behind. */
static void command_format(const struct dns_job *job, const char *command, struct buf *out)
{
    const struct progress *progress = job->state;
    struct str user = str_of(json_text(job->settings, "api_user")), zone = str_of(job->zone);
    size_t dot = str_find_char(zone, '.');
    parameter_add(out, "ApiUser", user);
    buf_add_cstr(out, "&ApiKey={{api_key}}");
    parameter_add(out, "UserName", user);
    parameter_add(out, "ClientIp", str_of(progress->client_ip));
    parameter_add(out, "Command", str_of(command));
    parameter_add(out, "SLD", str_mem(zone.p, dot));
    parameter_add(out, "TLD", str_mem(zone.p + dot + 1, zone.len - dot - 1));
}

static void ask_ip(struct dns_job *job, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    progress->at = AT_IP;
    web_ask("GET", web_url(job, get_ip, "/getip"), NULL, STR_NONE, ret_wish);
}

static void ask_hosts(struct dns_job *job, enum at at, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    AUTO(buf_fini)
    struct buf query = BUF(FORM_MAX);
    progress->at = at;
    command_format(job, "namecheap.domains.dns.getHosts", &query);
    const char *path = arena_printf(job->arena, "/xml.response?%s", buf_cstr(&query));
    web_ask("GET", web_url(job, api, path), NULL, STR_NONE, ret_wish);
}

static void ask_write(struct dns_job *job, struct dns_wish *ret_wish)
{
    static const char *const headers[] = {"Content-Type: application/x-www-form-urlencoded", NULL};
    struct progress *progress = job->state;
    AUTO(buf_fini)
    struct buf form = BUF(FORM_MAX);
    progress->at = AT_WRITE;
    command_format(job, "namecheap.domains.dns.setHosts", &form);
    if (progress->written.email_type[0] != '\0')
        parameter_add(&form, "EmailType", str_of(progress->written.email_type));
    hosts_format(&progress->written, &form);
    CHECK(!form.overflow); /* what was read is smaller */
    const char *body = arena_strdup(job->arena, buf_cstr(&form));
    web_ask("POST", web_url(job, api, "/xml.response"), headers, str_of(body), ret_wish);
}

/* ---- hearing ---- */

static const char *doing(const struct dns_job *job)
{
    static const char *const words[] = {
        [AT_IP] = "asking for the address of this machine",
        [AT_READ] = "reading the records of",
        [AT_WRITE] = "writing the records of",
        [AT_VERIFY] = "reading back the records of",
    };
    enum at at = ((const struct progress *)job->state)->at;
    return at == AT_IP ? words[at] : arena_printf(job->arena, "%s %s", words[at], job->zone);
}

static void fail_complaint(const struct dns_job *job, const struct json *error,
                           struct dns_wish *ret_wish)
{
    const char *number = json_text(error, "@Number"), *text = json_text(error, "$");
    const char *what =
        arena_printf(job->arena, "error %.12s", number != NULL ? number : "without a number");
    enum err_kind kind = ERR_AGAIN;
    for (size_t i = 0; number != NULL && i < sizeof complaints / sizeof complaints[0]; i++)
        if (strcmp(complaints[i].number, number) == 0)
            kind = complaints[i].kind;
    if (number != NULL && strcmp(number, "500000") == 0)
        web_fail_until(job, THROTTLED_MS, doing(job), str_of(text), ret_wish);
    else
        web_fail(kind, doing(job), what, str_of(text), ret_wish);
}

/* The element below CommandResponse, the arena's; NULL: *ret_wish says why the job fails. */
static const struct json *answer_read(const struct dns_job *job, const struct dns_answer *answer,
                                      const char *element, struct dns_wish *ret_wish)
{
    static const char *const arrays[] = {"DomainDNSGetHostsResult/host", "Errors/Error", NULL};
    struct json *tree = NULL;
    struct err err = {0};
    if (!web_hear(job, answer, doing(job), ret_wish))
        return NULL;
    if (!xml_parse(answer->body, ANSWER_MAX, arrays, &tree, &err)) {
        dns_wish_fail_as(ret_wish, &err, "%s", doing(job));
        return NULL;
    }
    const struct json *root = json_find(json_in_arena(job->arena, tree), "ApiResponse");
    const char *status = json_text(root, "@Status");
    const struct json *result = json_find(json_find(root, "CommandResponse"), element);
    if (status != NULL && strcmp(status, "OK") == 0 && result != NULL)
        return result;
    const struct json *error = json_at(json_find(json_find(root, "Errors"), "Error"), 0);
    if (error != NULL)
        fail_complaint(job, error, ret_wish);
    else
        web_fail(ERR_BROKEN, doing(job), "an answer that is none of the API's", answer->body,
                 ret_wish);
    return NULL;
}

static bool ip_is_good(struct str ip)
{
    size_t n_dots = 0;
    for (size_t i = 0; i < ip.len; i++) {
        if (ip.p[i] != '.' && (ip.p[i] < '0' || ip.p[i] > '9'))
            return false;
        n_dots += ip.p[i] == '.' ? 1 : 0;
    }
    return n_dots == 3 && ip.len >= 7 && ip.len <= 15;
}

static void hear_ip(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    struct str ip = str_trim(answer->body);
    if (!web_hear(job, answer, doing(job), ret_wish))
        return;
    if (!ip_is_good(ip)) {
        web_fail(ERR_AGAIN, doing(job), "the answer is no IPv4 address; set client_ip", ip,
                 ret_wish);
        return;
    }
    progress->client_ip = arena_strndup(job->arena, ip.p, ip.len);
    ask_hosts(job, AT_READ, ret_wish);
}

/* What came back after a write is what the next one starts from: whoever wrote meanwhile keeps what he wrote. */
static void hear_hosts(struct dns_job *job, const struct dns_answer *answer,
                       struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    struct hosts found, edited;
    struct err err = {0};
    const struct json *result = answer_read(job, answer, "DomainDNSGetHostsResult", ret_wish);
    if (result == NULL)
        return;
    if (!hosts_read(job, result, &found, &err)) {
        dns_wish_fail_as(ret_wish, &err, "%s", doing(job));
        return;
    }
    bool was_written = progress->at == AT_VERIFY;
    const char *difference = was_written ? hosts_difference(job, &progress->written, &found) : NULL;
    if (hosts_edit(job, &found, &edited)) {
        if (progress->n_rounds++ == ROUNDS_MAX) {
            dns_wish_fail(ret_wish, ERR_AGAIN, "%s: they were changed by somebody else each time",
                          doing(job));
            return;
        }
        progress->written = edited;
        ask_write(job, ret_wish);
    } else if (difference != NULL) {
        dns_wish_fail(
            ret_wish, ERR_AGAIN,
            "%s: they are not as they were written: %.200s. Somebody else changed them at "
            "the same moment, or Namecheap did; ours are in place",
            doing(job), difference);
    } else {
        dns_wish_done(ret_wish);
    }
}

static void hear_write(struct dns_job *job, const struct dns_answer *answer,
                       struct dns_wish *ret_wish)
{
    const struct json *result = answer_read(job, answer, "DomainDNSSetHostsResult", ret_wish);
    if (result == NULL)
        return;
    const char *success = json_text(result, "@IsSuccess");
    if (success != NULL && str_eq_nocase(str_of(success), STR("true")))
        ask_hosts(job, AT_VERIFY, ret_wish);
    else
        web_fail(ERR_AGAIN, doing(job), "it was not done", answer->body, ret_wish);
}

/* ---- the job ---- */

static void *begin(const struct dns_job *job)
{
    (void)job;
    return NEW(struct progress);
}

static void end(void *state)
{
    mem_free(state);
}

static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    struct progress *progress = job->state;
    if (answer == NULL) {
        dns_job_start(job);
        progress->client_ip = json_text(job->settings, "client_ip");
        if (str_find_char(str_of(job->zone), '.') == strlen(job->zone))
            dns_wish_fail(ret_wish, ERR_CONFIG, "%s is no domain of Namecheap", job->zone);
        else if (progress->client_ip == NULL)
            ask_ip(job, ret_wish);
        else
            ask_hosts(job, AT_READ, ret_wish);
        return;
    }
    switch (progress->at) {
    case AT_IP:
        hear_ip(job, answer, ret_wish);
        break;
    case AT_READ:
    case AT_VERIFY:
        hear_hosts(job, answer, ret_wish);
        break;
    case AT_WRITE:
        hear_write(job, answer, ret_wish);
    }
    for (size_t i = 0; ret_wish->kind == DNS_WISH_DONE && i < job->n_records; i++)
        job->records[i].done = true;
}

extern const struct dns_provider dns_provider_namecheap;
const struct dns_provider dns_provider_namecheap = {
    .struct_size = sizeof(struct dns_provider),
    .abi_major = DNS_PROVIDER_ABI_MAJOR,
    .abi_minor = DNS_PROVIDER_ABI_MINOR,
    .name = "namecheap",
    .title = "Namecheap",
    .sentence = "The DNS of Namecheap, whose API writes all records of a domain at once.",
    .link = "https://www.namecheap.com/support/api/methods/",
    .capabilities = DNS_CAN_BATCH | DNS_CAN_ATOMIC | DNS_CAN_GATHER,
    .settings = &section,
    .begin = begin,
    .end = end,
    .step = step,
    .example = "  registrar:\n"
               "    type: namecheap\n"
               "    zones: [example.com]\n"
               "    api_user: ops\n"
               "    api_key: file:/etc/chancery/namecheap.key\n"
               "    client_ip: 192.0.2.10\n",
    .rights = "The key may do everything in the account, buying and selling included; it works "
              "only from addresses on the allow list.\n"
              "A CNAME from the challenge name to a zone elsewhere keeps it off this machine.\n",
    .api_hosts = api_hosts,
    .is_pinned = true,
    .status = "trial",
    .docs_read = "2026-11",
    .limits = &limits,
};
