/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a process with the same ids may change the limits of another though that one is not
 * dumpable.
 * Source: prlimit(2)
 * crib: a task with init's ids could kill it by RLIMIT_CPU, so filters let prlimit64 name pid
 * 0 only, and as root init and task have different ids.
 */
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "apart.h"

struct child {
    int dumpable;
    int ready[2]; /* a byte: the flag is set */
    int leave[2]; /* the end: it may go */
};

static int run_child(void *arg)
{
    struct child *child = arg;
    char byte;

    close(child->leave[1]);
    CHECK(prctl(PR_SET_DUMPABLE, child->dumpable) == 0);
    CHECK(write(child->ready[1], "r", 1) == 1);
    return read(child->leave[0], &byte, 1) == 0 ? 0 : 1;
}

/* Starts a child and waits until its flag is set. */
static pid_t start_child(struct child *child, int dumpable)
{
    pid_t pid;
    char byte;

    child->dumpable = dumpable;
    if (pipe(child->ready) < 0 || pipe(child->leave) < 0)
        return -1;
    pid = apart_start(run_child, child);
    return read(child->ready[0], &byte, 1) == 1 ? pid : -1;
}

static int body(void *arg)
{
    struct rlimit low = {1000, 1000}, got = {0};
    struct child child;
    pid_t pid = start_child(&child, 0);

    (void)arg;
    CHECK(pid > 0);
    CHECK_FAILS(ptrace(PTRACE_SEIZE, pid, 0, 0), EPERM);
    CHECK(prlimit(pid, RLIMIT_CPU, &low, NULL) == 0);
    CHECK(prlimit(pid, RLIMIT_CPU, NULL, &got) == 0 && got.rlim_cur == 1000);
    close(child.leave[1]);
    return apart_end(pid);
}

static void test_the_flag_is_no_protection(void **state)
{
    (void)state;
    assert_int_equal(apart_ordinary(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_flag_is_no_protection),
    };

    return test_run(tests);
}
