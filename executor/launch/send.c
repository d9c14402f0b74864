/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "wire/packet.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* Where executable memory files are forbidden, one has to be marked; older kernels know no mark. */
static int new_memfd(void)
{
    int fd = memfd_create("crib-plan", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

    return fd >= 0 ? fd : memfd_create("crib-plan", MFD_CLOEXEC);
}

static int make_memfd(const uint8_t *data, size_t len)
{
    int fd = new_memfd(), r;

    if (fd < 0)
        return -errno;
    r = fd_write_within(fd, data, len);
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

/* One packet as it is filled. */
struct packet {
    uint8_t *data;
    size_t len;
    int fds[PACKET_MAX_FDS];
    size_t nfds;
    int file, self; /* -1: none */
};

static const struct stumble packing = {"plan", -1, NULL, "pack",
                                       "memfd_create (Linux 3.17)"};
static const struct stumble watching = {"plan", -1, NULL, "a pidfd of this process",
                                        "pidfd_open (Linux 5.3)"};
static const struct stumble sending_it = {"plan", -1, NULL, "send to crib-init", "sendmsg"};

/* In the packet itself, or in a memfd: its arguments may be larger than a packet. */
static int put_plan(struct packet *packet, const Crib__Plan *half)
{
    size_t len = crib__plan__get_packed_size(half);

    packet->data = malloc(len + 1);
    if (!packet->data)
        return -ENOMEM;
    packet->data[0] = 'P';
    packet->len = 1 + crib__plan__pack(half, packet->data + 1);
    if (packet->len <= PACKET_MAX_BYTES)
        return 0;
    packet->file = make_memfd(packet->data + 1, len);
    if (packet->file < 0)
        return packet->file;
    packet->data[0] = 'M';
    packet->len = 1;
    packet->fds[packet->nfds++] = packet->file;
    return 0;
}

static int put_self(struct packet *packet)
{
    packet->self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (packet->self < 0)
        return -errno;
    packet->fds[packet->nfds++] = packet->self;
    return 0;
}

static void put(struct packet *packet, const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        packet->fds[packet->nfds++] = fds[i];
}

static int fill(struct packet *packet, const struct sending *what, struct crib_error *err)
{
    const Crib__Plan *half = what->half;
    size_t stdio = what->stdio
                       ? half->program->n_stdio + (half->files ? half->files->n_in : 0)
                       : 0;
    int r = put_plan(packet, half);

    if (r < 0)
        return launch_fail(err, r, &packing);
    if (3 + stdio + what->trees->count > PACKET_MAX_FDS)
        return fail_text(err, -EMFILE, "plan", -1, NULL,
                         "more than %d descriptors and binds together", PACKET_MAX_FDS - 3);
    if (what->first && (r = put_self(packet)) < 0)
        return launch_fail(err, r, &watching);
    put(packet, what->stdio, stdio);
    put(packet, what->trees->fd, what->trees->count);
    /* Behind the trees goes the lock of the id, which init keeps without looking at it. */
    put(packet, &what->own, what->own > 0);
    return 0;
}

int send_half(int control, const struct sending *what, struct crib_error *err)
{
    struct packet packet = {.file = -1, .self = -1};
    int r = fill(&packet, what, err);

    if (r == 0) {
        r = packet_send(control, packet.data, packet.len, packet.fds, packet.nfds);
        if (r < 0)
            r = launch_fail(err, r, &sending_it);
    }
    free(packet.data);
    fd_close(&packet.file);
    fd_close(&packet.self);
    return r;
}
