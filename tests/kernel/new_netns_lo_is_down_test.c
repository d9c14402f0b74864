/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: in a new network namespace `lo` exists, and is down: 127.0.0.1 is not reachable until
 * it is brought up.
 * Source: network_namespaces(7), netdevice(7)
 * crib: init brings it up, unless the policy says otherwise.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "apart.h"

static int try_connect(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0 ? errno : 0;

    close(sock);
    return r;
}

static int body(void *arg)
{
    struct ifreq lo = {.ifr_name = "lo"};
    int sock;

    (void)arg;
    CHECK(enter_new(CLONE_NEWNET) == 0);
    sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    CHECK(sock >= 0);
    CHECK(ioctl(sock, SIOCGIFFLAGS, &lo) == 0);
    CHECK(!(lo.ifr_flags & IFF_UP));
    CHECK(try_connect() == ENETUNREACH);
    lo.ifr_flags |= IFF_UP;
    CHECK(ioctl(sock, SIOCSIFFLAGS, &lo) == 0);
    CHECK(try_connect() == ECONNREFUSED);
    return 0;
}

static void test_it_has_to_be_brought_up(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_has_to_be_brought_up),
    };

    return test_run(tests);
}
