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

/* Evidence of the groups beside that. */
struct counted {
    const char *name;
    bool reported;
    int wait_status;
    bool by_filter;
    enum crib_verdict cause;
    const char *because; /* limit of the cause */
    bool killed;
    int sent;
    uint64_t oom_kills;
    bool host; /* and not the own limit */
    uint64_t forks_denied;
    bool bounds_pids;
    uint64_t used_us, cpu_time_s;
    enum crib_verdict verdict;
    const char *limit;
};

#define OOM     .oom_kills = 1
#define FORK    .forks_denied = 3, .bounds_pids = true
#define REPORT  .reported = true, .wait_status = KILLED_BY(SIGKILL)
#define SECONDS 1000000

static const struct counted counts[] = {
    /* One piece of evidence alone. */
    {"lost its init to the kernel", OOM, .verdict = CRIB_MEMORY, .limit = "memory"},
    {"lost its init to a host without memory", OOM, .host = true, .verdict = CRIB_MEMORY,
     .limit = "host"},
    {"was killed for memory", REPORT, OOM, .verdict = CRIB_MEMORY, .limit = "memory"},
    {"lost a child to the kernel and exited", .reported = true, OOM, .verdict = CRIB_MEMORY,
     .limit = "memory"},
    {"was told of by the eventfd", .cause = CRIB_MEMORY, .because = "memory",
     .verdict = CRIB_MEMORY, .limit = "memory"},
    {"was told of by the eventfd, for an outer group", .cause = CRIB_MEMORY, .because = "memory",
     .host = true, .verdict = CRIB_MEMORY, .limit = "host"},
    {"was denied a fork", FORK, REPORT, .verdict = CRIB_PIDS, .limit = "pids"},
    {"was denied a fork and exited", FORK, .reported = true, .verdict = CRIB_PIDS, .limit = "pids"},
    {"was denied a fork by somebody else's limit", .forks_denied = 3, .reported = true,
     .verdict = CRIB_EXITED, .limit = ""},
    {"was out of processor time", .cause = CRIB_CPU_TIMEOUT, .because = "cpu_time",
     .verdict = CRIB_CPU_TIMEOUT, .limit = "cpu_time"},
    {"was stopped by its rlimit", .reported = true, .wait_status = KILLED_BY(SIGXCPU),
     .used_us = 2 * SECONDS, .cpu_time_s = 2, .verdict = CRIB_CPU_TIMEOUT, .limit = "cpu_time"},
    {"was killed by its rlimit", REPORT, .used_us = 3 * SECONDS, .cpu_time_s = 2,
     .verdict = CRIB_CPU_TIMEOUT, .limit = "cpu_time"},
    {"wrote too much", .cause = CRIB_OUTPUT, .because = "output_total", .verdict = CRIB_OUTPUT,
     .limit = "output_total"},
    {"wrote too much for its caller", REPORT, .cause = CRIB_OUTPUT, .because = "max_buffer",
     .verdict = CRIB_OUTPUT, .limit = "max_buffer"},
    {"ran too long", .cause = CRIB_WALL_TIMEOUT, .because = "wall_time",
     .verdict = CRIB_WALL_TIMEOUT, .limit = "wall_time"},

    /* What only looks like it. */
    {"exits with 137", .reported = true, .wait_status = EXITED(137), .verdict = CRIB_EXITED,
     .limit = ""},
    {"exits with 124 under a clock", .reported = true, .wait_status = EXITED(124), .cpu_time_s = 1,
     .verdict = CRIB_EXITED, .limit = ""},
    {"exits with 159", .reported = true, .wait_status = EXITED(159), .verdict = CRIB_EXITED,
     .limit = ""},
    {"raises SIGKILL", REPORT, .cpu_time_s = 1, .used_us = SECONDS / 2, .verdict = CRIB_SIGNALED,
     .limit = ""},
    {"raises SIGXCPU", .reported = true, .wait_status = KILLED_BY(SIGXCPU), .cpu_time_s = 1,
     .used_us = SECONDS - 1, .verdict = CRIB_SIGNALED, .limit = ""},
    {"raises SIGXCPU without a limit", .reported = true, .wait_status = KILLED_BY(SIGXCPU),
     .used_us = 9 * SECONDS, .verdict = CRIB_SIGNALED, .limit = ""},
    {"raises SIGSYS", .reported = true, .wait_status = KILLED_BY(SIGSYS), .verdict = CRIB_SIGNALED,
     .limit = ""},
    {"used all its time and exited", .reported = true, .wait_status = EXITED(0),
     .used_us = 2 * SECONDS, .cpu_time_s = 2, .verdict = CRIB_EXITED, .limit = ""},

    /* Races: one winner each. */
    {"met a kill rule and the memory limit", .by_filter = true, REPORT, OOM, .verdict = CRIB_FILTER,
     .limit = ""},
    {"met a kill rule when its time was up", .by_filter = true, REPORT, .cause = CRIB_CPU_TIMEOUT,
     .because = "cpu_time", .verdict = CRIB_FILTER, .limit = ""},
    {"met a kill rule, denied a fork", .by_filter = true, REPORT, FORK, .verdict = CRIB_FILTER,
     .limit = ""},
    {"was aborted, then out of memory", .cause = CRIB_KILLED, OOM, .verdict = CRIB_KILLED,
     .limit = ""},
    {"ran too long, then out of memory", .cause = CRIB_WALL_TIMEOUT, .because = "timeout", OOM,
     .verdict = CRIB_WALL_TIMEOUT, .limit = "timeout"},
    {"ran too long, then out of pids", .cause = CRIB_WALL_TIMEOUT, .because = "timeout", FORK,
     .verdict = CRIB_WALL_TIMEOUT, .limit = "timeout"},
    {"was out of pids, then of memory", .cause = CRIB_PIDS, .because = "pids", OOM, FORK,
     .verdict = CRIB_PIDS, .limit = "pids"},
    {"was out of memory and pids, both unseen", REPORT, OOM, FORK, .verdict = CRIB_MEMORY,
     .limit = "memory"},
    {"was out of pids and processor time", REPORT, FORK, .used_us = 3 * SECONDS, .cpu_time_s = 2,
     .verdict = CRIB_PIDS, .limit = "pids"},
    {"was killed by us while the kernel killed, too", .killed = true, OOM, .verdict = CRIB_KILLED,
     .limit = ""},
    {"had ended of memory before our kill", .killed = true, REPORT, OOM, .verdict = CRIB_MEMORY,
     .limit = "memory"},
    {"had run out of pids before our kill", .killed = true, REPORT, FORK, .verdict = CRIB_PIDS,
     .limit = "pids"},
    {"was killed by us when its rlimit was reached", .killed = true, .used_us = 3 * SECONDS,
     .cpu_time_s = 2, .verdict = CRIB_KILLED, .limit = ""},
    {"died of the caller's signal and lost a child to the kernel", .reported = true,
     .wait_status = KILLED_BY(SIGTERM), .sent = SIGTERM, OOM, .verdict = CRIB_MEMORY,
     .limit = "memory"},
    {"died of the caller's SIGXCPU in time", .reported = true, .wait_status = KILLED_BY(SIGXCPU),
     .sent = SIGXCPU, .cpu_time_s = 2, .used_us = SECONDS, .verdict = CRIB_KILLED, .limit = ""},
    {"died of the caller's SIGXCPU out of time", .reported = true,
     .wait_status = KILLED_BY(SIGXCPU), .sent = SIGXCPU, .cpu_time_s = 2, .used_us = 2 * SECONDS,
     .verdict = CRIB_CPU_TIMEOUT, .limit = "cpu_time"},
};

static void evidence_of_groups(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        const struct counted *row = &counts[i];
        Crib__Report__End end = CRIB__REPORT__END__INIT;
        struct groups_facts facts = {.has_cpu = true,
                                     .user_us = row->used_us / 2,
                                     .system_us = row->used_us - row->used_us / 2,
                                     .oom_kills = row->oom_kills,
                                     .own_memory = !row->host,
                                     .forks_denied = row->forks_denied};
        struct ending ending = {.report = row->reported ? &end : NULL,
                                .facts = &facts,
                                .cause = row->cause,
                                .limit = row->because,
                                .killed = row->killed,
                                .bounds_pids = row->bounds_pids,
                                .cpu_time_s = row->cpu_time_s,
                                .signals = row->sent ? 1ull << (row->sent - 1) : 0,
                                .init_status = row->reported ? 0 : KILLED_BY(SIGKILL)};
        struct crib_result result = {0};

        end.status = row->wait_status;
        end.killed_by_filter = row->by_filter;
        ending_verdict(&ending, &result);
        if (result.verdict != row->verdict || strcmp(result.limit, row->limit) != 0)
            fail_msg("a task that %s: verdict %d, limit '%s'", row->name, (int)result.verdict,
                     result.limit);
    }
}

/* Every combination of what can be known: there is always one verdict, and a stronger piece of
 * evidence is never beaten by a weaker one. */
static void every_combination(void **state)
{
    static const enum crib_verdict causes[] = {
        0, CRIB_WALL_TIMEOUT, CRIB_CPU_TIMEOUT, CRIB_MEMORY, CRIB_PIDS, CRIB_OUTPUT, CRIB_KILLED};
    static const int statuses[] = {EXITED(0),          EXITED(137),        KILLED_BY(SIGKILL),
                                   KILLED_BY(SIGXCPU), KILLED_BY(SIGTERM), KILLED_BY(SIGSYS)};

    (void)state;
    for (unsigned bits = 0; bits < 256; bits++)
        for (size_t c = 0; c < 7; c++)
            for (size_t s = 0; s < 6; s++) {
                Crib__Report__End end = CRIB__REPORT__END__INIT;
                struct groups_facts facts = {.oom_kills = bits >> 2 & 1,
                                             .own_memory = true,
                                             .forks_denied = bits >> 3 & 1,
                                             .has_cpu = true,
                                             .user_us = bits & 16 ? 5 * SECONDS : 0};
                struct ending ending = {.report = bits & 1 ? &end : NULL,
                                        .facts = bits & 128 ? NULL : &facts,
                                        .cause = causes[c],
                                        .killed = bits >> 1 & 1,
                                        .bounds_pids = bits & 32,
                                        .cpu_time_s = 5,
                                        .signals = 1ull << (SIGTERM - 1),
                                        .init_status = KILLED_BY(SIGKILL)};
                struct crib_result result = {0};

                end.status = statuses[s];
                end.killed_by_filter = bits >> 6 & 1;
                ending_verdict(&ending, &result);
                assert_in_range(result.verdict, CRIB_EXITED, CRIB_PIDS);
                assert_int_not_equal(result.verdict, CRIB_SETUP_FAILED);
                assert_non_null(result.limit);
                assert_non_null(result.call);
                assert_true((result.status >= 0) != (result.signal > 0));
                if (ending.report && end.killed_by_filter)
                    assert_int_equal(result.verdict, CRIB_FILTER);
                else if (ending.cause)
                    assert_int_equal(result.verdict, ending.cause);
                else if (!ending.report && ending.killed)
                    assert_int_equal(result.verdict, CRIB_KILLED);
                else if (ending.facts && facts.oom_kills)
                    assert_int_equal(result.verdict, CRIB_MEMORY);
                else if (result.verdict == CRIB_EXITED)
                    assert_true(result.status >= 0);
            }
}

static void the_call_of_a_kill_rule(void **state)
{
    Crib__Report__End end = CRIB__REPORT__END__INIT;
    struct ending ending = {.report = &end, .call = "ptrace"};
    struct crib_result result = {0};

    (void)state;
    end.killed_by_filter = true;
    ending_verdict(&ending, &result);
    assert_string_equal(result.call, "ptrace");
    end.killed_by_filter = false;
    ending_verdict(&ending, &result);
    assert_string_equal(result.call, "");
}

static void usage_is_the_groups_where_they_count(void **state)
{
    Crib__Usage usage = CRIB__USAGE__INIT;
    Crib__Report__End end = CRIB__REPORT__END__INIT;
    struct groups_facts facts = {.has_cpu = true, .user_us = 10, .system_us = 20, .peak_memory = 5};
    struct ending ending = {.report = &end, .facts = &facts};
    struct crib_result result = {0};
    char said[ENDING_USAGE];

    (void)state;
    usage.peak_memory = 4;
    usage.switches = 7;
    usage.preempted = 2;
    usage.written_bytes = 512;
    end.usage = &usage;
    ending_verdict(&ending, &result);
    assert_int_equal(result.user_us, 10);
    assert_int_equal(result.system_us, 20);
    assert_int_equal(result.peak_memory, 4); /* no memory controller */
    assert_int_equal(result.switches, 7);
    assert_int_equal(result.preempted, 2);
    assert_int_equal(result.written_bytes, 512);
    ending_usage(&facts, said);
    assert_string_equal(said, "by cgroups: times; of what was reaped: memory (largest process), "
                              "disks");
    facts.has_memory = facts.has_pids = facts.has_io = true;
    facts.peak_pids = 3;
    ending_verdict(&ending, &result);
    assert_int_equal(result.peak_memory, 5);
    assert_int_equal(result.peak_pids, 3);
    assert_int_equal(result.written_bytes, 0);
    ending_usage(&facts, said);
    assert_string_equal(said, "by cgroups: times, memory, pids, disks");
    ending_usage(NULL, said);
    test_contains(said, "not available");
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
    assert_int_equal(error_of((struct crib_result){CRIB_CPU_TIMEOUT, -1, 9}, false, "processor"),
                     -ETIMEDOUT);
    assert_int_equal(error_of((struct crib_result){CRIB_MEMORY, -1, 9}, false, "memory"), -ENOMEM);
    assert_int_equal(
        error_of((struct crib_result){.verdict = CRIB_MEMORY, .limit = "host"}, false, "the host"),
        -ENOMEM);
    assert_int_equal(error_of((struct crib_result){CRIB_PIDS, -1, 9}, false, "pids"), -EAGAIN);
    assert_int_equal(error_of((struct crib_result){.verdict = CRIB_OUTPUT, .limit = "output_total"},
                              false, "limits.output_total"),
                     -ENOBUFS);
    assert_int_equal(error_of(failed, false, "/none"), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(evidence_of_groups),
        cmocka_unit_test(every_combination),
        cmocka_unit_test(the_call_of_a_kill_rule),
        cmocka_unit_test(usage_is_inits_where_it_reported),
        cmocka_unit_test(usage_is_the_groups_where_they_count),
        cmocka_unit_test(errors_of_exec),
    };

    return test_run(tests);
}
