/* dns-account-01 and dns-persist-01, as a CA sees them. Written from the drafts, apart from the client's code. */
#include "fake/ca_inner.h"

enum { HASH_LABEL_OCTETS = 10 };

static const char *const issuer = "ca.test", *const prefix = "acct:";

/* RFC 4648 base32, bit by bit. */
void fake_account_label(const char *account_url, struct buf *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char digest[32];
    unsigned bits = 0, n_bits = 0;
    fake_crypt_sha256(str_of(account_url), digest);
    for (size_t i = 0; i < HASH_LABEL_OCTETS; i++) {
        bits = bits << 8 | digest[i];
        for (n_bits += 8; n_bits >= 5; n_bits -= 5)
            buf_add_char(out, letters[bits >> (n_bits - 5) & 31]);
    }
}

void fake_persist_meta(const struct fake_ca *ca, struct json *meta)
{
    if (ca->options.persist_form != 2)
        return;
    json_set(meta, "issuerDomainNames", json_push_text(json_array(), issuer));
    json_set_text(meta, "accountHashPrefix", prefix);
}

void fake_persist_offer(const struct fake_ca *ca, size_t account, struct json *challenge)
{
    AUTO(mem_fini)
    char *url = fake_ca_url(ca, FAKE_KIND_ACCOUNT, account);
    struct json *names = json_push_text(json_push_text(json_array(), issuer), "other.ca.test");
    if (ca->options.persist_form == 2) {
        json_set(challenge, "issuerDomainNames", names);
        return;
    }
    json_set(challenge, "issuer-domain-names", names);
    if (ca->options.persist_form == 1)
        json_set_text(challenge, "accounturi", url);
}

static void uri_hashed(const char *domain, const char *thumbprint, const char *account_url,
                       struct buf *out)
{
    unsigned char digest[32];
    AUTO(buf_fini)
    struct buf text = BUF(4096);
    buf_add_char(&text, (char)strlen(domain));
    buf_printf(&text, "%s%s%s", domain, thumbprint, account_url);
    fake_crypt_sha256(buf_str(&text), digest);
    buf_printf(out, "%ssha-256/", prefix);
    base64url_encode(out, digest, sizeof digest);
}

static void uri_of(const struct fake_ca *ca, const struct fake_authz *authz, struct buf *out)
{
    AUTO(mem_fini)
    char *url = fake_ca_url(ca, FAKE_KIND_ACCOUNT, authz->account);
    if (ca->options.persist_form == 2)
        uri_hashed(authz->name, fake_account_find(ca, authz->account)->jwk.thumbprint, url, out);
    else
        buf_add_cstr(out, url);
}

struct standing {
    bool accounts_fit, is_wildcard;
    int64_t until_s;
};

static bool parameter_take(struct standing *s, struct str piece, const char *uri)
{
    size_t equals = str_find_char(piece, '=');
    struct str tag = str_trim(str_mem(piece.p, equals));
    if (equals == piece.len)
        return false;
    struct str value = str_trim(str_mem(piece.p + equals + 1, piece.len - equals - 1));
    if (str_eq(tag, STR("accounturi")))
        s->accounts_fit = str_eq(value, str_of(uri));
    if (str_eq(tag, STR("policy")))
        s->is_wildcard = str_eq(value, STR("wildcard"));
    return !str_eq(tag, STR("persistUntil")) || str_to_i64(value, &s->until_s);
}

static bool value_fits(struct str value, const struct fake_authz *authz, const char *uri,
                       int64_t now_ms)
{
    struct standing s = {.until_s = INT64_MAX};
    struct str rest = value, piece;
    if (!str_split(&rest, ';', &piece) || !str_eq(str_trim(piece), str_of(issuer)))
        return false;
    while (str_split(&rest, ';', &piece))
        if (!parameter_take(&s, piece, uri))
            return false;
    return s.accounts_fit && s.until_s > now_ms / MS_SECOND && (s.is_wildcard || !authz->wildcard);
}

void fake_persist_validate(struct fake_ca *ca, struct fake_authz *authz, int64_t now_ms)
{
    AUTO(mem_fini)
    char *owner = mem_printf("_validation-persist.%s", authz->name);
    AUTO(buf_fini)
    struct buf values = BUF(64 * 1024);
    AUTO(buf_fini)
    struct buf uri = BUF(4096);
    uri_of(ca, authz, &uri);
    if (ca->options.txt_values == NULL) {
        fake_authz_fail(ca, authz, "serverInternal", "this authority has nobody to ask");
        return;
    }
    ca->options.txt_values(ca->options.ctx, owner, &values);
    struct str rest = buf_str(&values), value;
    while (str_split(&rest, '\n', &value))
        if (value_fits(value, authz, buf_cstr(&uri), now_ms)) {
            fake_authz_pass(ca, authz, now_ms);
            return;
        }
    AUTO(mem_fini)
    char *detail = mem_printf("no standing record at %s fits", owner);
    fake_authz_fail(ca, authz, "unauthorized", detail);
}
