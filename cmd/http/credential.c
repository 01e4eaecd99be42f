#include "cmd/http/credential.h"

#include "crypto/key.h"

enum { TOKEN_MIN = 16, TOKEN_MAX = 256 };

static bool token_find(const char *authorization, struct str *ret)
{
    struct str text = str_trim(str_of(authorization));
    size_t blank = str_find_char(text, ' ');
    if (!str_eq_nocase(str_mem(text.p, blank), STR("Bearer")) || blank >= text.len)
        return false;
    *ret = str_trim(str_mem(text.p + blank, text.len - blank));
    return ret->len >= TOKEN_MIN && ret->len <= TOKEN_MAX && str_find_char(*ret, ' ') == ret->len;
}

void credential_read(struct credential *ret, const char *authorization, const char *fingerprint,
                     const char *subject)
{
    struct str token;
    *ret = (struct credential){0};
    if (authorization != NULL) {
        ret->has_token = token_find(authorization, &token);
        ret->is_odd = !ret->has_token;
    }
    if (ret->has_token)
        sha256(token.p, token.len, ret->sha256);
    if (fingerprint == NULL || strlen(fingerprint) >= sizeof ret->fingerprint)
        return;
    ret->has_certificate = true;
    memcpy(ret->fingerprint, fingerprint, strlen(fingerprint) + 1);
    if (subject != NULL && strlen(subject) < sizeof ret->subject)
        memcpy(ret->subject, subject, strlen(subject) + 1);
}

/* Always looks at every byte. */
static bool hash_eq(const unsigned char a[32], const unsigned char b[32])
{
    unsigned char other = 0;
    for (size_t i = 0; i < 32; i++)
        other |= (unsigned char)(a[i] ^ b[i]);
    return other == 0;
}

static bool certificate_fits(const struct credential *c, const struct http_pass *pass)
{
    return pass->fingerprint != NULL
               ? strcmp(pass->fingerprint, c->fingerprint) == 0
               : c->subject[0] != '\0' && strcmp(pass->subject, c->subject) == 0;
}

const struct http_pass *credential_pass(const struct credential *credential,
                                        const struct http_config *config)
{
    const struct http_pass *found = NULL;
    if (credential->is_odd)
        return NULL;
    for (size_t i = 0; i < config->n_passes; i++) {
        const struct http_pass *pass = &config->passes[i];
        bool fits = credential->has_token
                        ? pass->is_token && hash_eq(pass->sha256, credential->sha256)
                        : credential->has_certificate && !pass->is_token &&
                              certificate_fits(credential, pass);
        if (fits)
            found = pass;
    }
    return found;
}
