/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "supervise/ending.h"

#define EXITED(status)  ((status) << 8)
#define KILLED_BY(sign) (sign)

/* What is known, and what must be made of it. */
struct row {
    const char *name;
    bool reported;
    int wait_status;
    bool by_filter;
    enum crib_verdict cause;
    bool killed;
    int sent;
    enum crib_verdict verdict;
    int status, signal;
};

static const struct row rows[] = {
    {"exits", true, EXITED(0), 0, 0, 0, 0, CRIB_EXITED, 0, 0},
    {"exits with a status", true, EXITED(7), 0, 0, 0, 0, CRIB_EXITED, 7, 0},
    {"crashes", true, KILLED_BY(SIGSEGV), 0, 0, 0, 0, CRIB_SIGNALED, -1, SIGSEGV},
    {"crashes with a core", true, KILLED_BY(SIGSEGV) | 0x80, 0, 0, 0, 0, CRIB_SIGNALED, -1,
     SIGSEGV},
    {"dies of the caller's SIGTERM", true, KILLED_BY(SIGTERM), 0, 0, 0, SIGTERM, CRIB_KILLED, -1,
     SIGTERM},
    {"takes the caller's SIGTERM and exits", true, EXITED(3), 0, 0, 0, SIGTERM, CRIB_EXITED, 3, 0},
    {"dies of another signal than was sent", true, KILLED_BY(SIGSEGV), 0, 0, 0, SIGTERM,
     CRIB_SIGNALED, -1, SIGSEGV},
    {"dies of the last real-time signal", true, KILLED_BY(64), 0, 0, 0, 64, CRIB_KILLED, -1, 64},
    {"runs too long, dies of SIGTERM", true, KILLED_BY(SIGTERM), 0, CRIB_WALL_TIMEOUT, 0, 0,
     CRIB_WALL_TIMEOUT, -1, SIGTERM},
    {"runs too long, takes the signal and exits", true, EXITED(0), 0, CRIB_WALL_TIMEOUT, 0, 0,
     CRIB_WALL_TIMEOUT, 0, 0},
    {"runs too long, init was killed", false, KILLED_BY(SIGKILL), 0, CRIB_WALL_TIMEOUT, 0, 0,
     CRIB_WALL_TIMEOUT, -1, SIGKILL},
    {"is killed at once", false, KILLED_BY(SIGKILL), 0, 0, true, 0, CRIB_KILLED, -1, SIGKILL},
    {"had ended before the SIGKILL", true, EXITED(0), 0, 0, true, 0, CRIB_EXITED, 0, 0},
    {"loses its init to somebody else", false, KILLED_BY(SIGKILL), 0, 0, 0, 0, CRIB_SIGNALED, -1,
     SIGKILL},
    {"loses its init, status stolen", false, 0, 0, 0, 0, 0, CRIB_SIGNALED, -1, SIGKILL},
    {"makes a call that kills", true, KILLED_BY(SIGKILL), true, 0, 0, 0, CRIB_FILTER, -1, SIGKILL},
    {"makes a call that kills, too late besides", true, KILLED_BY(SIGKILL), true, CRIB_WALL_TIMEOUT,
     0, 0, CRIB_FILTER, -1, SIGKILL},
    {"writes too much", true, KILLED_BY(SIGTERM), 0, CRIB_OUTPUT, 0, 0, CRIB_OUTPUT, -1, SIGTERM},
};

static void verdicts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        Crib__Report__End end = CRIB__REPORT__END__INIT;
        struct ending ending = {.report = row->reported ? &end : NULL,
                                .cause = row->cause,
                                .killed = row->killed,
                                .signals = row->sent ? 1ull << (row->sent - 1) : 0,
                                .init_status = row->reported ? 0 : row->wait_status};
        struct crib_result result = {0};

        end.status = row->wait_status;
        end.killed_by_filter = row->by_filter;
        ending_verdict(&ending, &result);
        if (result.verdict != row->verdict || result.status != row->status ||
            result.signal != row->signal)
            fail_msg("a task that %s: verdict %d, status %d, signal %d", row->name,
                     (int)result.verdict, result.status, result.signal);
    }
}

static void usage_is_inits_where_it_reported(void **state)
{
    Crib__Usage usage = CRIB__USAGE__INIT;
    Crib__Report__End end = CRIB__REPORT__END__INIT;
    struct ending ending = {.report = &end, .wall_us = 99};
    struct crib_result result = {0};

    (void)state;
    usage.user_time = 1;
    usage.system_time = 2;
    usage.wall_time = 3;
    usage.peak_memory = 4;
    end.usage = &usage;
    ending_verdict(&ending, &result);
    assert_int_equal(result.user_us, 1);
    assert_int_equal(result.system_us, 2);
    assert_int_equal(result.wall_us, 3);
    assert_int_equal(result.peak_memory, 4);
    ending.report = NULL;
    ending_verdict(&ending, &result);
    assert_int_equal(result.wall_us, 99);
}

static int error_of(struct crib_result result, bool aborted, const char *part)
{
    struct crib_error error;
    char text[512];

    if (!ending_error(&result, aborted, 100, &error))
        return 0;
    test_contains(crib_error_text(&error, text, sizeof(text)), part);
    return error.code;
}

static void errors_of_exec(void **state)
{
    struct crib_result failed = {.verdict = CRIB_SETUP_FAILED, .status = -1};

    (void)state;
    failed.error.code = -ENOENT;
    snprintf(failed.error.subject, sizeof(failed.error.subject), "/none");
    assert_int_equal(error_of((struct crib_result){CRIB_EXITED, 0}, false, ""), 0);
    assert_int_equal(error_of((struct crib_result){CRIB_EXITED, 2}, false, "status 2"), -ECHILD);
    assert_int_equal(error_of((struct crib_result){CRIB_SIGNALED, -1, 11}, false, "SIGSEGV"),
                     -ECHILD);
    assert_int_equal(error_of((struct crib_result){CRIB_SIGNALED, -1, 40}, false, "signal 40"),
                     -ECHILD);
    assert_int_equal(error_of((struct crib_result){CRIB_KILLED, -1, 15}, true, "aborted"),
                     -ECANCELED);
    assert_int_equal(error_of((struct crib_result){CRIB_WALL_TIMEOUT, 0, 0}, false, "longer"),
                     -ETIMEDOUT);
    assert_int_equal(error_of((struct crib_result){CRIB_OUTPUT, 0, 0}, false, "100 bytes"),
                     -ENOBUFS);
    assert_int_equal(error_of(failed, false, "/none"), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(usage_is_inits_where_it_reported),
        cmocka_unit_test(errors_of_exec),
    };

    return test_run(tests);
}
