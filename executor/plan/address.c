/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A socket's address in words. The bytes are the task's, and may say anything.
 * Source: ip(7), ipv6(7), unix(7), netlink(7), vsock(7)
 */
#include "plan/address.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/vm_sockets.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

static char *inet_text(const uint8_t *data, size_t len, struct arena *arena)
{
    char text[INET_ADDRSTRLEN];
    struct sockaddr_in in;

    if (len < sizeof(in))
        return arena_text(arena, "an address cut short");
    memcpy(&in, data, sizeof(in));
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
    return arena_printf(arena, "%s:%u", text, ntohs(in.sin_port));
}

static char *inet6_text(const uint8_t *data, size_t len, struct arena *arena)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in6 in;

    memset(&in, 0, sizeof(in));
    memcpy(&in, data, len < sizeof(in) ? len : sizeof(in));
    inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof(text));
    return arena_printf(arena, "[%s]:%u", text, ntohs(in.sin6_port));
}

/* A path, or `@name` of an abstract one, with what cannot be shown replaced. */
static char *unix_text(const uint8_t *data, size_t len, struct arena *arena)
{
    size_t start = offsetof(struct sockaddr_un, sun_path);
    const char *name = (const char *)data + start;
    char *text;

    if (len <= start)
        return arena_text(arena, "an unnamed socket");
    len -= start;
    if (name[0])
        return arena_copy(arena, name, strnlen(name, len));
    text = arena_copy(arena, name, len);
    for (size_t i = 0; text && i < len; i++)
        if (text[i] == '\0')
            text[i] = '@';
    return text;
}

static char *netlink_text(const uint8_t *data, size_t len, struct arena *arena)
{
    struct sockaddr_nl nl;

    memset(&nl, 0, sizeof(nl));
    memcpy(&nl, data, len < sizeof(nl) ? len : sizeof(nl));
    return arena_printf(arena, "netlink port %u, groups %#x", nl.nl_pid, nl.nl_groups);
}

static char *vsock_text(const uint8_t *data, size_t len, struct arena *arena)
{
    struct sockaddr_vm vm;

    memset(&vm, 0, sizeof(vm));
    memcpy(&vm, data, len < sizeof(vm) ? len : sizeof(vm));
    return arena_printf(arena, "vsock %u:%u", vm.svm_cid, vm.svm_port);
}

char *address_text(const void *address, size_t len, struct arena *arena)
{
    const uint8_t *data = address;
    sa_family_t family;

    if (len < sizeof(family))
        return arena_text(arena, "");
    memcpy(&family, data, sizeof(family));
    switch (family) {
    case AF_UNIX:
        return unix_text(data, len, arena);
    case AF_INET:
        return inet_text(data, len, arena);
    case AF_INET6:
        return inet6_text(data, len, arena);
    case AF_NETLINK:
        return netlink_text(data, len, arena);
    case AF_VSOCK:
        return vsock_text(data, len, arena);
    default:
        return arena_printf(arena, "family %u", family);
    }
}
