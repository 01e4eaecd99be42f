/* token new: a token for the HTTP face, and what goes into the configuration for it. */
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include "crypto/key.h"

#include <stdio.h>

enum { TOKEN_BYTES = 32, NAME_MAX_LEN = 64 };

static bool name_check(const char *name, struct err *err)
{
    size_t n = strlen(name);
    for (const char *c = name; *c != '\0'; c++)
        if (*c < '!' || *c > '~' || *c == '"' || *c == '\\' || *c == '/')
            n = 0;
    return (n >= 1 && n <= NAME_MAX_LEN) ||
           err_set(err, ERR_CONFIG,
                   "a token's name is 1 to 64 printable ASCII characters without blanks, "
                   "quotes and slashes, e.g. web1");
}

static void token_print(const char *name, const char *token, const char *sha256)
{
    printf("token (shown this once, kept nowhere): %s\n\n"
           "http:\n"
           "  tokens:\n"
           "    - {name: \"%s\", sha256: %s, names: [\"example.com\", \"*.example.com\"], may: "
           "[lock, status]}\n",
           token, name, sha256);
}

enum exit_code token_new_run(struct invocation *in)
{
    unsigned char random[TOKEN_BYTES];
    char sha256[65];
    AUTO(buf_fini)
    struct buf token = BUF(128);
    if (!name_check(in->words[0], &in->err))
        return exit_code_of(&in->err);
    random_bytes(random, sizeof random);
    buf_add_cstr(&token, "chy_");
    base64url_encode(&token, random, sizeof random);
    mem_cleanse(random, sizeof random);
    sha256_hex(token.p, token.len, sha256);
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_text(json_object(), "name", in->words[0]);
        json_set_text(tree, "token", buf_cstr(&token));
        json_set_text(tree, "sha256", sha256);
        json_print(tree);
    } else {
        token_print(in->words[0], buf_cstr(&token), sha256);
    }
    return EXIT_CODE_DONE;
}
