/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/fd.h"

/* A new network namespace has lo, but down. */
int raise_loopback(struct init *init)
{
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int sock, r = 0;

    if (!init->plan->net || !init->plan->net->loopback || init->plan->net->raised)
        return 0;
    sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return failed(init, STEP_loopback, -errno, -1);
    if (ioctl(sock, SIOCSIFFLAGS, &lo) < 0)
        r = failed(init, STEP_loopback, -errno, -1);
    fd_close(&sock);
    return r;
}
