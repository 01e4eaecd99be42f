#include "io/loop_uv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static bool ip_parse(struct str text, struct net_address *ret)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof copy || memchr(text.p, '\0', text.len) != NULL)
        return false;
    memcpy(copy, text.p, text.len);
    copy[text.len] = '\0';
    struct net_address a = {0};
    if (inet_pton(AF_INET, copy, a.ip) == 1)
        a.ip_len = 4;
    else if (inet_pton(AF_INET6, copy, a.ip) == 1)
        a.ip_len = 16;
    else
        return false;
    *ret = a;
    return true;
}

static bool port_parse(struct str text, uint16_t *ret_port)
{
    int64_t value;
    if (text.len == 0 || text.p[0] == '-' || !str_to_i64(text, &value) || value < 1 ||
        value > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)value;
    return true;
}

/* Splits "[ip]:port", "[ip]" and "a.b.c.d:port"; anything else is an address without a port. */
static bool port_split(struct str text, struct str *ret_ip, struct str *ret_port)
{
    *ret_ip = text;
    *ret_port = STR_NONE;
    size_t colon = str_find_char(text, ':');
    if (text.len > 0 && text.p[0] == '[') {
        size_t end = str_find_char(text, ']');
        if (end == text.len || str_find_char(str_mem(text.p, end), ':') == end)
            return false;
        *ret_ip = str_mem(text.p + 1, end - 1);
        *ret_port = str_mem(text.p + end + 1, text.len - end - 1);
    } else if (colon < text.len && memchr(text.p + colon + 1, ':', text.len - colon - 1) == NULL) {
        *ret_ip = str_mem(text.p, colon);
        *ret_port = str_mem(text.p + colon, text.len - colon);
    }
    if (ret_port->len == 0)
        return true;
    if (ret_port->p[0] != ':' || ret_port->len == 1)
        return false;
    *ret_port = str_mem(ret_port->p + 1, ret_port->len - 1);
    return true;
}

bool net_address_parse(struct str text, uint16_t default_port, struct net_address *ret)
{
    struct str ip, port_text;
    struct net_address a;
    uint16_t port = default_port;
    if (!port_split(text, &ip, &port_text) || !ip_parse(ip, &a))
        return false;
    if (port_text.len > 0 && !port_parse(port_text, &port))
        return false;
    a.port = port;
    *ret = a;
    return true;
}

void net_address_format(const struct net_address *a, bool with_port, char out[NET_ADDRESS_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN] = "none";
    if (a->ip_len != 0)
        inet_ntop(a->ip_len == 4 ? AF_INET : AF_INET6, a->ip, ip, sizeof ip);
    if (!with_port)
        snprintf(out, NET_ADDRESS_TEXT_MAX, "%s", ip);
    else if (a->ip_len == 16)
        snprintf(out, NET_ADDRESS_TEXT_MAX, "[%s]:%u", ip, a->port);
    else
        snprintf(out, NET_ADDRESS_TEXT_MAX, "%s:%u", ip, a->port);
}

bool net_address_eq(const struct net_address *a, const struct net_address *b)
{
    return a->ip_len == b->ip_len && a->port == b->port &&
           memcmp(a->ip, b->ip, (size_t)a->ip_len) == 0;
}

struct ip_range {
    unsigned char prefix[16];
    int bits;
};

/* IANA's registries of special-purpose addresses, and multicast. */
static const struct ip_range private_v4[] = {
    {{0}, 8},            /* this network */
    {{10}, 8},           /* private, RFC 1918 */
    {{100, 64}, 10},     /* shared by a carrier's NAT, RFC 6598 */
    {{127}, 8},          /* loopback */
    {{169, 254}, 16},    /* link-local, and the metadata services of clouds */
    {{172, 16}, 12},     /* private */
    {{192, 0, 0}, 24},   /* protocol assignments */
    {{192, 0, 2}, 24},   /* documentation */
    {{192, 88, 99}, 24}, /* 6to4 relays, withdrawn */
    {{192, 168}, 16},    /* private */
    {{198, 18}, 15},     /* benchmarks */
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4}, /* multicast */
    {{240}, 4}, /* reserved, broadcast */
};
/* Within 2000::/3, the only part of IPv6 that is assigned as global unicast. */
static const struct ip_range private_v6[] = {
    {{0x20, 0x01}, 23},             /* protocol assignments: Teredo, ORCHID, benchmarks */
    {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
    {{0x20, 0x02}, 16},             /* 6to4 hides an IPv4 address */
    {{0x3f, 0xff}, 20},             /* documentation */
};
static const struct ip_range mapped_v4 = {{[10] = 0xff, [11] = 0xff}, 96};
static const struct ip_range translated_v4 = {{0x00, 0x64, 0xff, 0x9b}, 96}; /* NAT64, RFC 6052 */
static const struct ip_range global_v6 = {{0x20}, 3};

static bool ip_is_in(const unsigned char *ip, const struct ip_range *range)
{
    size_t whole = (size_t)range->bits / 8;
    int rest = range->bits % 8;
    if (memcmp(ip, range->prefix, whole) != 0)
        return false;
    return rest == 0 || ((ip[whole] ^ range->prefix[whole]) >> (8 - rest)) == 0;
}

static bool ip_is_in_any(const unsigned char *ip, const struct ip_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (ip_is_in(ip, &ranges[i]))
            return true;
    return false;
}

bool net_address_is_loopback(const struct net_address *a)
{
    static const unsigned char one[16] = {[15] = 1};
    return a->ip_len == 4 ? a->ip[0] == 127 : a->ip_len == 16 && memcmp(a->ip, one, 16) == 0;
}

bool net_address_is_private(const struct net_address *a)
{
    const size_t n_v4 = sizeof private_v4 / sizeof private_v4[0],
                 n_v6 = sizeof private_v6 / sizeof private_v6[0];
    if (a->ip_len == 4)
        return ip_is_in_any(a->ip, private_v4, n_v4);
    if (a->ip_len != 16)
        return true;
    if (ip_is_in(a->ip, &mapped_v4) || ip_is_in(a->ip, &translated_v4))
        return ip_is_in_any(a->ip + 12, private_v4, n_v4);
    return !ip_is_in(a->ip, &global_v6) || ip_is_in_any(a->ip, private_v6, n_v6);
}

struct sockaddr *net_address_sockaddr(const struct net_address *address,
                                      struct sockaddr_storage *out, socklen_t *ret_len)
{
    memset(out, 0, sizeof *out);
    if (address->ip_len == 4) {
        struct sockaddr_in *in4 = (struct sockaddr_in *)out;
        in4->sin_family = AF_INET;
        in4->sin_port = htons(address->port);
        memcpy(&in4->sin_addr, address->ip, 4);
    } else {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(address->port);
        memcpy(&in6->sin6_addr, address->ip, 16);
    }
    if (ret_len != NULL)
        *ret_len = address->ip_len == 4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    return (struct sockaddr *)out;
}

bool net_address_from_sockaddr(const struct sockaddr *from, struct net_address *ret_address)
{
    struct net_address a = {0};
    if (from->sa_family == AF_INET) {
        struct sockaddr_in in4;
        memcpy(&in4, from, sizeof in4);
        a.ip_len = 4;
        a.port = ntohs(in4.sin_port);
        memcpy(a.ip, &in4.sin_addr, 4);
    } else if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, from, sizeof in6);
        a.ip_len = 16;
        a.port = ntohs(in6.sin6_port);
        memcpy(a.ip, &in6.sin6_addr, 16);
    } else {
        return false;
    }
    *ret_address = a;
    return true;
}
