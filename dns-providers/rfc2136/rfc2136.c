#include "dns-providers/wish.h"

/* A change of TXT takes about 120 bytes; a message over TCP holds 64 KiB. Servers journal a message
 * as one transaction, so it is also a bound for what one refused change takes with it. */
enum { CHANGES_MAX = 100 };

static const struct setting tsig_settings[] = {
    {.name = "name",
     .kind = SETTING_TEXT,
     .required = true,
     .sentence = "Name of the key, as the server knows it."},
    {.name = "algorithm",
     .kind = SETTING_TEXT,
     .otherwise = "hmac-sha256",
     .choices = "hmac-sha256|hmac-sha384|hmac-sha512",
     .sentence = "Must be the one the key was made for."},
    {.name = "secret",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "The shared secret in base64, as `tsig-keygen` and `keymgr` print it."},
};
static const struct section tsig_section = {
    .name = "providers.NAME.tsig",
    .sentence =
        "The key that signs each update, and whose signature on the answer is checked (RFC 8945).",
    .settings = tsig_settings,
    .n = sizeof tsig_settings / sizeof tsig_settings[0],
};

static const struct setting settings[] = {
    {.name = "server",
     .kind = SETTING_TEXT,
     .sentence = "Where updates go: a host name, an address, or address:port. When absent: the "
                 "primary that the "
                 "zone's SOA record names."},
    {.name = "tsig",
     .kind = SETTING_SECTION,
     .section = &tsig_section,
     .sentence =
         "Signs the updates. Without it they go out unsigned, and the server can only judge by the "
         "sender's address, which others may be able to take on: use a key wherever you can."},
    {.name = "transport",
     .kind = SETTING_TEXT,
     .otherwise = "tcp",
     .choices = "tcp|udp",
     .sentence = "`udp` tries UDP first, for servers that take no updates over TCP."},
};
static const struct section section = {
    .name = "providers.NAME",
    .sentence = "Settings of a provider of type `rfc2136`.",
    .settings = settings,
    .n = sizeof settings / sizeof settings[0],
};

static bool server_is_plausible(struct str text)
{
    static const char extra[] = ".:-_[]";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alnum && (c == '\0' || strchr(extra, c) == NULL))
            return false;
    }
    return text.len > 0 && text.len <= 255;
}

/* "ns1.example.com:5353": one colon, and letters before it that no IPv4 address has. */
static bool server_is_host_with_port(struct str text)
{
    size_t colon = str_find_char(text, ':');
    if (colon == text.len ||
        str_find_char(str_mem(text.p + colon + 1, text.len - colon - 1), ':') + colon + 1 !=
            text.len)
        return false;
    for (size_t i = 0; i < colon; i++)
        if (strchr("0123456789.", text.p[i]) == NULL)
            return true;
    return false;
}

static bool check(const struct dns_provider *provider, const struct json *checked, struct err *err)
{
    (void)provider;
    const char *server = json_text(checked, "server");
    if (server == NULL)
        return true;
    if (!server_is_plausible(str_of(server)))
        return err_set(err, ERR_CONFIG, "server: \"%s\" is no host name, address or address:port",
                       server);
    if (server_is_host_with_port(str_of(server)))
        return err_set(
            err, ERR_CONFIG,
            "server: \"%s\": a port can only be given with an address, as 192.0.2.53:5353", server);
    return true;
}

static void wish_update(const struct dns_job *job, size_t from, struct dns_wish *ret_wish)
{
    const struct json *tsig = json_find(job->settings, "tsig");
    const char *key = json_text(tsig, "name");
    const char *transport = json_text(job->settings, "transport");
    size_t left = job->n_records - from;
    *ret_wish = (struct dns_wish){
        .kind = DNS_WISH_UPDATE,
        .update =
            {
                .server = json_text(job->settings, "server"),
                .tsig_name = key,
                .tsig_algorithm = key != NULL ? json_text(tsig, "algorithm") : NULL,
                .tsig_secret = key != NULL ? "tsig.secret" : NULL,
                .udp_first = transport != NULL && strcmp(transport, "udp") == 0,
                .from = from,
                .n = left < CHANGES_MAX ? left : CHANGES_MAX,
            },
    };
}

/* Records are done from the front, a message at a time, so the first that is not done is where we
 * stand. */
static void step(struct dns_job *job, const struct dns_answer *answer, struct dns_wish *ret_wish)
{
    if (answer == NULL)
        dns_job_start(job);
    struct dns_job_record *next = dns_job_next(job);
    if (answer != NULL && answer->err != NULL) {
        const char *server = json_text(job->settings, "server");
        dns_wish_fail_as(ret_wish, answer->err, "DNS UPDATE of %s at %s", job->zone,
                         server != NULL ? server : "its primary");
        return;
    }
    if (answer != NULL)
        for (size_t i = 0; i < CHANGES_MAX && next != NULL; i++, next = dns_job_next(job))
            next->done = true;
    if (next == NULL)
        dns_wish_done(ret_wish);
    else
        wish_update(job, (size_t)(next - job->records), ret_wish);
}

extern const struct dns_provider dns_provider_rfc2136;
const struct dns_provider dns_provider_rfc2136 = {
    .struct_size = sizeof(struct dns_provider),
    .abi_major = DNS_PROVIDER_ABI_MAJOR,
    .abi_minor = DNS_PROVIDER_ABI_MINOR,
    .name = "rfc2136",
    .title = "DNS UPDATE (RFC 2136): BIND, Knot DNS, PowerDNS, Technitium and others",
    .sentence = "Changes the zone directly at its primary name server, all records of a zone in "
                "one signed message.",
    .link = "https://www.rfc-editor.org/rfc/rfc2136",
    .capabilities = DNS_CAN_BATCH | DNS_CAN_ATOMIC,
    .settings = &section,
    .check = check,
    .step = step,
    .example = "  corp:\n"
               "    type: rfc2136\n"
               "    zones: [example.com]\n"
               "    server: 192.0.2.53\n"
               "    tsig: {name: chancery, secret: file:/etc/chancery/tsig}\n",
    .rights = "The key needs to change TXT records at the challenge names, nothing else:\n\n"
              "- BIND: `update-policy { grant chancery name _acme-challenge.www.example.com. TXT; "
              "};` in the zone.\n"
              "- Knot DNS: an `acl` with `action: update`, `key: chancery`, `update-type: [TXT]`, "
              "`update-owner: name`,\n"
              "  `update-owner-match: equal` and the challenge names in `update-owner-name`.\n"
              "- PowerDNS: `dnsupdate=yes`, and the zone's metadata `TSIG-ALLOW-DNSUPDATE` naming "
              "the key.\n\n"
              "The names differ with `challenge` of the set: see docs/CHALLENGES.md.\n",
};
