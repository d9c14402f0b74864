/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to a daemon that behaves: requests and answers, on the loop and waited for, and what
 * an error says.
 */
#include "daemon/fake.h"

#include <signal.h>
#include <sys/time.h>

#include "base/clock.h"
#include "client/rpc.h"

struct fixture {
    struct fake fake;
    uv_loop_t loop;
    struct rpc *rpc;
    char log[256];
    struct crib_error error; /* of the last answer */
    uint64_t task;           /* of the last SpawnResponse */
    void (*then)(struct fixture *f);
    bool closed;
};

static void note(struct fixture *f, const char *word)
{
    size_t used = strlen(f->log);

    snprintf(f->log + used, sizeof(f->log) - used, "%s ", word);
}

static void on_lost(struct rpc *rpc, void *data)
{
    (void)rpc;
    note(data, "lost");
}

static void on_answer(struct rpc *rpc, const ProtobufCMessage *response,
                      const struct crib_error *error, void *data)
{
    struct fixture *f = data;

    (void)rpc;
    assert_true(!response == !!error);
    note(f, error ? "error" : "answer");
    if (error)
        f->error = *error;
    else if (response->descriptor == &crib__spawn_response__descriptor)
        f->task = ((const Crib__SpawnResponse *)response)->task;
    if (f->then)
        f->then(f);
}

static void on_closed(void *data)
{
    ((struct fixture *)data)->closed = true;
}

static void set_up(struct fixture *f, void (*script)(struct fake_talk *talk))
{
    struct crib_error error;

    memset(f, 0, sizeof(*f));
    f->fake.user = f;
    fake_start(&f->fake, script);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(rpc_open(&f->loop, f->fake.path, on_lost, f, &f->rpc, &error), 0);
}

static void tear_down(struct fixture *f)
{
    rpc_close(f->rpc, on_closed, f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_true(f->closed);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    fake_stop(&f->fake);
}

static void on_tick(uv_timer_t *tick)
{
    (void)tick;
}

/* Until the log is as long as @log, or 30 s are over. */
static void run_until(struct fixture *f, const char *log)
{
    uint64_t due = clock_us() + 30000000;
    uv_timer_t tick; /* a turn that runs a timer may wait for more all the same */

    uv_timer_init(&f->loop, &tick);
    uv_timer_start(&tick, on_tick, 10, 10);
    while (strlen(f->log) < strlen(log) && clock_us() < due)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_string_equal(f->log, log);
}

static int ask(struct fixture *f, uint64_t label)
{
    Crib__WaitRequest request = CRIB__WAIT_REQUEST__INIT;

    request.task = label;
    return rpc_call(f->rpc, RPC_WAIT, &request.base, 0, on_answer, f);
}

static int wait_info(struct fixture *f, struct arena *arena, Crib__InfoResponse **ret,
                     uint64_t timeout_ms, struct crib_error *err)
{
    Crib__InfoRequest request = CRIB__INFO_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    int r;

    arena_init(arena, 0);
    r = rpc_wait(f->rpc, RPC_INFO, &request.base, timeout_ms, arena, &answer, err);
    *ret = (Crib__InfoResponse *)answer;
    return r;
}

/* --- scripts --- */

static void answer_info(struct fake_talk *talk)
{
    Crib__InfoResponse response = CRIB__INFO_RESPONSE__INIT;

    response.version = (char *)"7.7";
    response.max_tasks = 1ull << 40;
    fake_answer(talk, &response.base);
}

/* Answers each method with what it says; Spawn with a number a request. */
static void behave(struct fake_talk *talk)
{
    Crib__SpawnResponse spawn = CRIB__SPAWN_RESPONSE__INIT;

    while (fake_next(talk)) {
        if (fake_is(talk, "Info")) {
            answer_info(talk);
        } else if (fake_is(talk, "Spawn")) {
            spawn.task++;
            fake_answer(talk, &spawn.base);
        } else {
            fake_answer(talk, NULL);
        }
    }
}

/* --- asking --- */

static void waits_for_an_answer(void **state)
{
    Crib__InfoResponse *info;
    struct crib_error error;
    struct fixture f;
    struct arena arena;

    (void)state;
    set_up(&f, behave);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(wait_info(&f, &arena, &info, 20000, &error), 0);
        assert_string_equal(info->version, "7.7");
        assert_int_equal(info->max_tasks, 1ull << 40);
        arena_done(&arena);
    }
    tear_down(&f);
}

static void tells_answers_from_the_loop(void **state)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    struct fixture f;

    (void)state;
    set_up(&f, behave);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rpc_call(f.rpc, RPC_SPAWN, &request.base, 5000, on_answer, &f), 0);
    assert_int_equal(rpc_call(f.rpc, RPC_SPAWN, &request.base, 0, NULL, NULL), 0);
    assert_string_equal(f.log, "");
    run_until(&f, "answer answer answer ");
    assert_int_equal(f.task, 3);
    tear_down(&f);
}

static void waits_without_a_loop(void **state)
{
    Crib__InfoRequest request = CRIB__INFO_REQUEST__INIT;
    ProtobufCMessage *answer;
    struct fake fake = {0};
    struct crib_error error;
    struct arena arena;
    struct fixture f = {0};
    struct rpc *rpc;

    (void)state;
    fake_start(&fake, behave);
    arena_init(&arena, 0);
    assert_int_equal(rpc_open(NULL, fake.path, NULL, NULL, &rpc, &error), 0);
    assert_int_equal(rpc_wait(rpc, RPC_INFO, &request.base, 20000, &arena, &answer, &error), 0);
    assert_string_equal(((Crib__InfoResponse *)answer)->version, "7.7");
    arena_done(&arena);
    rpc_close(rpc, on_closed, &f);
    assert_true(f.closed);
    fake_stop(&fake);
}

/* The answer to the first request goes out with that of the third, and before the second's. */
static void answer_in_a_row(struct fake_talk *talk)
{
    uint32_t first, second;

    if (!fake_next(talk))
        return;
    first = talk->stream;
    if (!fake_next(talk))
        return;
    second = talk->stream;
    fake_answer_to(talk, first, NULL);
    fake_answer_to(talk, second, NULL);
    if (fake_next(talk))
        answer_info(talk);
    fake_mute(talk);
}

static void keeps_other_answers_while_it_waits(void **state)
{
    Crib__InfoResponse *info;
    struct fixture f;
    struct arena arena;

    (void)state;
    set_up(&f, answer_in_a_row);
    assert_int_equal(ask(&f, 1), 0);
    assert_int_equal(ask(&f, 2), 0);
    assert_int_equal(wait_info(&f, &arena, &info, 20000, NULL), 0);
    assert_string_equal(info->version, "7.7");
    assert_string_equal(f.log, "");
    arena_done(&arena);
    run_until(&f, "answer answer ");
    tear_down(&f);
}

static void wait_inside(struct fixture *f)
{
    Crib__InfoResponse *info;
    struct arena arena;

    f->then = NULL;
    assert_int_equal(wait_info(f, &arena, &info, 20000, NULL), 0);
    assert_string_equal(info->version, "7.7");
    arena_done(&arena);
    note(f, "waited");
}

/* Of two answers that came at once the first one's callback waits for a third. */
static void waits_inside_of_a_callback(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, answer_in_a_row);
    f.then = wait_inside;
    assert_int_equal(ask(&f, 1), 0);
    assert_int_equal(ask(&f, 2), 0);
    run_until(&f, "answer waited answer ");
    tear_down(&f);
}

static void forgets(void **state)
{
    Crib__InfoResponse *info;
    struct arena arena;
    struct fixture f, other = {0};
    Crib__WaitRequest request = CRIB__WAIT_REQUEST__INIT;

    (void)state;
    set_up(&f, answer_in_a_row);
    assert_int_equal(rpc_call(f.rpc, RPC_WAIT, &request.base, 0, on_answer, &other), 0);
    assert_int_equal(ask(&f, 2), 0);
    rpc_forget(f.rpc, &other);
    assert_int_equal(wait_info(&f, &arena, &info, 20000, NULL), 0);
    arena_done(&arena);
    run_until(&f, "answer ");
    assert_string_equal(other.log, "");
    tear_down(&f);
}

static void close_inside(struct fixture *f)
{
    f->then = NULL;
    rpc_close(f->rpc, on_closed, f);
}

static void closes_inside_of_a_callback(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, answer_in_a_row);
    f.then = close_inside;
    assert_int_equal(ask(&f, 1), 0);
    assert_int_equal(ask(&f, 2), 0);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_true(f.closed);
    assert_string_equal(f.log, "answer ");
    assert_int_equal(uv_loop_close(&f.loop), 0);
    fake_stop(&f.fake);
}

static void lets_the_loop_end(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, fake_mute);
    assert_int_equal(ask(&f, 1), 0);
    rpc_unref(f.rpc);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_string_equal(f.log, "");
    tear_down(&f);
}

static void refuses_what_is_too_large(void **state)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    struct fixture f;

    (void)state;
    set_up(&f, behave);
    request.cwd.len = 4 << 20;
    request.cwd.data = calloc(1, request.cwd.len);
    assert_int_equal(rpc_call(f.rpc, RPC_SPAWN, &request.base, 0, on_answer, &f), -EMSGSIZE);
    request.cwd.len -= 100; /* what is around it takes less */
    assert_int_equal(rpc_call(f.rpc, RPC_SPAWN, &request.base, 0, on_answer, &f), 0);
    run_until(&f, "answer ");
    free(request.cwd.data);
    tear_down(&f);
}

/* Reads nothing, and keeps the connection. */
static void never_read(struct fake_talk *talk)
{
    struct pollfd stop = {.fd = talk->fake->stop[0], .events = POLLIN};

    while (poll(&stop, 1, -1) < 0 && errno == EINTR)
        ;
}

static void does_not_queue_without_end(void **state)
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    struct fixture f;
    int r = 0, count = 0;

    (void)state;
    set_up(&f, never_read);
    request.cwd.len = 1 << 20;
    request.cwd.data = calloc(1, request.cwd.len);
    while (count < 100 && (r = rpc_call(f.rpc, RPC_SPAWN, &request.base, 0, on_answer, &f)) == 0)
        count++;
    assert_int_equal(r, -EAGAIN);
    assert_in_range(count, 16, 32);
    free(request.cwd.data);
    tear_down(&f);
}

/* --- errors --- */

static void refuse(struct fake_talk *talk)
{
    struct fixture *f = talk->fake->user;

    while (fake_next(talk)) {
        Crib__Error error = CRIB__ERROR__INIT;

        if (strcmp(f->log, "plain") == 0) {
            fake_refuse(talk, 8, "over your quota", NULL);
            continue;
        }
        error.has_code = error.has_index = error.has_sys = true;
        error.code = -ENOENT;
        error.sys = ENOENT;
        error.index = 2;
        error.step = (char *)"mounts";
        error.subject = (char *)"/data";
        error.detail = (char *)"bind source";
        error.text = (char *)"mounts[2] /data: bind source: No such file or directory";
        if (strcmp(f->log, "text") == 0) {
            error.has_index = error.has_sys = false;
            error.subject = error.detail = NULL;
        }
        if (strcmp(f->log, "code") == 0)
            error.code = 77;
        fake_refuse(talk, 5, "not found", &error);
    }
}

static void error_of(struct fixture *f, const char *kind, struct crib_error *ret)
{
    Crib__InfoResponse *info;
    struct arena arena;
    int r;

    snprintf(f->log, sizeof(f->log), "%s", kind);
    r = wait_info(f, &arena, &info, 20000, ret);
    assert_int_equal(r, ret->code);
    arena_done(&arena);
}

static void says_an_error_as_it_was(void **state)
{
    static const char sentence[] = "mounts[2] /data: bind source: No such file or directory";
    struct crib_error error;
    struct fixture f;
    char text[512];

    (void)state;
    set_up(&f, refuse);
    error_of(&f, "parts", &error);
    assert_int_equal(error.code, -ENOENT);
    assert_string_equal(error.step, "mounts");
    assert_int_equal(error.index, 2);
    assert_string_equal(error.subject, "/data");
    assert_int_equal(error.sys, ENOENT);
    assert_string_equal(crib_error_text(&error, text, sizeof(text)), sentence);
    error_of(&f, "text", &error);
    assert_int_equal(error.code, -ENOENT);
    assert_string_equal(crib_error_text(&error, text, sizeof(text)), sentence);
    error_of(&f, "code", &error);
    assert_true(error.code < 0);
    error_of(&f, "plain", &error);
    assert_int_equal(error.code, -EDQUOT);
    test_contains(crib_error_text(&error, text, sizeof(text)), "over your quota");
    tear_down(&f);
}

/* --- signals --- */

static void on_alarm(int signo)
{
    (void)signo;
}

static void answer_late(struct fake_talk *talk)
{
    while (fake_next(talk)) {
        usleep(200000);
        answer_info(talk);
    }
}

static void is_not_ended_by_signals(void **state)
{
    struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    struct sigaction action = {.sa_handler = on_alarm};
    Crib__InfoResponse *info;
    struct fixture f;
    struct arena arena;
    sigset_t alarm;

    (void)state;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarm, NULL); /* for the threads of the fake */
    set_up(&f, answer_late);
    pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wait_info(&f, &arena, &info, 20000, NULL), 0);
        arena_done(&arena);
    }
    setitimer(ITIMER_REAL, &never, NULL);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_an_answer),
        cmocka_unit_test(tells_answers_from_the_loop),
        cmocka_unit_test(waits_without_a_loop),
        cmocka_unit_test(keeps_other_answers_while_it_waits),
        cmocka_unit_test(waits_inside_of_a_callback),
        cmocka_unit_test(forgets),
        cmocka_unit_test(closes_inside_of_a_callback),
        cmocka_unit_test(lets_the_loop_end),
        cmocka_unit_test(refuses_what_is_too_large),
        cmocka_unit_test(does_not_queue_without_end),
        cmocka_unit_test(says_an_error_as_it_was),
        cmocka_unit_test(is_not_ended_by_signals),
    };
    uv_loop_t loop;

    uv_loop_init(&loop); /* the first one opens what stays open */
    uv_loop_close(&loop);
    return test_run(tests);
}
