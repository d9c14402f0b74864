/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that workers may serve: `tcp:127.0.0.1:8080`, `tcp:[::1]:8000-8999`, `tcp:*:80`,
 * `udp:127.0.0.1:*`, `unix:/run/app.sock`; and a directory with a star behind it: every name in it.
 *
 * A host is an IP address; names are not looked up. `*` is every address of IPv4 and IPv6, one
 * socket for both; 0.0.0.0 is every one of IPv4, and [::] of IPv6 alone (IPV6_V6ONLY): each of the
 * three is another address, and only `*` covers others. A port is a number, a range or `*`. 0 is
 * any free one, which no range has, but `*` has.
 *
 * A path is compared as it is written. What is on the way to it on the host, symlinks too, is the
 * business of whoever may write there.
 *
 * Runs in: library.
 */
#ifndef POLICY_LISTEN_H
#define POLICY_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "base/error.h"

#define LISTEN_TEXT 160 /* with its NUL: the longest address */
#define LISTEN_MAX  256 /* addresses of a policy, those of its bases among them */

enum listen_kind { LISTEN_TCP, LISTEN_UDP, LISTEN_UNIX };

struct listen_address {
    enum listen_kind kind;
    int family;           /* AF_INET, AF_INET6, AF_UNIX; AF_UNSPEC: host `*` */
    struct in6_addr host; /* of AF_INET the first four bytes; zero where it has none */
    uint16_t first, last; /* ports; the same where it is one */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* absolute, without `.`, `..`, `//` */
    bool below; /* the path ends with a slash, and every name in that directory is meant */
};

/**
 * listen_parse() - Read an address
 * @text:    borrows; hostile
 * @pattern: ranges, `*` as port, and every name in a directory are allowed too
 * @err:     step `listen`; the subject is the address, safe to print
 *
 * Return: 0; -EINVAL and why
 */
int listen_parse(const char *text, bool pattern, struct listen_address *ret,
                 struct crib_error *err);

/* Return: whether everything that @asked names is allowed by @allowed. */
bool listen_covers(const struct listen_address *allowed, const struct listen_address *asked);

/* What two patterns both name. Return: whether there is anything; only then @ret is set. */
bool listen_common(const struct listen_address *one, const struct listen_address *other,
                   struct listen_address *ret);

/* The canonical text: two addresses are the same where it is. */
void listen_text(const struct listen_address *address, char text[LISTEN_TEXT]);

#endif
