#include "crypto/inside.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

size_t address_parse(const char *text, unsigned char out[16])
{
    if (inet_pton(AF_INET, text, out) == 1)
        return 4;
    return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

void address_format(struct str octets, char out[ADDRESS_TEXT_MAX])
{
    if (octets.len == 4 || octets.len == 16) {
        CHECK(inet_ntop(octets.len == 4 ? AF_INET : AF_INET6, octets.p, out, ADDRESS_TEXT_MAX) !=
              NULL);
        return;
    }
    AUTO(buf_fini)
    struct buf text = BUF(ADDRESS_TEXT_MAX - 1);
    buf_add_cstr(&text, "address:");
    hex_encode(&text, octets.p, octets.len < 20 ? octets.len : 20);
    memcpy(out, text.p, text.len + 1);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

char *name_normalize(const char *name)
{
    unsigned char octets[16];
    size_t len = address_parse(name, octets);
    if (len > 0) {
        char text[ADDRESS_TEXT_MAX];
        address_format(str_mem(octets, len), text);
        return mem_strdup(text);
    }
    char *copy = mem_strdup(name);
    for (char *c = copy; *c != '\0'; c++)
        *c = lower(*c);
    return copy;
}

/* A peer's bytes: a NUL or a control byte must not cut or colour the name. */
static char *dns_name_text(struct str raw)
{
    unsigned char octets[16];
    AUTO(buf_fini)
    struct buf text = BUF(CHAIN_PEM_MAX);
    text_escape(&text, raw, 1024);
    const char *prefix = address_parse(buf_cstr(&text), octets) > 0 ? "dns:" : "";
    char *name = mem_printf("%s%s", prefix, buf_cstr(&text));
    for (char *c = name; *c != '\0'; c++)
        *c = lower(*c);
    return name;
}

static struct str asn1_str(const ASN1_STRING *s)
{
    return str_mem(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}

static void general_name_read(const GENERAL_NAME *general, struct cert_names *names)
{
    int type = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(general, &type);
    if (type == GEN_DNS) {
        names->p[names->n++] = dns_name_text(asn1_str(value));
    } else if (type == GEN_IPADD) {
        char text[ADDRESS_TEXT_MAX];
        address_format(asn1_str(value), text);
        names->p[names->n++] = mem_strdup(text);
    } else {
        names->n_others++;
    }
}

void general_names_take(GENERAL_NAMES *all, struct cert_names *ret_names)
{
    *ret_names = (struct cert_names){0};
    int n = all != NULL ? sk_GENERAL_NAME_num(all) : 0;
    if (n > 0)
        ret_names->p = NEW_N((size_t)n, char *);
    for (int i = 0; i < n; i++)
        general_name_read(sk_GENERAL_NAME_value(all, i), ret_names);
    GENERAL_NAMES_free(all);
}

void cert_names_read(const X509 *x509, struct cert_names *ret_names)
{
    general_names_take(X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL), ret_names);
}

void cert_names_fini(struct cert_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        mem_free(names->p[i]);
    mem_free(names->p);
    *names = (struct cert_names){0};
}

/* Does the pattern "*.rest" stand for this host? RFC 6125 6.4.3: the whole left-most label, and one
 * label only. */
static bool wildcard_covers(struct str pattern, struct str host)
{
    size_t dot = str_find_char(host, '.');
    return str_starts(pattern, STR("*.")) && pattern.len > 2 && dot > 0 && dot < host.len &&
           str_eq_nocase(str_mem(pattern.p + 1, pattern.len - 1),
                         str_mem(host.p + dot, host.len - dot));
}

bool cert_names_cover(const struct cert_facts *facts, const char *host)
{
    AUTO(mem_fini)
    char *wanted = name_normalize(host);
    struct str name = str_of(wanted);
    unsigned char octets[16];
    bool is_address = address_parse(wanted, octets) > 0;
    if (name.len > 1 && name.p[name.len - 1] == '.')
        name.len--;
    for (size_t i = 0; i < facts->n_names; i++) {
        struct str held = str_of(facts->names[i]);
        if (str_eq_nocase(held, name) || (!is_address && wildcard_covers(held, name)))
            return true;
    }
    return false;
}
