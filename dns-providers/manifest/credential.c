#include "dns-providers/manifest/manifest.h"

/*
 * What a credential must look like, told where it is read instead of by a server that refuses it. The text of a complaint never holds
 * anything of the credential.
 */

static bool map_check(struct str bytes, struct err *err)
{
    struct str rest = bytes, line;
    int at = 0;
    bool any = false;
    while (str_split(&rest, '\n', &line)) {
        at++;
        line = str_trim(line);
        if (line.len == 0 || line.p[0] == '#')
            continue;
        if (str_find_char(line, '=') == 0 || str_find_char(line, '=') == line.len)
            return err_set(err, ERR_CONFIG, "line %d is not NAME=VALUE", at);
        any = true;
    }
    return any || err_set(err, ERR_CONFIG, "it has no line NAME=VALUE");
}

static bool json_check(struct str bytes, struct err *err)
{
    AUTO(json_fini)
    struct json *tree = NULL;
    /* The parser's own words may show what it met. */
    if (!json_parse(str_trim(bytes), JSON_SIZE_MAX, &tree, NULL) || !json_is(tree, JSON_OBJECT))
        return err_set(err, ERR_CONFIG, "it is no JSON object");
    return true;
}

static bool pem_check(struct str bytes, struct err *err)
{
    if (str_find(bytes, STR("-----BEGIN ")) == bytes.len)
        return err_set(err, ERR_CONFIG, "it is no PEM text (-----BEGIN ...)");
    if (str_find(bytes, STR("-----BEGIN ENCRYPTED ")) < bytes.len ||
        str_find(bytes, STR("Proc-Type: 4,ENCRYPTED")) < bytes.len)
        return err_set(err, ERR_CONFIG, "the key is protected by a password, which is not taken");
    return true;
}

bool manifest_secret_check(const struct dns_provider *provider, const char *setting,
                           struct str bytes, struct err *err)
{
    static const struct {
        const char *kind;
        bool (*check)(struct str bytes, struct err *err);
    } kinds[] = {{"map", map_check}, {"json", json_check}, {"pem", pem_check}};
    const struct json *row = json_find(json_find(manifest_tree(provider), "credentials"), setting);
    const char *kind = json_text(row, "kind");
    for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return kinds[i].check(bytes, err);
    return true;
}
