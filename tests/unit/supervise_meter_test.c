/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/meter.h"
#include "supervise/sample.h"

#define MS 1000ull

/* A task that uses all processors from the start is caught within the least wait of its limit, and
 * after a number of looks that grows with the limit's logarithm only. */
static void looks_come_closer(void **state)
{
    static const unsigned processors[] = {1, 2, 8};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        uint64_t used = 0, before = 0, limit = 10000 * MS, last = 0;
        unsigned looks = 0;

        while (used < limit) {
            last = meter_wait(used, before, limit, last, processors[i]);
            assert_true(last >= METER_LEAST_MS);
            before = used;
            used += last * MS * processors[i];
            looks++;
        }
        assert_true(used - limit <= METER_LEAST_MS * MS * processors[i]);
        assert_true(looks <= 80);
    }
}

/* One that uses one of two is not caught too late either. */
static void half_of_what_it_could(void **state)
{
    uint64_t used = 0, before = 0, limit = 1000 * MS, last = 0;
    unsigned looks = 0;

    (void)state;
    while (used < limit) {
        last = meter_wait(used, before, limit, last, 2);
        before = used;
        used += last * MS;
        looks++;
    }
    assert_true(used - limit <= METER_LEAST_MS * MS);
    assert_true(looks <= 20);
}

/* One that sleeps just below its limit is asked less often. */
static void no_busy_polling(void **state)
{
    uint64_t used = 999 * MS, limit = 1000 * MS, last = 0;

    (void)state;
    for (int i = 0; i < 5; i++)
        last = meter_wait(used, used, limit, last, 1);
    assert_int_equal(last, METER_IDLE_MS);
    assert_int_equal(meter_wait(used + 1, used, limit, last, 1), METER_LEAST_MS);
}

static void names_may_hold_anything(void **state)
{
    struct sample_stat stat;

    (void)state;
    assert_int_equal(
        sample_read_stat("7 (a) S 99 (b) R 5 7 7 0 -1 4194304 9 8 7 6 100 20 3 4 20 0 1 0 55 "
                         "1000 42 184 1 1 0",
                         &stat),
        0);
    assert_int_equal(stat.pid, 7);
    assert_int_equal(stat.parent, 5);
    assert_int_equal(stat.ticks, 127);
    assert_int_equal(stat.pages, 42);
    assert_int_equal(sample_read_stat("", &stat), -EINVAL);
    assert_int_equal(sample_read_stat("7 (a", &stat), -EINVAL);
    assert_int_equal(sample_read_stat("7 (a) S", &stat), -EINVAL);
}

#define TOUCHED (16u << 20)

/* A process with a child of its own, both with memory; told when they have it. */
static pid_t start_tree(int ready)
{
    pid_t pid = fork();

    if (pid == 0) {
        pid_t below = fork();
        char *memory =
            mmap(NULL, TOUCHED, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (below == 0)
            prctl(PR_SET_PDEATHSIG, SIGKILL);
        memset(memory, 1, TOUCHED);
        if (write(ready, "x", 1) != 1)
            _exit(1);
        while (below >= 0)
            pause();
    }
    return pid;
}

static void a_tree_is_added_up(void **state)
{
    struct sample sample;
    int ends[2];
    char both[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid = start_tree(ends[1]);
    for (size_t got = 0; got < 2;)
        got += (size_t)read(ends[0], both, 2 - got);
    assert_int_equal(sample_tree(pid, &sample), 0);
    assert_int_equal(sample.processes, 2);
    assert_in_range(sample.memory, 2 * TOUCHED, 8 * TOUCHED);
    assert_int_equal(sample_tree(getpid(), &sample), 0);
    assert_true(sample.processes >= 3);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_int_equal(sample_tree(pid, &sample), -ESRCH);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks_come_closer),  cmocka_unit_test(half_of_what_it_could),
        cmocka_unit_test(no_busy_polling),    cmocka_unit_test(names_may_hold_anything),
        cmocka_unit_test(a_tree_is_added_up),
    };

    return test_run(tests);
}
