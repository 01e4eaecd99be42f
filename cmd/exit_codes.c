#include "cmd/command.h"

static const struct {
    enum exit_code code;
    const char *text;
} codes[] = {
#define X(name, value, what) {EXIT_CODE_##name, what},
    EXIT_CODES(X)
#undef X
};

enum exit_code exit_code_of(const struct err *err)
{
    switch (err->kind) {
    case ERR_NONE:
        return EXIT_CODE_DONE;
    case ERR_CONFIG:
        return EXIT_CODE_USAGE;
    case ERR_HELD:
        return EXIT_CODE_HELD;
    case ERR_THROTTLED:
        return EXIT_CODE_THROTTLED;
    case ERR_STORE:
        return EXIT_CODE_STORE;
    case ERR_AGAIN:
    case ERR_DENIED:
    case ERR_REFUSED:
    case ERR_ABSENT:
    case ERR_BROKEN:
    case ERR_LOCAL:
    case ERR_BUG:
    case ERR_KIND_N:
        break;
    }
    return EXIT_CODE_FAILED;
}

const char *exit_code_text(enum exit_code code)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code)
            return codes[i].text;
    return "unknown";
}
