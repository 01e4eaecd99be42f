#include "acme/persist.h"

#include "crypto/key.h"

enum { ISSUER_MAX = 253, LABEL_MAX = 63, TAGS_MAX = 32 };

/* ---- syntax, RFC 8659 4.2 ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static struct str blanks_off(struct str text)
{
    while (text.len > 0 && is_blank(text.p[0]))
        text = str_mem(text.p + 1, text.len - 1);
    while (text.len > 0 && is_blank(text.p[text.len - 1]))
        text.len--;
    return text;
}

/* Letters, digits and hyphens between them. */
static bool label_is_good(struct str label)
{
    if (label.len == 0 || label.len > LABEL_MAX || !is_alnum(label.p[0]) ||
        !is_alnum(label.p[label.len - 1]))
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_alnum(label.p[i]) && label.p[i] != '-')
            return false;
    return true;
}

static bool domain_is_good(struct str name)
{
    struct str rest = name, label;
    if (name.len == 0 || name.len > ISSUER_MAX)
        return false;
    while (str_split(&rest, '.', &label))
        if (!label_is_good(label))
            return false;
    return true;
}

bool persist_issuer_is_good(const char *issuer)
{
    for (const char *p = issuer; p != NULL && *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            return false;
    return issuer != NULL && domain_is_good(str_of(issuer));
}

static bool value_is_good(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.p[i] <= 0x20 || value.p[i] >= 0x7f || value.p[i] == ';')
            return false;
    return true;
}

struct parameters {
    struct str tags[TAGS_MAX];
    size_t n;
};

static bool parameter_is_new(struct parameters *seen, struct str tag)
{
    if (seen->n == TAGS_MAX)
        return false;
    for (size_t i = 0; i < seen->n; i++)
        if (str_eq_nocase(seen->tags[i], tag))
            return false;
    seen->tags[seen->n++] = tag;
    return true;
}

static bool parameter_take(struct persist_record *record, struct str tag, struct str value)
{
    if (str_eq_nocase(tag, STR("accounturi"))) {
        record->account_uri = value;
        return value.len > 0;
    }
    if (str_eq_nocase(tag, STR("policy")))
        record->is_wildcard = str_eq_nocase(value, STR("wildcard"));
    if (!str_eq_nocase(tag, STR("persistUntil")))
        return true;
    return value.len > 0 && value.p[0] != '-' && str_to_i64(value, &record->until_s) &&
           record->until_s > 0;
}

static bool parameter_read(struct str piece, struct parameters *seen, struct persist_record *record,
                           struct err *err)
{
    size_t equals = str_find_char(piece, '=');
    if (equals == piece.len)
        return err_set(err, ERR_BROKEN, "a parameter without a value, or a ; at the end");
    struct str tag = blanks_off(str_mem(piece.p, equals));
    struct str value = blanks_off(str_mem(piece.p + equals + 1, piece.len - equals - 1));
    if (!label_is_good(tag) || !value_is_good(value))
        return err_set(err, ERR_BROKEN, "a parameter that is none of RFC 8659");
    if (!parameter_is_new(seen, tag))
        return err_set(err, ERR_BROKEN, "a parameter that stands there twice");
    return parameter_take(record, tag, value) ||
           err_set(err, ERR_BROKEN, "%.*s without a proper value", STR_ARG(tag));
}

bool persist_record_parse(struct str text, struct persist_record *ret, struct err *err)
{
    struct persist_record record = {0};
    struct parameters seen = {.n = 0};
    struct str rest = text, piece;
    if (text.p == NULL || !str_split(&rest, ';', &piece))
        return err_set(err, ERR_BROKEN, "nothing");
    record.issuer = blanks_off(piece);
    if (!domain_is_good(record.issuer))
        return err_set(err, ERR_BROKEN, "no domain name of a CA in front");
    while (str_split(&rest, ';', &piece))
        if (!parameter_read(piece, &seen, &record, err))
            return false;
    if (record.account_uri.len == 0)
        return err_set(err, ERR_BROKEN, "no accounturi");
    *ret = record;
    return true;
}

void persist_record_format(const char *issuer, const char *account_uri, bool is_wildcard,
                           int64_t until_s, struct buf *out)
{
    buf_printf(out, "%s; accounturi=%s", issuer, account_uri);
    if (is_wildcard)
        buf_add_cstr(out, "; policy=wildcard");
    if (until_s > 0)
        buf_printf(out, "; persistUntil=%lld", (long long)until_s);
}

/* ---- the account ---- */

static void hashed_uri(const char *prefix, const char *domain, const char *thumbprint,
                       const char *account_url, struct buf *out)
{
    unsigned char hash[32];
    AUTO(buf_fini)
    struct buf text = BUF(PERSIST_URI_MAX);
    CHECK(strlen(domain) <= 255);
    buf_add_char(&text, (char)(unsigned char)strlen(domain));
    buf_printf(&text, "%s%s%s", domain, thumbprint, account_url);
    CHECK(!text.overflow);
    sha256(text.p, text.len, hash);
    buf_printf(out, "%ssha-256/", prefix != NULL ? prefix : "");
    base64url_encode(out, hash, sizeof hash);
}

void persist_account_uri(enum persist_form form, const char *prefix, const char *domain,
                         const char *thumbprint, const char *account_url, struct buf *out)
{
    if (form == PERSIST_HASHED)
        hashed_uri(prefix, domain, thumbprint, account_url, out);
    else
        buf_add_cstr(out, account_url);
}

/* ---- wants ---- */

void persist_want_fini(struct persist_want *want)
{
    persist_offer_fini(&want->offer);
    mem_fini(&want->account_uri);
    mem_fini(&want->any_domain_uri);
}

void persist_want_init(struct persist_want *want, struct persist_offer *take_offer,
                       const struct acme_directory *directory, const char *base, bool is_wildcard,
                       const char *thumbprint, const char *account_url)
{
    AUTO(buf_fini)
    struct buf uri = BUF(PERSIST_URI_MAX);
    AUTO(buf_fini)
    struct buf any = BUF(PERSIST_URI_MAX);
    const char *prefix = directory->account_hash_prefix;
    *want = (struct persist_want){.offer = *take_offer, .is_wildcard = is_wildcard};
    *take_offer = (struct persist_offer){0};
    persist_account_uri(want->offer.form, prefix, base, thumbprint, account_url, &uri);
    want->account_uri = buf_take(&uri);
    if (want->offer.form != PERSIST_HASHED)
        return;
    persist_account_uri(PERSIST_HASHED, prefix, "*", thumbprint, account_url, &any);
    want->any_domain_uri = buf_take(&any);
}

void persist_want_format(const struct persist_want *want, int64_t until_s, struct buf *out)
{
    persist_record_format(want->offer.issuers[0], want->account_uri, want->is_wildcard, until_s,
                          out);
}

static bool issuer_is_wanted(const struct persist_want *want, struct str issuer)
{
    for (size_t i = 0; i < want->offer.n_issuers; i++)
        if (str_eq(issuer, str_of(want->offer.issuers[i])))
            return true;
    return false;
}

enum persist_match persist_match(struct str text, const struct persist_want *want, int64_t now_ms)
{
    struct persist_record record;
    if (!persist_record_parse(text, &record, NULL))
        return PERSIST_MALFORMED;
    if (!issuer_is_wanted(want, record.issuer))
        return PERSIST_OTHER_ISSUER;
    if (!str_eq(record.account_uri, str_of(want->account_uri)) &&
        (want->any_domain_uri == NULL || !str_eq(record.account_uri, str_of(want->any_domain_uri))))
        return PERSIST_OTHER_ACCOUNT;
    if (want->is_wildcard && !record.is_wildcard)
        return PERSIST_NO_WILDCARD;
    if (record.until_s != 0 && record.until_s <= now_ms / MS_SECOND)
        return PERSIST_PAST;
    return PERSIST_FITS;
}

const char *persist_match_sentence(enum persist_match match)
{
    static const char *const sentences[] = {
        [PERSIST_MALFORMED] = "a TXT value there is no such record",
        [PERSIST_OTHER_ISSUER] = "the record there names another CA",
        [PERSIST_OTHER_ACCOUNT] = "the record there names another account, or another form of ours",
        [PERSIST_NO_WILDCARD] = "the record there lacks policy=wildcard",
        [PERSIST_PAST] = "the persistUntil of the record there is past",
        [PERSIST_FITS] = "the record fits",
    };
    return sentences[match];
}

int64_t persist_margin_ms(int64_t from_ms, int64_t until_ms)
{
    int64_t life_ms = until_ms > from_ms ? until_ms - from_ms : 0;
    int64_t margin_ms = life_ms / 5;
    if (margin_ms < 7 * MS_DAY)
        margin_ms = life_ms / 2 < 7 * MS_DAY ? life_ms / 2 : 7 * MS_DAY;
    return margin_ms;
}
