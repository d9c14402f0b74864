/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "text/utf8.h"

#define PORT_MOST UINT16_MAX

static const struct scheme {
    const char *text;
    enum listen_kind kind;
} schemes[] = {{"tcp:", LISTEN_TCP}, {"udp:", LISTEN_UDP}, {"unix:", LISTEN_UNIX}};

#define SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

/* An address while it is read. */
struct reading {
    const char *text;
    bool pattern;
    struct listen_address address;
    struct crib_error *err;
};

static int refuse(const struct reading *r, const char *why)
{
    char shown[UTF8_SHOWN];

    return fail_text(r->err, -EINVAL, "listen", -1, utf8_shown(shown, r->text, strlen(r->text)),
                     "%s", why);
}

/* Whether it can be shown and written to files as it is. */
static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return utf8_text(text, len);
}

/* --- ports --- */

/* Reads digits, no more than a port has, without a sign or zeros before them. Return: whether it is
 * a port. */
static bool read_port(const char **at, uint16_t *ret)
{
    const char *start = *at;
    unsigned port = 0;

    while (**at >= '0' && **at <= '9' && port <= PORT_MOST)
        port = port * 10 + (unsigned)(*(*at)++ - '0');
    if (*at == start || (*start == '0' && *at - start > 1) || port > PORT_MOST)
        return false;
    *ret = (uint16_t)port;
    return true;
}

static int read_ports(struct reading *r, const char *at)
{
    static const char one_only[] = "one port is needed: `*` and ranges are for policies";
    uint16_t *first = &r->address.first, *last = &r->address.last;

    if (strcmp(at, "*") == 0) {
        *last = PORT_MOST;
        return r->pattern ? 0 : refuse(r, one_only);
    }
    if (!read_port(&at, first) || (*at && *at != '-'))
        return refuse(r, "a port is a number from 0 to 65535");
    *last = *first;
    if (!*at)
        return 0;
    if (!r->pattern)
        return refuse(r, one_only);
    at++;
    if (!read_port(&at, last) || *at)
        return refuse(r, "a range of ports reads 8000-8999");
    if (*first == 0)
        return refuse(r, "a range begins with port 1 or above: 0 is any free one");
    return *last < *first ? refuse(r, "the range ends before it begins") : 0;
}

/* --- hosts --- */

/* Without a name server, and as strict as inet_pton(3) is. */
static int read_host(struct reading *r, const char *host, size_t len)
{
    struct listen_address *address = &r->address;
    bool brackets = len > 1 && host[0] == '[' && host[len - 1] == ']';
    char text[INET6_ADDRSTRLEN] = "";

    if (len == 1 && host[0] == '*')
        return 0;
    if (brackets) {
        host++;
        len -= 2;
    }
    if (len < sizeof(text))
        memcpy(text, host, len);
    address->family = brackets ? AF_INET6 : AF_INET;
    if (inet_pton(address->family, text, &address->host) != 1)
        return refuse(r, "the host is no IP address: 127.0.0.1, [::1], or `*` for all; names are "
                         "not looked up");
    if (brackets && IN6_IS_ADDR_V4MAPPED(&address->host))
        return refuse(r, "this is an address of IPv4: write it as one, without brackets");
    return 0;
}

/* `HOST:PORT`; of IPv6 the host has colons, too, between brackets. */
static int read_inet(struct reading *r, const char *at)
{
    const char *colon = strrchr(at, ':');
    int res;

    r->address.family = AF_UNSPEC;
    if (!colon)
        return refuse(r, "a host and a port are needed: 127.0.0.1:8080");
    res = read_host(r, at, (size_t)(colon - at));
    return res < 0 ? res : read_ports(r, colon + 1);
}

/* --- paths --- */

/* Whether no part of an absolute path is empty, `.` or `..`. */
static bool is_clean(const char *path)
{
    for (const char *part = path + 1, *end;; part = end + 1) {
        size_t len = strcspn(part, "/");

        end = part + len;
        if (len <= 2 && strncmp(part, "..", len) == 0)
            return false;
        if (!*end)
            return true;
    }
}

/* An abstract name does not begin with a slash, so that there is none. */
static int read_unix(struct reading *r, const char *path)
{
    struct listen_address *address = &r->address;
    size_t len = strlen(path);

    address->family = AF_UNIX;
    if (path[0] != '/')
        return refuse(r, "the path is not absolute");
    if (len >= sizeof(address->path))
        return refuse(r, "the path is too long for a socket");
    if (!is_clean(path))
        return refuse(r, "the path has a `.`, a `..` or an empty part");
    memcpy(address->path, path, len + 1);
    if (!strchr(path, '*'))
        return 0;
    if (!r->pattern)
        return refuse(r, "one path is needed: `*` is for policies");
    if (strchr(path, '*') != path + len - 1 || path[len - 2] != '/')
        return refuse(r, "a `*` is every name in a directory, and stands alone at the end");
    address->path[len - 1] = '\0';
    address->below = true;
    return 0;
}

int listen_parse(const char *text, bool pattern, struct listen_address *ret, struct crib_error *err)
{
    struct reading r = {.text = text, .pattern = pattern, .err = err};
    size_t len = strnlen(text, LISTEN_TEXT);
    int res;

    if (len == LISTEN_TEXT)
        return refuse(&r, "the address is too long");
    if (!is_plain(text, len))
        return refuse(&r, "it has control characters, or is no UTF-8");
    for (size_t i = 0; i < SCHEMES; i++) {
        size_t scheme = strlen(schemes[i].text);

        if (strncmp(text, schemes[i].text, scheme) != 0)
            continue;
        r.address.kind = schemes[i].kind;
        res = r.address.kind == LISTEN_UNIX ? read_unix(&r, text + scheme)
                                            : read_inet(&r, text + scheme);
        if (res == 0)
            *ret = r.address;
        return res;
    }
    return refuse(&r, "an address begins with tcp:, udp: or unix:");
}

/* --- comparing --- */

static bool common_paths(const struct listen_address *one, const struct listen_address *other,
                         struct listen_address *ret)
{
    size_t len = strlen(one->path);

    if (!one->below && other->below)
        return common_paths(other, one, ret);
    *ret = *other;
    if (!one->below || other->below)
        return strcmp(one->path, other->path) == 0;
    return strncmp(one->path, other->path, len) == 0 && !strchr(other->path + len, '/');
}

static bool common_hosts(const struct listen_address *one, const struct listen_address *other,
                         struct listen_address *ret)
{
    *ret = one->family == AF_UNSPEC ? *other : *one;
    return one->family == AF_UNSPEC || other->family == AF_UNSPEC ||
           (one->family == other->family &&
            memcmp(&one->host, &other->host, sizeof(one->host)) == 0);
}

bool listen_common(const struct listen_address *one, const struct listen_address *other,
                   struct listen_address *ret)
{
    struct listen_address common;

    if (one->kind != other->kind)
        return false;
    if (one->kind == LISTEN_UNIX) {
        if (!common_paths(one, other, &common))
            return false;
    } else if (!common_hosts(one, other, &common))
        return false;
    common.first = one->first > other->first ? one->first : other->first;
    common.last = one->last < other->last ? one->last : other->last;
    if (common.first > common.last)
        return false;
    *ret = common;
    return true;
}

bool listen_covers(const struct listen_address *allowed, const struct listen_address *asked)
{
    struct listen_address common;

    return listen_common(allowed, asked, &common) && common.family == asked->family &&
           common.first == asked->first && common.last == asked->last &&
           common.below == asked->below;
}

/* --- writing --- */

static void host_text(const struct listen_address *address, char *text, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "";

    if (address->family == AF_UNSPEC) {
        snprintf(text, size, "*");
        return;
    }
    inet_ntop(address->family, &address->host, host, sizeof(host));
    snprintf(text, size, address->family == AF_INET6 ? "[%s]" : "%s", host);
}

static void ports_text(const struct listen_address *address, char *text, size_t size)
{
    if (address->first == address->last)
        snprintf(text, size, "%u", address->first);
    else if (address->first == 0)
        snprintf(text, size, "*");
    else
        snprintf(text, size, "%u-%u", address->first, address->last);
}

void listen_text(const struct listen_address *address, char text[LISTEN_TEXT])
{
    char host[INET6_ADDRSTRLEN + 2], ports[sizeof("65535-65535")];

    if (address->kind == LISTEN_UNIX) {
        snprintf(text, LISTEN_TEXT, "unix:%s%s", address->path, address->below ? "*" : "");
        return;
    }
    host_text(address, host, sizeof(host));
    ports_text(address, ports, sizeof(ports));
    snprintf(text, LISTEN_TEXT, "%s%s:%s", schemes[address->kind].text, host, ports);
}
