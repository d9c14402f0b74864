/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: an ordinary parent cannot write the id maps of a child that is not dumpable.
 * Source: user_namespaces(7), proc(5) on the owner of /proc/PID
 * crib: the order is exec, maps, and only then is init made non-dumpable for the rest of its
 * life.
 */
#include "apart.h"

struct child {
    int dumpable;
    int ready[2]; /* a byte: in the namespace */
    int leave[2]; /* the end: it may go */
};

static int run_child(void *arg)
{
    struct child *child = arg;
    char byte;

    close(child->leave[1]);
    CHECK(unshare(CLONE_NEWUSER) == 0);
    CHECK(prctl(PR_SET_DUMPABLE, child->dumpable) == 0);
    CHECK(write(child->ready[1], "r", 1) == 1);
    return read(child->leave[0], &byte, 1) == 0 ? 0 : 1;
}

/* Return: errno of the attempt to map the child's ids; 0; -1 nothing was attempted. */
static int attempt(int dumpable)
{
    struct child child = {.dumpable = dumpable};
    char number[16], byte;
    int code = -1;
    pid_t pid;

    if (pipe(child.ready) < 0 || pipe(child.leave) < 0)
        return -1;
    pid = apart_start(run_child, &child);
    if (read(child.ready[0], &byte, 1) == 1) {
        snprintf(number, sizeof(number), "%d", (int)pid);
        code = map_ids(number, geteuid(), getegid()) < 0 ? errno : 0;
    }
    close(child.leave[1]);
    return apart_end(pid) == 0 ? code : -1;
}

static int body(void *arg)
{
    (void)arg;
    CHECK(attempt(1) == 0);
    CHECK(attempt(0) == EACCES);
    return 0;
}

static void test_the_maps_come_before_the_flag(void **state)
{
    (void)state;
    need_user_namespaces();
    assert_int_equal(apart_ordinary(body, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_maps_come_before_the_flag),
    };

    return test_run(tests);
}
