/* SPDX-License-Identifier: Apache-2.0 */
#include "learn/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_FREE_PORT 32768 /* of those that the kernel picks, by default */

void network_init(struct network *network)
{
    *network = (struct network){0};
    arena_init(&network->arena, 0);
}

void network_done(struct network *network)
{
    arena_done(&network->arena);
    *network = (struct network){0};
}

/* Takes an address apart. Return: whether it is one of IPv4 or IPv6. */
static bool read_address(const char *text, bool *ret_loopback, unsigned *ret_port)
{
    const char *start = text[0] == '[' ? text + 1 : text;
    const char *colon = strrchr(text, ':'), *end;
    char host[INET6_ADDRSTRLEN] = {0}, *rest;
    struct in6_addr six;
    struct in_addr four;

    if (!colon || (text[0] == '[' && (colon == text || colon[-1] != ']')))
        return false;
    end = text[0] == '[' ? colon - 1 : colon;
    if (end - start >= (ptrdiff_t)sizeof(host) || end < start)
        return false;
    memcpy(host, start, (size_t)(end - start));
    *ret_port = (unsigned)strtoul(colon + 1, &rest, 10);
    if (*rest || !colon[1])
        return false;
    if (inet_pton(AF_INET, host, &four) == 1) {
        *ret_loopback = ntohl(four.s_addr) >> 24 == 127;
        return true;
    }
    *ret_loopback = strcmp(host, "::1") == 0 || strncmp(host, "::ffff:127.", 11) == 0;
    return inet_pton(AF_INET6, host, &six) == 1;
}

int network_add(struct network *network, const char *address, bool bound)
{
    const char ***list = bound ? &network->bound : &network->used;
    size_t *count = bound ? &network->bound_count : &network->used_count;
    unsigned port;
    bool loopback;
    char *kept;

    if (!read_address(address, &loopback, &port))
        return 0;
    for (size_t i = 0; i < *count; i++)
        if (strcmp((*list)[i], address) == 0)
            return 0;
    if (*count == NETWORK_ADDRESSES) {
        network->lost = true;
        return 0;
    }
    kept = arena_text(&network->arena, address);
    return kept ? arena_push(&network->arena, list, count, kept) : -ENOMEM;
}

/* Return: whether a server of the run's own can be at a port of a loopback. */
static bool is_own_port(const struct network *network, unsigned wanted)
{
    unsigned port;
    bool loopback;

    for (size_t i = 0; i < network->bound_count; i++)
        if (read_address(network->bound[i], &loopback, &port) && loopback &&
            (port == wanted || (port == 0 && wanted >= FIRST_FREE_PORT)))
            return true;
    return false;
}

const char *network_outside(const struct network *network)
{
    unsigned port;
    bool loopback;

    if (network->lost)
        return "";
    for (size_t i = 0; i < network->bound_count; i++)
        if (read_address(network->bound[i], &loopback, &port) && !loopback)
            return network->bound[i];
    for (size_t i = 0; i < network->used_count; i++)
        if (read_address(network->used[i], &loopback, &port) &&
            !(loopback && is_own_port(network, port)))
            return network->used[i];
    return NULL;
}
