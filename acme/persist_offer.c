/* What a CA says of the standing records it takes. */
#include "acme/caa.h"
#include "acme/persist.h"

enum { OFFER_MAX = 16 * 1024 };

void persist_offer_fini(struct persist_offer *offer)
{
    for (size_t i = 0; i < offer->n_issuers; i++)
        mem_free(offer->issuers[i]);
    mem_free(offer->issuers);
    *offer = (struct persist_offer){0};
}

static void offer_add(struct persist_offer *offer, const char *issuer)
{
    offer->issuers =
        mem_grow(offer->issuers, offer->n_issuers, offer->n_issuers + 1, sizeof(char *));
    offer->issuers[offer->n_issuers++] = mem_strdup(issuer);
}

/* More than ten, none, or one that is no A-label name: the client must take the challenge for malformed. */
static bool issuers_read(const struct json *list, const char *key, struct persist_offer *offer,
                         struct err *err)
{
    size_t n = json_len(list);
    if (!json_is(list, JSON_ARRAY) || n == 0 || n > PERSIST_ISSUERS_MAX)
        return err_set(err, ERR_BROKEN, "challenge.%s: not a list of one to ten names", key);
    for (size_t i = 0; i < n; i++) {
        const char *issuer = json_as_text(json_at(list, i));
        if (!persist_issuer_is_good(issuer))
            return err_set(err, ERR_BROKEN,
                           "challenge.%s[%zu]: not a domain name in lower case without a final dot",
                           key, i);
        offer_add(offer, issuer);
    }
    return true;
}

/* See persist.h: whose account this is only the CA says. */
static bool account_is_at_home(const struct acme_directory *directory, const char *account_url,
                               struct err *err)
{
    AUTO(buf_fini)
    struct buf shown = BUF(256);
    if (account_url == NULL)
        return err_set(err, ERR_BUG, "the URL of the account is missing");
    for (const char *p = account_url; *p != '\0'; p++)
        if (*p <= 0x20 || *p >= 0x7f || *p == ';')
            return err_set(err, ERR_REFUSED,
                           "the account's URL holds a byte that no such record can hold");
    if (acme_url_same_host(account_url, directory->url))
        return true;
    text_escape(&shown, str_of(account_url), 200);
    return err_set(err, ERR_REFUSED,
                   "the account %s is at another host than the directory %s: no standing record is "
                   "relied on or made for it",
                   buf_cstr(&shown), directory->url);
}

static bool form_choose(const struct json *challenge, const struct acme_directory *directory,
                        enum persist_form *ret, struct err *err)
{
    bool has_plain = json_find(challenge, "issuer-domain-names") != NULL;
    bool has_hashed = json_find(challenge, "issuerDomainNames") != NULL;
    if (!has_plain && !has_hashed)
        return err_set(err, ERR_BROKEN, "challenge.issuer-domain-names: missing");
    if (has_hashed && !has_plain && directory->account_hash_prefix == NULL)
        return err_set(err, ERR_REFUSED,
                       "the CA wants the account as a hash (issuerDomainNames), but its directory "
                       "has no accountHashPrefix to make one with");
    *ret = has_hashed && directory->account_hash_prefix != NULL ? PERSIST_HASHED : PERSIST_PLAIN;
    return true;
}

bool persist_offer_read(const struct json *challenge, const struct acme_directory *directory,
                        const char *account_url, struct persist_offer *ret, struct err *err)
{
    struct persist_offer offer = {0};
    const char *told = json_text(challenge, "accounturi");
    if (!account_is_at_home(directory, account_url, err) ||
        !form_choose(challenge, directory, &offer.form, err))
        return false;
    const char *key = offer.form == PERSIST_HASHED ? "issuerDomainNames" : "issuer-domain-names";
    if (offer.form == PERSIST_PLAIN && told != NULL && strcmp(told, account_url) != 0)
        return err_set(err, ERR_BROKEN, "challenge.accounturi: not the URL of our account, %s",
                       account_url);
    if (!issuers_read(json_find(challenge, key), key, &offer, err)) {
        persist_offer_fini(&offer);
        return false;
    }
    *ret = offer;
    return true;
}

static void issuers_take(char *const *issuers, size_t n, struct persist_offer *offer)
{
    for (size_t i = 0; i < n && offer->n_issuers < PERSIST_ISSUERS_MAX; i++)
        if (persist_issuer_is_good(issuers[i]))
            offer_add(offer, issuers[i]);
}

bool persist_offer_guess(const struct acme_directory *directory, const char *account_url,
                         struct persist_offer *ret, struct err *err)
{
    struct persist_offer offer = {.form = directory->account_hash_prefix != NULL ? PERSIST_HASHED
                                                                                 : PERSIST_PLAIN};
    if (!account_is_at_home(directory, account_url, err))
        return false;
    issuers_take(directory->issuer_names, directory->n_issuer_names, &offer);
    if (offer.n_issuers == 0)
        issuers_take(directory->caa_identities, directory->n_caa_identities, &offer);
    const char *const *known = caa_identities_of_host(caa_host_of_url(directory->url));
    if (offer.n_issuers == 0 && known != NULL && persist_issuer_is_good(known[0]))
        offer_add(&offer, known[0]);
    if (offer.n_issuers == 0)
        return err_set(err, ERR_ABSENT, "its directory does not tell the CA's domain name");
    *ret = offer;
    return true;
}

static const char *const forms[] = {[PERSIST_PLAIN] = "plain", [PERSIST_HASHED] = "hashed"};

void persist_offer_format(const struct persist_offer *offer, struct buf *out)
{
    buf_add_cstr(out, forms[offer->form]);
    for (size_t i = 0; i < offer->n_issuers; i++)
        buf_printf(out, " %s", offer->issuers[i]);
}

bool persist_offer_parse(const char *text, struct persist_offer *ret)
{
    struct persist_offer offer = {0};
    struct str rest = str_of(text), piece = STR_NONE;
    bool good = text != NULL && rest.len <= OFFER_MAX && str_split(&rest, ' ', &piece) &&
                (str_eq(piece, str_of(forms[PERSIST_PLAIN])) ||
                 str_eq(piece, str_of(forms[PERSIST_HASHED])));
    offer.form = str_eq(piece, str_of(forms[PERSIST_HASHED])) ? PERSIST_HASHED : PERSIST_PLAIN;
    while (good && str_split(&rest, ' ', &piece)) {
        AUTO(mem_fini)
        char *issuer = mem_strndup(piece.p, piece.len);
        good = offer.n_issuers < PERSIST_ISSUERS_MAX && persist_issuer_is_good(issuer);
        if (good)
            offer_add(&offer, issuer);
    }
    if (!good || offer.n_issuers == 0) {
        persist_offer_fini(&offer);
        return false;
    }
    *ret = offer;
    return true;
}
