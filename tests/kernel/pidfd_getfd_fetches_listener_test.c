/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: an ordinary parent can take a copy of its child's listener by pidfd_getfd and serve
 * it.
 * Source: pidfd_getfd(2), seccomp_unotify(2)
 * crib: another way to the listener, should the shared fd table ever not do.
 */
#include "apart.h"
#include "filter.h"

struct child {
    int told[2]; /* the number of the child's listener */
};

static int be_filtered(void *arg)
{
    struct child *child = arg;
    int listener = filter_listen(SYS_getppid);

    CHECK(listener >= 0);
    CHECK(write(child->told[1], &listener, sizeof(listener)) == sizeof(listener));
    CHECK_FAILS(syscall(SYS_getppid), EXDEV);
    return 0;
}

static int body(void *arg)
{
    struct child child;
    int theirs = -1, pidfd, listener;
    pid_t pid;

    (void)arg;
    CHECK(pipe(child.told) == 0);
    pid = apart_start(be_filtered, &child);
    CHECK(read(child.told[0], &theirs, sizeof(theirs)) == sizeof(theirs));
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    listener = (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
    CHECK(listener >= 0);
    CHECK(filter_answer(listener, EXDEV) == SYS_getppid);
    return apart_end(pid);
}

static void test_without_privilege(void **state)
{
    (void)state;
    assert_int_equal(apart_ordinary(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_privilege),
    };

    return test_run(tests);
}
