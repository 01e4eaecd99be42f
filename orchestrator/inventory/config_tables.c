#include "inventory/config_inside.h"

#define SECTION(variable, title, what, rows)                                                       \
    const struct section variable = {.name = (title),                                              \
                                     .sentence = (what),                                           \
                                     .settings = (rows),                                           \
                                     .n = sizeof(rows) / sizeof((rows)[0])}

/* In the order of KEY_KINDS; the first is the default. */
#define KEY_CHOICES "ecdsa-p256|ecdsa-p384|rsa-2048|rsa-3072|rsa-4096"
/* In the order of acme/challenge.def; the first is the default. */
#define CHALLENGE_CHOICES "dns-01|dns-account-01|dns-persist-01"

static const struct setting eab_settings[] = {
    {.name = "kid",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "The key identifier the CA gave you."},
    {.name = "key",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "The MAC key the CA gave you, in base64url as it came."},
    {.name = "algorithm",
     .kind = SETTING_TEXT,
     .otherwise = "HS256",
     .choices = "HS256|HS384|HS512",
     .sentence = "How the binding is signed; all known CAs take `HS256`."},
};
static SECTION(section_eab, "authorities.NAME.eab",
               "External account binding (RFC 8555 7.3.4): ties the ACME account to one you have "
               "at the CA. Used once, when the account is registered; afterwards neither has to be "
               "readable.",
               eab_settings);

static const struct setting authority_settings[] = {
    {.name = "directory",
     .kind = SETTING_TEXT,
     .required = true,
     .sentence = "URL of the CA's ACME directory. Must be https, or http on this machine for "
                 "trying things out."},
    {.name = "staging",
     .kind = SETTING_TEXT,
     .sentence = "URL of the CA's directory for rehearsals; `--dry-run` orders there and never at "
                 "`directory`."},
    {.name = "agree_tos",
     .kind = SETTING_BOOL,
     .otherwise = "false",
     .sentence =
         "You have read the CA's terms of service and agree. Most CAs register nobody without it."},
    {.name = "contact",
     .kind = SETTING_TEXTS,
     .sentence =
         "Where the CA may write to, as `mailto:ops@example.com`. Many CAs no longer use it."},
    {.name = "eab",
     .kind = SETTING_SECTION,
     .section = &section_eab,
     .sentence = "External account binding, for CAs that ask for it."},
    {.name = "ca_file",
     .kind = SETTING_TEXT,
     .sentence = "PEM file with the root that signs the directory's own certificate, for a private "
                 "CA. Only it is trusted then. "
                 "A relative path starts at the folder of chancery.yaml."},
    {.name = "private",
     .kind = SETTING_BOOL,
     .otherwise = "false",
     .sentence = "The CA stands in a private network: its URLs may lead to private addresses. "
                 "Without it they are refused, "
                 "unless the directory itself names one."},
    {.name = "caa",
     .kind = SETTING_TEXT,
     .otherwise = "check",
     .choices = "check|ignore",
     .sentence =
         "Whether CAA records are looked at before the CA does: see docs/PREFLIGHT.md. A CA "
         "whose directory names no CAA identities, and that is none of the well-known ones, "
         "is passed over by itself."},
    {.name = "parallel",
     .kind = SETTING_INT,
     .otherwise = "100",
     .min = 1,
     .max = 1000,
     .sentence = "Orders in flight at most."},
    {.name = "limits",
     .kind = SETTING_SECTION,
     .section = &section_limits,
     .sentence = "What the CA limits, where it is other than what Chancery knows: docs/LEDGER.md."},
};
static SECTION(section_authority, "authorities.NAME",
               "A certificate authority that speaks ACME. NAME is yours to choose; sets name it in "
               "`authority`.",
               authority_settings);

static const struct setting propagation_zone_settings[] = {
    {.name = "zone",
     .kind = SETTING_TEXT,
     .required = true,
     .sentence = "The zone; zones below it follow the same rules."},
    {.name = "mode",
     .kind = SETTING_TEXT,
     .choices = "authoritative|resolvers|provider|wait",
     .sentence = "As above."},
    {.name = "resolvers", .kind = SETTING_TEXTS, .max = 16, .sentence = "As above."},
    {.name = "wait",
     .kind = SETTING_DURATION,
     .min = 0,
     .max = 45 * MS_MINUTE,
     .sentence = "As above."},
    {.name = "timeout",
     .kind = SETTING_DURATION,
     .min = MS_SECOND,
     .max = MS_DAY,
     .sentence = "As above."},
    {.name = "settle", .kind = SETTING_DURATION, .min = 0, .max = MS_HOUR, .sentence = "As above."},
    {.name = "min_answers", .kind = SETTING_ANY, .sentence = "As above."},
};
static SECTION(section_propagation_zone, "providers.NAME.propagation.zones",
               "Rules for one zone. What is not said here is as for the provider.",
               propagation_zone_settings);

static const struct setting propagation_settings[] = {
    {.name = "mode",
     .kind = SETTING_TEXT,
     .choices = "authoritative|resolvers|provider|wait",
     .sentence = "Who says that a record is served: every authoritative name server (the default); "
                 "the listed resolvers; the provider itself, where its type can tell; or nobody, "
                 "after a fixed time. With `resolvers` or `wait` it need not be said."},
    {.name = "resolvers",
     .kind = SETTING_TEXTS,
     .max = 16,
     .sentence =
         "Resolvers (address or address:port). All of them that answer must show the record."},
    {.name = "wait",
     .kind = SETTING_DURATION,
     .min = 0,
     .max = 45 * MS_MINUTE,
     .sentence = "The fixed time to wait instead of asking anybody."},
    {.name = "timeout",
     .kind = SETTING_DURATION,
     .min = MS_SECOND,
     .max = MS_DAY,
     .sentence = "How long to wait, since it was published, until a TXT record is served; else 10 "
                 "minutes, or as long as changes are known to take at this provider."},
    {.name = "settle",
     .kind = SETTING_DURATION,
     .otherwise = "0s",
     .min = 0,
     .max = MS_HOUR,
     .sentence = "How long to wait after that, for zones whose servers stand behind one address "
                 "(anycast)."},
    {.name = "min_answers",
     .kind = SETTING_ANY,
     .sentence = "How many name servers must answer, before those that do not are passed over: a "
                 "number, a share such as \"60%\", `half` (rounded down, at least one; the "
                 "default) or `all`. All that answer must show the record."},
    {.name = "zones",
     .kind = SETTING_SECTIONS,
     .max = 1000,
     .section = &section_propagation_zone,
     .sentence = "Zones with rules of their own."},
};
static SECTION(section_propagation, "providers.NAME.propagation",
               "When a published TXT record counts as served: see docs/PROPAGATION.md.",
               propagation_settings);

static const struct setting provider_settings[] = {
    {.name = "type",
     .kind = SETTING_TEXT,
     .required = true,
     .sentence = "Which provider this is: see docs/PROVIDERS.md, or `chancery provider list`."},
    {.name = "zones",
     .kind = SETTING_TEXTS,
     .required = true,
     .min = 1,
     .max = 10000,
     .sentence = "The zones whose TXT records go through this provider. The longest one that fits "
                 "a name counts."},
    {.name = "ttl",
     .kind = SETTING_INT,
     .otherwise = "60",
     .min = 0,
     .max = 86400,
     .sentence = "TTL of the TXT records in seconds."},
    {.name = "rate",
     .kind = SETTING_TEXTS,
     .min = 1,
     .max = 7,
     .sentence = "How often its API may be asked, e.g. [2/1s, 100/1h], instead of what is known of "
                 "the type: where your plan has other limits. Counted together for all providers "
                 "with the same credential."},
    {.name = "follow_cname",
     .kind = SETTING_BOOL,
     .otherwise = "true",
     .sentence = "When the challenge name is a CNAME, publish where it leads to."},
    {.name = "propagation",
     .kind = SETTING_SECTION,
     .otherwise = "{}",
     .section = &section_propagation,
     .sentence = "When a TXT record counts as served."},
    {.name = "resolvers",
     .kind = SETTING_TEXTS,
     .max = 16,
     .sentence = "Resolvers (address or address:port) for finding the zone and its name servers; "
                 "else those of the system."},
    {.name = "authoritative",
     .kind = SETTING_TEXTS,
     .max = 16,
     .sentence = "Name servers (address or address:port) to ask for the TXT records instead of "
                 "those that the zone's NS records "
                 "name: for split horizons and closed ports."},
    {.name = "authoritative_port",
     .kind = SETTING_INT,
     .otherwise = "53",
     .min = 1,
     .max = 65535,
     .sentence = "Port of the name servers that NS records name."},
};
SECTION(section_provider, "providers.NAME",
        "A DNS provider with one set of credentials. NAME is yours to choose; any number of one "
        "type may stand side by side. "
        "Settings of its type stand beside these: `chancery provider show TYPE`.",
        provider_settings);

static const struct setting dnssec_settings[] = {
    {.name = "check",
     .kind = SETTING_BOOL,
     .otherwise = "true",
     .sentence =
         "Before a challenge is answered, judge the chain of trust of each zone; an order for a "
         "zone that is bogus fails before the CA sees it."},
    {.name = "trust_anchor",
     .kind = SETTING_TEXT,
     .sentence =
         "File with the DS or DNSKEY records to begin from, in the form of zone files. Else "
         "`/usr/share/dns/root.key` (package dns-root-data) where that is, which is not used "
         "for private authorities: they see a DNS of their own. Without either nothing is judged. "
         "A relative path starts at the folder of chancery.yaml."},
    {.name = "resolvers",
     .kind = SETTING_TEXTS,
     .max = 16,
     .sentence =
         "Resolvers (address or address:port) to ask through, for hosts that cannot reach "
         "the world's name servers; they must hand DNSSEC records on. Signatures are checked "
         "here in any case."},
};
static SECTION(section_dnssec, "dnssec",
               "How DNSSEC is judged before a CA judges it: see docs/PREFLIGHT.md.",
               dnssec_settings);

static const struct setting default_settings[] = {
    {.name = "authority",
     .kind = SETTING_TEXTS,
     .max = 8,
     .sentence = "For sets that name none: one authority, or a list. Orders go to the first; a "
                 "certificate from any "
                 "of the list is kept. Not needed when there is only one."},
    {.name = "key",
     .kind = SETTING_TEXT,
     .otherwise = "ecdsa-p256",
     .choices = KEY_CHOICES,
     .sentence = "Kind of the certificates' keys. Each certificate gets a new key."},
    {.name = "keep_key",
     .kind = SETTING_BOOL,
     .otherwise = "false",
     .sentence = "Use the key of the current certificate again at renewal: for DANE and pinning, "
                 "else better not. See docs/CHAINS_AND_KEYS.md."},
    {.name = "chain",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 200,
     .sentence =
         "Which chain goes out where a CA offers several: the name of the root it ends at, e.g. "
         "`\"ISRG Root X1\"`, or `sha256:` and the fingerprint of a certificate in it. When none "
         "fits, the CA's default goes out, and an event says so."},
    {.name = "keys",
     .kind = SETTING_TEXTS,
     .choices = KEY_CHOICES,
     .min = 1,
     .max = 2,
     .sentence = "Instead of `key`: one ECDSA and one RSA kind, the preferred one first. Each set "
                 "then has a certificate of each kind (docs/KEYS.md)."},
    {.name = "profile",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 64,
     .sentence = "Certificate profile to ask the CA for."},
    {.name = "profiles",
     .kind = SETTING_MAP,
     .min = 1,
     .max = 64,
     .sentence =
         "Instead of `profile`, where CAs call it differently: the profile by authority, e.g. "
         "`{letsencrypt: shortlived}`. An authority that is not named is asked for none."},
    {.name = "challenge",
     .kind = SETTING_TEXT,
     .otherwise = "dns-01",
     .choices = CHALLENGE_CHOICES,
     .sentence =
         "How control of the names is proved: `dns-01` publishes a TXT value for each order, "
         "`dns-account-01` does so below a label of the account's own, `dns-persist-01` relies on "
         "a record that stands (`chancery persist`). See docs/CHALLENGES.md."},
    {.name = "verify_every",
     .kind = SETTING_DURATION,
     .otherwise = "6h",
     .min = MS_MINUTE,
     .max = 30 * MS_DAY,
     .sentence = "How often endpoints are looked at when nothing was delivered."},
};
static SECTION(section_defaults, "defaults", "What holds for sets that say nothing else.",
               default_settings);

static const struct setting main_settings[] = {
    {.name = "store",
     .kind = SETTING_TEXT,
     .otherwise = "sqlite:/var/lib/chancery/chancery.db",
     .sentence = "Where everything is kept: `sqlite:` and a path on a local disk; or, for several "
                 "hosts, `postgresql://user@host/database` (docs/SCALING.md)."},
    {.name = "seal",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "The key that seals private keys in the store; `chancery init` makes one. Without "
                 "it the store's keys are lost: "
                 "back it up, apart from the store."},
    {.name = "sets",
     .kind = SETTING_TEXT,
     .otherwise = "sets.d/*.yaml",
     .sentence = "The files of the domain sets: a folder, `*`, and how their names end. The name "
                 "before the end is the set's."},
    {.name = "authorities",
     .kind = SETTING_MAP,
     .required = true,
     .section = &section_authority,
     .sentence = "The CAs, by name."},
    {.name = "providers",
     .kind = SETTING_ANY,
     .required = true,
     .section = &section_provider,
     .sentence = "The DNS providers, by name."},
    {.name = "manifests",
     .kind = SETTING_SECTION,
     .section = &section_manifests,
     .sentence = "Types of DNS providers of your own."},
    {.name = "dnssec",
     .kind = SETTING_SECTION,
     .otherwise = "{}",
     .section = &section_dnssec,
     .sentence = "How DNSSEC is judged beforehand."},
    {.name = "defaults",
     .kind = SETTING_SECTION,
     .otherwise = "{}",
     .section = &section_defaults,
     .sentence = "What holds for sets that say nothing else."},
    {.name = "public_suffix_list",
     .kind = SETTING_TEXT,
     .sentence =
         "A newer Public Suffix List than the one of libpsl, as publicsuffix.org hands it out: "
         "CAs count certificates by registered domain."},
    {.name = "http",
     .kind = SETTING_SECTION,
     .section = &section_http,
     .sentence = "What `chancery serve` answers over HTTP."},
};
static SECTION(section_main, "chancery.yaml",
               "The main file. Relative paths start at its folder. A secret is always a reference: "
               "`file:PATH` (readable by its "
               "owner only), `cred:NAME` (a systemd credential), `exec:PROGRAM WORDS` (its output) "
               "or `env:NAME`.",
               main_settings);

static const struct setting files_settings[] = {
    {.name = "dir",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 1,
     .max = 1024,
     .sentence =
         "The folder. Readers use DIR/current/..., a link that is switched to each new version in "
         "one step; "
         "DIR/versions holds the versions. A relative path starts at the folder of chancery.yaml."},
    {.name = "owner",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 64,
     .sentence = "User that owns the files, by name or number."},
    {.name = "group",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 64,
     .sentence = "Their group, by name or number."},
    {.name = "mode",
     .kind = SETTING_MODE,
     .otherwise = "0640",
     .min = 0400,
     .max = 0777,
     .sentence = "Mode of each file, the private key's too, from its first byte."},
    {.name = "dir_mode",
     .kind = SETTING_MODE,
     .otherwise = "0750",
     .min = 0500,
     .max = 0777,
     .sentence = "Mode of the folder of each version."},
    {.name = "formats",
     .kind = SETTING_TEXTS,
     .otherwise = "[\"key\",\"cert\",\"chain\",\"fullchain\"]",
     .choices = "key|cert|chain|fullchain|combined|keyfirst|pkcs12",
     .min = 1,
     .max = 7,
     .sentence = "Which files: key.pem, cert.pem, chain.pem, fullchain.pem (certificate and "
                 "chain), combined.pem (certificate, "
                 "chain, key), keyfirst.pem (key, certificate, chain), bundle.p12."},
    {.name = "pkcs12_password",
     .kind = SETTING_SECRET,
     .sentence = "Password of bundle.p12; without it the password is empty."},
    {.name = "pkcs12_legacy",
     .kind = SETTING_BOOL,
     .otherwise = "false",
     .sentence = "Make bundle.p12 with 3DES and SHA-1, for programs that know nothing newer."},
    {.name = "keep",
     .kind = SETTING_INT,
     .otherwise = "3",
     .min = 1,
     .max = 100,
     .sentence = "How many versions stay in the folder."},
};
static SECTION(section_files, "deploy[].files", "A folder on this machine.", files_settings);

static const struct setting activate_settings[] = {
    {.name = "systemd",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 1,
     .max = 255,
     .sentence = "The unit to reload, or to restart when it cannot reload, e.g. `nginx.service`."},
};
SECTION(section_activate, "deploy[].activate",
        "What makes the service take up the new files, when it is a systemd unit.",
        activate_settings);

static const struct setting deploy_settings[] = {
    {.name = "files",
     .kind = SETTING_SECTION,
     .required = true,
     .section = &section_files,
     .sentence = "Where the certificate's files go."},
    {.name = "check",
     .kind = SETTING_ARGV,
     .sentence =
         "A program that must succeed after the switch and before `activate`, e.g. `[nginx, "
         "-t]`: it reads the new files through the same path as the server. When it fails, the "
         "old version is switched back. No shell is involved."},
    {.name = "activate",
     .kind = SETTING_ANY,
     .section = &section_activate,
     .sentence = "After the switch: a program with its words, e.g. `[systemctl, reload, nginx]`, "
                 "or `{systemd: UNIT}`. When it "
                 "fails, the old version is switched back."},
    {.name = "timeout",
     .kind = SETTING_DURATION,
     .otherwise = "30s",
     .min = MS_SECOND,
     .max = MS_HOUR,
     .sentence = "How long `check` and `activate` may take, each."},
};
static SECTION(section_deploy, "deploy[]", "A place where the certificate is delivered to.",
               deploy_settings);

static const struct setting endpoint_settings[] = {
    {.name = "endpoint",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 1,
     .max = 300,
     .sentence =
         "Host and port, e.g. `shop.example.com:443`. Every address of the host is looked at."},
    {.name = "starttls",
     .kind = SETTING_TEXT,
     .choices = "smtp|imap|pop3|ftp|sieve|ldap|postgres",
     .sentence = "The protocol that TLS is started in."},
    {.name = "connect",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 64,
     .sentence = "An address (with or without port) to connect to instead of the host's own."},
};
SECTION(section_endpoint, "endpoints[]",
        "Where the certificate is looked at from outside. A text is short for `{endpoint: TEXT}`.",
        endpoint_settings);

static const struct setting set_settings[] = {
    {.name = "names",
     .kind = SETTING_TEXTS,
     .required = true,
     .min = 1,
     .max = 1000,
     .sentence = "The host names of the certificate, at most 100. Wildcards in quotes: "
                 "`\"*.example.com\"`."},
    {.name = "authority",
     .kind = SETTING_TEXTS,
     .max = 8,
     .sentence = "One authority, or a list: orders go to the first, a certificate from any of the "
                 "list is kept. Else that of "
                 "`defaults`."},
    {.name = "key",
     .kind = SETTING_TEXT,
     .choices = KEY_CHOICES "|keep",
     .sentence = "Kind of the key; else that of `defaults`. `keep` is short for `keep_key: true` "
                 "with whatever kind the current key is of."},
    {.name = "keys",
     .kind = SETTING_TEXTS,
     .choices = KEY_CHOICES,
     .min = 1,
     .max = 2,
     .sentence = "Instead of `key`: one ECDSA and one RSA kind, the preferred one first, e.g. "
                 "`[ecdsa-p256, rsa-2048]`: a certificate of each kind, delivered and looked at "
                 "as one unit (docs/KEYS.md)."},
    {.name = "keep_key",
     .kind = SETTING_BOOL,
     .sentence = "Use the key of the current certificate again at renewal; else as `defaults` say. "
                 "A key of another kind than `key` is replaced once."},
    {.name = "csr",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 4096,
     .sentence =
         "The key lives elsewhere: the certificate request comes from `file:PATH` or from the "
         "output of `exec:PROGRAM WORDS`, afresh at each renewal. Its names must be exactly "
         "`names`. Only cert, chain and fullchain can be delivered."},
    {.name = "chain",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 200,
     .sentence = "Which chain goes out; else that of `defaults`. A change takes effect without a "
                 "new order."},
    {.name = "profile",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 64,
     .sentence = "Certificate profile to ask the CA for; else that of `defaults`."},
    {.name = "profiles",
     .kind = SETTING_MAP,
     .min = 1,
     .max = 64,
     .sentence =
         "Instead of `profile`, where CAs call it differently: the profile by authority, e.g. "
         "`{letsencrypt: shortlived}`. An authority that is not named is asked for none; else "
         "those of `defaults`."},
    {.name = "challenge",
     .kind = SETTING_TEXT,
     .choices = CHALLENGE_CHOICES,
     .sentence = "How control of the names is proved; else that of `defaults`."},
    {.name = "challenge_alias",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 253,
     .sentence = "The name that the challenge names of this set are CNAMEs to: the TXT records are "
                 "published there."},
    {.name = "deploy",
     .kind = SETTING_SECTIONS,
     .section = &section_deploy,
     .sentence = "Where it is delivered to."},
    {.name = "endpoints",
     .kind = SETTING_ANY,
     .section = &section_endpoint,
     .sentence = "Where it is looked at from outside: a list of `host:port` texts or blocks."},
    {.name = "verify_every",
     .kind = SETTING_DURATION,
     .min = MS_MINUTE,
     .max = 30 * MS_DAY,
     .sentence = "How often the endpoints are looked at; else that of `defaults`."},
};
static SECTION(section_set, "sets.d/NAME.yaml",
               "A domain set: one file, one certificate. The file's name is the set's name.",
               set_settings);

const struct section *config_section_main(void)
{
    return &section_main;
}

const struct section *config_section_set(void)
{
    return &section_set;
}
