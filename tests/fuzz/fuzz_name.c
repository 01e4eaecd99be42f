/* SEES: base crypto acme */
/*
 * Any text as a name: what comes out is a lower-case host name that stays as it is when it goes in again, and lies below a
 * registered domain; what is refused says so in one plain line.
 */
#include "acme/name.h"

static void name_check(const char *name)
{
    const char *base = strncmp(name, "*.", 2) == 0 ? name + 2 : name;
    struct str rest = str_of(base), label;
    size_t n = 0;
    CHECK(strlen(name) <= 253);
    for (; str_split(&rest, '.', &label); n++) {
        CHECK(label.len >= 1 && label.len <= 63);
        CHECK(label.p[0] != '-' && label.p[label.len - 1] != '-');
        for (size_t i = 0; i < label.len; i++) {
            char c = label.p[i];
            CHECK((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-');
        }
    }
    CHECK(n >= 2);
}

static void name_try(const char *text)
{
    AUTO(mem_fini)
    char *name = NULL;
    AUTO(mem_fini)
    char *again = NULL;
    struct err err = {0};
    if (!name_normalise(text, &name, &err)) {
        CHECK(err.kind == ERR_CONFIG && name == NULL);
        for (const unsigned char *p = (const unsigned char *)err.text; *p != '\0'; p++)
            CHECK(*p >= 0x20 && *p != 0x7f);
        return;
    }
    name_check(name);
    CHECK(name_normalise(name, &again, &err) && strcmp(name, again) == 0);
    AUTO(mem_fini)
    char *domain = name_registered_domain(name);
    AUTO(buf_fini)
    struct buf challenge = BUF(512);
    CHECK(str_ends(str_of(name), str_of(domain)) && domain[0] != '*');
    name_challenge(name, &challenge);
    CHECK(!challenge.overflow && str_ends(buf_str(&challenge), str_of(domain)));
    CHECK(!name_is_covered_by(name, name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(mem_fini)
    char *text = mem_strndup((const char *)data, size);
    name_try(text);
    return 0;
}
