#include "acme/challenge.h"

#include "crypto/key.h"

struct challenge_row {
    const char *name, *prefix, *sentence;
    bool labelled, stands;
};
static const struct challenge_row rows[] = {
#define X(kind, name, prefix, labelled, stands, sentence)                                          \
    [CHALLENGE_##kind] = {name, prefix, sentence, labelled, stands},
#include "acme/challenge.def"
#undef X
};
_Static_assert(sizeof rows / sizeof rows[0] == CHALLENGE_KIND_N, "a row for each kind");

const char *challenge_name(enum challenge_kind kind)
{
    return (unsigned)kind < CHALLENGE_KIND_N ? rows[kind].name : "unknown";
}

bool challenge_find(const char *name, enum challenge_kind *ret_kind)
{
    for (unsigned kind = 0; name != NULL && kind < CHALLENGE_KIND_N; kind++)
        if (strcmp(rows[kind].name, name) == 0) {
            *ret_kind = (enum challenge_kind)kind;
            return true;
        }
    return false;
}

const char *challenge_sentence(enum challenge_kind kind)
{
    CHECK((unsigned)kind < CHALLENGE_KIND_N);
    return rows[kind].sentence;
}

bool challenge_stands(enum challenge_kind kind)
{
    return (unsigned)kind < CHALLENGE_KIND_N && rows[kind].stands;
}

/* RFC 4648 6 in lower case, of ten octets: two times five octets are eight letters, so nothing is padded. */
static void account_label(const char *account_url, struct buf *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char hash[32];
    sha256(account_url, strlen(account_url), hash);
    buf_add_char(out, '_');
    for (size_t i = 0; i < 10; i += 5) {
        uint64_t bits = 0;
        for (size_t k = 0; k < 5; k++)
            bits = bits << 8 | hash[i + k];
        for (int shift = 35; shift >= 0; shift -= 5)
            buf_add_char(out, letters[bits >> shift & 31]);
    }
    buf_add_char(out, '.');
}

void challenge_owner(enum challenge_kind kind, const char *name, const char *account_url,
                     struct buf *out)
{
    CHECK((unsigned)kind < CHALLENGE_KIND_N);
    if (rows[kind].labelled && account_url != NULL)
        account_label(account_url, out);
    buf_printf(out, "%s.%s", rows[kind].prefix, strncmp(name, "*.", 2) == 0 ? name + 2 : name);
}
