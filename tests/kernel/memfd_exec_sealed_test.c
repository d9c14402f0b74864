/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claim: a program runs from a sealed memfd by its fd alone, and neither it nor anyone else
 * can write to the memfd: not through the fd, not through /proc/self/exe, not by lifting the
 * seals.
 * Source: memfd_create(2), fcntl(2) F_ADD_SEALS, execveat(2)
 * crib: crib-init runs from such a memfd: nothing to find on disk, and nothing that a task
 * could overwrite.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "apart.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10u
#endif
#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

/* Return: a sealed copy of this program; -1. */
static int sealed_copy(void)
{
    int program = own_program(), copy;
    struct stat st;

    copy = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
    if (copy < 0 && errno == EINVAL)
        copy = memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (program < 0 || copy < 0 || fstat(program, &st) < 0)
        return -1;
    for (off_t at = 0; at < st.st_size;)
        if (sendfile(copy, program, &at, (size_t)(st.st_size - at)) <= 0)
            return -1;
    return fcntl(copy, F_ADD_SEALS, SEALS) == 0 ? copy : -1;
}

static int stage(void)
{
    int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    CHECK(self >= 0);
    CHECK(fcntl(self, F_GET_SEALS) == SEALS);
    CHECK_FAILS(open("/proc/self/exe", O_RDWR | O_CLOEXEC), ETXTBSY);
    return 0;
}

static int execute(void *arg)
{
    exec_stage(*(int *)arg, "sealed");
    return 100;
}

static int body(void *arg)
{
    int copy = sealed_copy(), other;
    char path[64];

    (void)arg;
    CHECK(copy >= 0);
    CHECK(apart(execute, &copy) == 0);
    CHECK_FAILS(pwrite(copy, "x", 1, 0), EPERM);
    CHECK_FAILS(ftruncate(copy, 0), EPERM);
    CHECK_FAILS(fcntl(copy, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), EPERM);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", copy);
    other = open(path, O_RDWR | O_CLOEXEC);
    CHECK(other < 0 || (pwrite(other, "x", 1, 0) == -1 && errno == EPERM));
    return 0;
}

static void test_it_runs_and_stays_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(apart_both(body, NULL), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_runs_and_stays_as_it_is),
    };

    (void)argv;
    if (argc > 1)
        _exit(stage());
    return test_run(tests);
}
