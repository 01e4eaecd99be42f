/* The challenge of an authorization: the one that the order was begun for, and what its TXT record must hold. */
#include "acme/order_inner.h"
#include "acme/persist.h"

enum { TOKEN_LEN_MIN = 22, TOKEN_LEN_MAX = 512, TYPE_SHOWN_MAX = 40, TYPES_SHOWN = 8 };

/* RFC 8555 8.1: base64url text, checked before any use. */
static bool token_is_good(const char *token)
{
    size_t len = token != NULL ? strlen(token) : 0;
    if (len < TOKEN_LEN_MIN || len > TOKEN_LEN_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = token[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_'))
            return false;
    }
    return true;
}

static const struct json *challenge_of_kind(const struct json *tree, enum challenge_kind kind)
{
    const struct json *list = json_find(tree, "challenges");
    for (size_t i = 0; i < json_len(list); i++) {
        const char *type = json_text(json_at(list, i), "type");
        if (type != NULL && strcmp(type, challenge_name(kind)) == 0)
            return json_at(list, i);
    }
    return NULL;
}

static bool challenge_missing(const struct json *tree, enum challenge_kind kind, struct err *err)
{
    const struct json *list = json_find(tree, "challenges");
    AUTO(buf_fini)
    struct buf types = BUF(1024);
    for (size_t i = 0; i < json_len(list) && i < TYPES_SHOWN; i++) {
        const char *type = json_text(json_at(list, i), "type");
        buf_add_cstr(&types, i > 0 ? ", " : "");
        text_escape(&types, str_of(type != NULL ? type : "?"), TYPE_SHOWN_MAX);
    }
    return err_set(err, ERR_REFUSED,
                   "the CA offers no %s challenge for it, only %s; `challenge` of the set says how "
                   "control is proved",
                   challenge_name(kind), types.len > 0 ? buf_cstr(&types) : "none at all");
}

/* A value of this order alone: the digest of token and thumbprint (RFC 8555 8.4). */
static bool value_make(const struct order *order, struct authz *authz, const struct json *challenge,
                       struct err *err)
{
    const char *token = json_text(challenge, "token");
    char value[48];
    if (!token_is_good(token))
        return err_set(err, ERR_BROKEN,
                       "challenge.token: not 22 to 512 characters of base64url (RFC 8555 8.1)");
    dns01_value(token, order->thumbprint, value);
    mem_set_str(&authz->token, token);
    mem_set_str(&authz->value, value);
    mem_set_str(&authz->offer, NULL);
    return true;
}

/* There is no token: what must stand names the CA and the account. */
static bool standing_make(const struct order *order, const struct acme_world *world,
                          struct authz *authz, const struct json *challenge, struct err *err)
{
    struct persist_offer offer = {0};
    struct persist_want want = {0};
    AUTO(buf_fini)
    struct buf text = BUF(16 * 1024);
    AUTO(buf_fini)
    struct buf record = BUF(PERSIST_RECORD_MAX);
    if (!persist_offer_read(challenge, world->directory, order->account_url, &offer, err))
        return false;
    persist_offer_format(&offer, &text);
    persist_want_init(&want, &offer, world->directory, authz->identifier, authz->wildcard,
                      order->thumbprint, order->account_url);
    persist_want_format(&want, 0, &record);
    persist_want_fini(&want);
    mem_set_str(&authz->token, NULL);
    mem_set_str(&authz->value, buf_cstr(&record));
    mem_set_str(&authz->offer, buf_cstr(&text));
    return true;
}

bool order_challenge_take(const struct order *order, const struct acme_world *world,
                          struct authz *authz, const struct json *tree, struct err *err)
{
    const struct json *challenge = challenge_of_kind(tree, order->challenge);
    if (challenge == NULL)
        return challenge_missing(tree, order->challenge, err);
    const char *url = json_text(challenge, "url");
    if (!acme_url_check(url, world->directory->url, err))
        return err_wrap(err, "challenge.url");
    if (order->thumbprint[0] == '\0')
        return err_set(err, ERR_BUG, "the thumbprint of the account key is missing");
    if (!(challenge_stands(order->challenge) ? standing_make(order, world, authz, challenge, err)
                                             : value_make(order, authz, challenge, err)))
        return false;
    mem_set_str(&authz->challenge_url, url);
    authz->answered = false;
    return true;
}

void order_challenge_name(const struct order *order, const struct authz *authz, struct buf *out)
{
    challenge_owner(order->challenge, authz->identifier != NULL ? authz->identifier : "",
                    order->account_url, out);
}
