/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/packet.h"

#include <stdint.h>

#include "base/auto.h"
#include "wire/rights.h"

_Static_assert(PACKET_MAX_FDS == RIGHTS_MAX, "a packet carries what the kernel lets it");

int packet_send(int sock, const void *data, size_t len, const int *fds, size_t nfds)
{
    long n;

    /* An empty packet could not be told from the end. */
    if (len == 0)
        return -EINVAL;
    n = rights_send(sock, data, len, fds, nfds);
    if (n < 0)
        return (int)n;
    return (size_t)n == len ? 0 : -EMSGSIZE;
}

int packet_send_message(int sock, const ProtobufCMessage *msg)
{
    size_t len = protobuf_c_message_get_packed_size(msg);
    AUTO_FREE uint8_t *data = NULL;

    if (len > PACKET_MAX_BYTES)
        return -EMSGSIZE;
    data = malloc(len ? len : 1);
    if (!data)
        return -ENOMEM;
    protobuf_c_message_pack(msg, data);
    return packet_send(sock, data, len, NULL, 0);
}

/* What is wrong with a received packet, if anything. */
static int check(long n, int flags, size_t count, size_t room)
{
    if (flags & MSG_TRUNC)
        return -EMSGSIZE;
    if (flags & MSG_CTRUNC || count > room)
        return -EMFILE;
    return n == 0 && count > 0 ? -EPROTO : 0;
}

long packet_receive(int sock, void *data, size_t size, int *fds, size_t *nfds)
{
    int got[RIGHTS_MAX], flags, r;
    size_t count;
    long n = rights_receive(sock, data, size, got, &count, &flags);

    if (n < 0)
        return n;
    r = check(n, flags, count, *nfds);
    if (r < 0) {
        rights_close(got, count);
        return r;
    }
    if (count)
        memcpy(fds, got, count * sizeof(int));
    *nfds = count;
    return n;
}
