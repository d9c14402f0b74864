/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: when the caller is killed between the notification and its receipt, receiving fails
 * with ENOENT; answering one that was received fails with ENOENT too.
 * Source: seccomp_unotify(2)
 * crib: init takes ENOENT for what it is, a caller that is gone, and goes on serving.
 */
#include <poll.h>

#include "apart.h"
#include "filter.h"

static int call(void *arg)
{
    (void)arg;
    syscall(SYS_getppid);
    return 0;
}

/* Two children call: one is killed before its notification is received, one after. */
static int body(void *arg)
{
    struct pollfd listener = {.events = POLLIN};
    struct seccomp_notif request = {0};
    struct seccomp_notif_resp response = {0};
    pid_t pid;

    (void)arg;
    listener.fd = filter_listen(SYS_getppid);
    CHECK(listener.fd >= 0);
    pid = apart_start(call, NULL);
    CHECK(poll(&listener, 1, 5000) == 1);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    CHECK_FAILS(ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_RECV, &request), ENOENT);

    pid = apart_start(call, NULL);
    CHECK(ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_RECV, &request) == 0);
    CHECK(request.pid == (unsigned)pid);
    CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    response.id = request.id;
    CHECK_FAILS(ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &request.id), ENOENT);
    CHECK_FAILS(ioctl(listener.fd, SECCOMP_IOCTL_NOTIF_SEND, &response), ENOENT);
    return 0;
}

static void test_the_caller_is_gone(void **state)
{
    (void)state;
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_caller_is_gone),
    };

    return test_run(tests);
}
