/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/parts.h"

#include <errno.h>
#include <string.h>
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

/* The plan in a memfd: its arguments may be larger than a packet. */
static int pack_plan(const Crib__Plan *plan)
{
    size_t len = crib__plan__get_packed_size(plan);
    AUTO_FREE uint8_t *data = malloc(len + 1);
    int fd, r;

    if (!data)
        return -ENOMEM;
    crib__plan__pack(plan, data);
    fd = new_memfd();
    if (fd < 0)
        return -errno;
    r = fd_write_within(fd, data, len);
    if (r < 0)
        fd_close(&fd);
    return r < 0 ? r : fd;
}

static const struct stumble packing = {"plan", -1, NULL, "pack",
                                       "memfd_create (Linux 3.17)"};
static const struct stumble watching = {"plan", -1, NULL, "a pidfd of this process",
                                        "pidfd_open (Linux 5.3)"};
static const struct stumble sending = {"plan", -1, NULL, "send to crib-init", "sendmsg"};

int send_plan(const Crib__Plan *plan, int control, const int *stdio, const int *trees,
              size_t tree_count, struct crib_error *err)
{
    size_t stdio_count = plan->program->n_stdio + (plan->files ? plan->files->n_in : 0), count = 0;
    AUTO_FD int packed = pack_plan(plan), self = -1;
    int fds[PACKET_MAX_FDS], r;

    if (packed < 0)
        return launch_fail(err, packed, &packing);
    if (2 + stdio_count + tree_count > PACKET_MAX_FDS)
        return fail_text(err, -EMFILE, "plan", -1, NULL,
                         "more than %d descriptors and binds together", PACKET_MAX_FDS - 2);
    self = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self < 0)
        return launch_fail(err, -errno, &watching);
    fds[count++] = packed;
    fds[count++] = self;
    for (size_t i = 0; i < stdio_count; i++)
        fds[count++] = stdio[i];
    for (size_t i = 0; i < tree_count; i++)
        fds[count++] = trees[i];
    r = packet_send(control, "P", 1, fds, count);
    return r < 0 ? launch_fail(err, r, &sending) : 0;
}
