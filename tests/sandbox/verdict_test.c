/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ended a task: every verdict forced many times, many tasks at once, with programs between
 * them that only look like it.
 */
#include "sandbox/live.h"

#include <errno.h>
#include <signal.h>

#define AT_ONCE 16
/* Under a daemon and under sanitizers fewer: what decides is the same code. */
#define TIMES         100
#define FEWER_TIMES   20
#define SAMPLED_TIMES 10
#define PATIENCE_US   170000000ull

enum who { BY_ITSELF, BY_KILL, BY_ABORT };

/* One way to end, and what must be said of it. */
struct way {
    const char *name;
    const char *limits; /* of the policy; NULL: none */
    const char *verbs;
    unsigned timeout_ms;
    enum who ended;
    enum crib_verdict verdict;
    int status, signal; /* -2: any */
    const char *limit, *call;
    const char *cwd;
    unsigned times;
    bool sampled; /* without cgroups it is preferred, and sampling does it */
};

#define ANY (-2)

static const struct way ways[] = {
    {"exited", NULL, "exit 3", .verdict = CRIB_EXITED, .status = 3},
    {"signaled", NULL, "raise 15", .verdict = CRIB_SIGNALED, .status = -1, .signal = SIGTERM},
    {"wall_timeout", NULL, "sleep 60000", .timeout_ms = 30, .verdict = CRIB_WALL_TIMEOUT,
     .status = -1, .signal = SIGTERM, .limit = "timeout"},
    {"wall_timeout by policy", "wall_time: 30ms", "sleep 60000", .verdict = CRIB_WALL_TIMEOUT,
     .status = -1, .signal = SIGTERM, .limit = "wall_time"},
    {"cpu_timeout", "cpu_time: 40ms", "busy 60000", .verdict = CRIB_CPU_TIMEOUT, .status = -1,
     .signal = SIGKILL, .limit = "cpu_time", .sampled = true},
    {"memory", "memory: 32M", "hog 256 , sleep 60000", .verdict = CRIB_MEMORY, .status = ANY,
     .signal = ANY, .limit = "memory", .sampled = true},
    {"memory, in a child", "memory: 32M", "forked hog 256 , sleep 60000", .verdict = CRIB_MEMORY,
     .status = ANY, .signal = ANY, .limit = "memory"},
    {"pids", "pids: 12", "forkbomb 100 , sleep 60000", .verdict = CRIB_PIDS, .status = ANY,
     .signal = ANY, .limit = "pids"},
    {"pids, and exits at once", "pids: 12", "forkbomb 100", .verdict = CRIB_PIDS, .status = ANY,
     .signal = ANY, .limit = "pids"},
    {"output", "output: 1000", "spam 1 100000 , sleep 60000", .verdict = CRIB_OUTPUT, .status = ANY,
     .signal = ANY, .limit = "output"},
    {"output, and exits at once", "output: 1000", "spam 1 1001", .verdict = CRIB_OUTPUT,
     .status = ANY, .signal = ANY, .limit = "output"},
    {"output in all", "output: 1000, output_total: 1500", "spam 1 900 , spam 2 601 , sleep 60000",
     .verdict = CRIB_OUTPUT, .status = ANY, .signal = ANY, .limit = "output_total"},
    {"filter", NULL, "syscall 101 0 0 0 0 , sleep 60000", .verdict = CRIB_FILTER, .status = ANY,
     .signal = ANY, .call = "ptrace"},
    {"setup_failed", NULL, "exit 0", .verdict = CRIB_SETUP_FAILED, .status = -1, .cwd = "/none"},
    {"killed", NULL, "sleep 60000", .ended = BY_KILL, .verdict = CRIB_KILLED, .status = -1,
     .signal = SIGKILL},
    {"killed, by an abort", NULL, "sleep 60000", .ended = BY_ABORT, .verdict = CRIB_KILLED,
     .status = -1, .signal = SIGTERM},

    /* These only look like it. */
    {"exits with 137", "memory: 64M, pids: 12, cpu_time: 10s", "exit 137", .verdict = CRIB_EXITED,
     .status = 137, .times = 20},
    {"exits with 124", "cpu_time: 10s, wall_time: 100s", "exit 124", .verdict = CRIB_EXITED,
     .status = 124, .times = 20},
    {"exits with 159", NULL, "exit 159", .verdict = CRIB_EXITED, .status = 159, .times = 20},
    {"raises SIGSYS", NULL, "raise 31", .verdict = CRIB_SIGNALED, .status = -1, .signal = SIGSYS,
     .times = 20},
    {"raises SIGKILL", "memory: 64M, pids: 12, cpu_time: 10s", "raise 9", .verdict = CRIB_SIGNALED,
     .status = -1, .signal = SIGKILL, .times = 20},
    {"raises SIGXCPU", "cpu_time: 10s", "raise 24", .verdict = CRIB_SIGNALED, .status = -1,
     .signal = SIGXCPU, .times = 20},
    {"takes nearly all of its memory", "memory: 64M", "hog 40 , exit 0", .verdict = CRIB_EXITED,
     .status = 0, .times = 20},
    {"makes nearly all of its processes", "pids: 12", "forkbomb 11 , exit 0",
     .verdict = CRIB_EXITED, .status = 0, .times = 20},
    {"writes all that it may", "output: 1000, output_total: 1500", "spam 1 1000 , spam 2 500",
     .verdict = CRIB_EXITED, .status = 0, .times = 20},
};

#define WAYS (sizeof(ways) / sizeof(ways[0]))

struct crowd;

struct one {
    struct crowd *crowd;
    const struct way *way;
    struct live_task task;
    uint64_t bytes; /* that came from its fds */
};

struct crowd {
    struct live live;
    struct one ones[AT_ONCE];
    crib_policy *policies[WAYS];
    bool held[WAYS];    /* its limits can be held here */
    bool sampled[WAYS]; /* without cgroups: as far as can be seen from outside */
    unsigned started[WAYS];
    size_t next;
    unsigned running, wrong;
    uint64_t until;
};

static crib_policy *make_policy(const struct way *way, const char *preferred)
{
    struct crib_error err;
    crib_policy *policy;
    char text[512], why[1024];

    snprintf(text, sizeof(text), "extends: [default]\nsyscalls: {kill: [ptrace]}\nlimits: {%s%s}\n",
             way->limits ? way->limits : "", preferred);
    if (crib_policy_parse("verdict.yaml", text, strlen(text), &policy, &err) < 0)
        fail_msg("%s: %s", text, crib_error_text(&err, why, sizeof(why)));
    return policy;
}

static unsigned wanted(const struct crowd *crowd, size_t i)
{
    if (!crowd->held[i])
        return 0;
    if (crowd->sampled[i])
        return SAMPLED_TIMES;
    if (ways[i].times)
        return ways[i].times;
#if defined(__SANITIZE_ADDRESS__)
    return FEWER_TIMES;
#else
    return sandbox_address() ? FEWER_TIMES : TIMES;
#endif
}

static const char *said(const char *text)
{
    return text ? text : "";
}

static void check(struct one *one)
{
    const struct crib_result *result = &one->task.result;
    const struct way *way = one->way;
    char text[512];
    bool right = result->verdict == way->verdict && strcmp(result->limit, said(way->limit)) == 0 &&
                 strcmp(result->call, said(way->call)) == 0 &&
                 (way->status == ANY || result->status == way->status) &&
                 (way->signal == ANY || result->signal == way->signal);

    if (right || one->crowd->wrong++ >= 10)
        return;
    crib_error_text(&result->error, text, sizeof(text));
    print_error("%s: verdict %d, status %d, signal %d, limit '%s', call '%s', error '%s'; %s\n",
                way->name, (int)result->verdict, result->status, result->signal, result->limit,
                result->call, text, one->task.log);
}

static void start_more(struct crowd *crowd);

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct one *one = data;
    struct crowd *crowd = one->crowd;

    (void)task;
    one->task.result = *result;
    check(one);
    one->way = NULL;
    crowd->running--;
    start_more(crowd);
}

static void on_spawn(crib_task *task, void *data)
{
    const struct one *one = data;

    if (one->way->ended == BY_KILL)
        crib_task_kill(task, SIGKILL);
    else if (one->way->ended == BY_ABORT)
        crib_task_abort(task);
}

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct one *one = user;

    (void)stream;
    one->bytes += data ? (uint64_t)len : 0;
}

static void set_up(struct one *one, size_t i)
{
    live_task(&one->task);
    one->bytes = 0;
    one->way = &ways[i];
    one->task.options.policy_message = one->crowd->policies[i];
    one->task.options.timeout_ms = one->way->timeout_ms;
    one->task.options.cwd = one->way->cwd;
    one->task.options.data = one;
    one->task.options.on = (struct crib_events){.spawn = on_spawn, .close = on_close};
}

/* Splits the verbs. Return: what crib_spawn() says. */
static int spawn(struct one *one, struct crib_error *err)
{
    char words[256];
    const char *args[32];
    size_t count = 0;

    snprintf(words, sizeof(words), "%s", one->way->verbs);
    for (char *rest = words, *word; (word = strtok_r(rest, " ", &rest)) && count < 31;)
        args[count++] = word;
    args[count] = NULL;
    return crib_spawn(one->crowd->live.ex, sandbox_probe_path(), args, &one->task.options,
                      &one->task.task, err);
}

static void start(struct one *one, size_t i)
{
    struct crib_error err;
    char why[1024];

    set_up(one, i);
    if (spawn(one, &err) < 0)
        fail_msg("%s: %s", one->way->name, crib_error_text(&err, why, sizeof(why)));
    for (int fd = 1; fd <= 2; fd++)
        assert_int_equal(crib_stream_read_start(crib_task_stream(one->task.task, fd), on_data, one),
                         0);
    crib_stream_close(crib_task_stream(one->task.task, 0));
    one->crowd->started[i]++;
    one->crowd->running++;
}

/* Return: the next way that is not through; -1: none. In turn, so that different ones are at once.
 */
static int take_way(struct crowd *crowd)
{
    for (size_t n = 0; n < WAYS; n++) {
        size_t i = crowd->next++ % WAYS;

        if (crowd->started[i] < wanted(crowd, i))
            return (int)i;
    }
    return -1;
}

static void start_more(struct crowd *crowd)
{
    for (size_t slot = 0; slot < AT_ONCE; slot++) {
        int i = crowd->ones[slot].way ? -1 : take_way(crowd);

        if (i >= 0)
            start(&crowd->ones[slot], (size_t)i);
    }
}

/* What cannot be held here is refused, and before the program starts. */
static bool can_be_held(struct crowd *crowd, size_t i)
{
    struct one *one = &crowd->ones[0];
    struct crib_error err = {0};
    int r;

    set_up(one, i);
    one->task.options.on = (struct crib_events){0};
    one->way = &ways[i];
    r = spawn(one, &err);
    one->way = NULL;
    if (r == 0)
        return crib_task_kill(one->task.task, SIGKILL) == 0;
    if (r != -EOPNOTSUPP || strcmp(err.step ? err.step : "", "limits") != 0) {
        char why[1024];

        fail_msg("%s: %s", ways[i].name, crib_error_text(&err, why, sizeof(why)));
    }
    return false;
}

/* Without cgroups there is still somebody who looks, where that is enough. */
static void sample(struct crowd *crowd, size_t i)
{
    crib_policy_free(crowd->policies[i]);
    crowd->policies[i] = make_policy(&ways[i], ", preferred: [memory, cpu_time]");
    crowd->held[i] = crowd->sampled[i] = true;
}

static void test_each_verdict(void **state)
{
    static struct crowd crowd;
    unsigned held = 0;

    (void)state;
    memset(&crowd, 0, sizeof(crowd));
    live_open(&crowd.live);
    crowd.until = clock_us() + PATIENCE_US;
    for (size_t i = 0; i < AT_ONCE; i++)
        crowd.ones[i].crowd = &crowd;
    for (size_t i = 0; i < WAYS; i++) {
        crowd.policies[i] = make_policy(&ways[i], "");
        crowd.held[i] = !ways[i].limits || can_be_held(&crowd, i);
        held += crowd.held[i];
        if (!crowd.held[i] && ways[i].sampled)
            sample(&crowd, i);
    }
    if (sandbox_privileged())
        assert_int_equal(held, WAYS);
    start_more(&crowd);
    while (crowd.running && clock_us() < crowd.until)
        uv_run(&crowd.live.loop, UV_RUN_ONCE);
    for (size_t i = 0; i < AT_ONCE; i++)
        if (crowd.ones[i].way)
            print_error("still running: %s: %s\n", crowd.ones[i].way->name, crowd.ones[i].task.log);
    assert_int_equal(crowd.running, 0);
    for (size_t i = 0; i < WAYS; i++) {
        assert_int_equal(crowd.started[i], wanted(&crowd, i));
        crib_policy_free(crowd.policies[i]);
    }
    assert_int_equal(crowd.wrong, 0);
    live_run(&crowd.live);
    live_close(&crowd.live);
}

/* A time-out against an exit at the same moment: one of the two, and then all of it. */
static void test_a_timeout_against_an_exit(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.timeout_ms = 40;
    for (int i = 0; i < 60; i++) {
        char verbs[64];

        snprintf(verbs, sizeof(verbs), "sleep %d , exit 5", 20 + i / 3);
        sandbox_probe(&box, verbs);
        if (box.result.verdict == CRIB_EXITED) {
            assert_int_equal(box.result.status, 5);
            assert_string_equal(box.result.limit, "");
        } else {
            assert_int_equal(box.result.verdict, CRIB_WALL_TIMEOUT);
            assert_string_equal(box.result.limit, "timeout");
        }
    }
    sandbox_done(&box);
}

/* Processor time against wall time. */
static void test_two_clocks(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\n"
                "limits: {cpu_time: 60ms, wall_time: 60ms, preferred: [cpu_time]}\n";
    for (int i = 0; i < 20; i++) {
        sandbox_probe(&box, "busy 60000");
        if (box.result.verdict == CRIB_CPU_TIMEOUT) {
            assert_string_equal(box.result.limit, "cpu_time");
        } else {
            char text[512];

            if (box.result.verdict == CRIB_SETUP_FAILED)
                print_error("%s\n", crib_error_text(&box.result.error, text, sizeof(text)));
            assert_int_equal(box.result.verdict, CRIB_WALL_TIMEOUT);
            assert_string_equal(box.result.limit, "wall_time");
        }
    }
    sandbox_done(&box);
}

static void kill_it(struct sandbox *box)
{
    crib_task_kill(box->task, SIGKILL);
}

/* The kernel's kill against the caller's. */
static void test_no_memory_against_a_kill(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules = "extends: [default]\nlimits: {memory: 32M, preferred: [memory]}\n";
    box.meanwhile = kill_it;
    for (int i = 0; i < 20; i++) {
        sandbox_probe(&box, "hog 256 , sleep 60000");
        assert_true(box.result.verdict == CRIB_KILLED || box.result.verdict == CRIB_MEMORY);
        if (box.result.verdict == CRIB_KILLED)
            assert_string_equal(box.result.limit, "");
    }
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_verdict),
        cmocka_unit_test(test_a_timeout_against_an_exit),
        cmocka_unit_test(test_two_clocks),
        cmocka_unit_test(test_no_memory_against_a_kill),
    };

    return sandbox_test_run(tests);
}
