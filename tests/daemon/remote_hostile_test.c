/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection to what is no daemon, or a broken one: whatever it says, when or never, comes to an
 * error for every request, once, and to the end of the connection.
 */
#include "daemon/fake.h"

#include "base/clock.h"
#include "base/fd.h"
#include "client/rpc.h"

struct fixture {
    struct fake fake;
    uv_loop_t loop;
    struct rpc *rpc;
    int answers, errors, losses;
    struct crib_error error; /* of the last answer */
    const char *raw;         /* what the script says after the first request */
    size_t raw_len;
    bool stays; /* it is not broken by an error */
};

static void on_lost(struct rpc *rpc, void *data)
{
    (void)rpc;
    ((struct fixture *)data)->losses++;
}

static void on_answer(struct rpc *rpc, const ProtobufCMessage *response,
                      const struct crib_error *error, void *data)
{
    struct fixture *f = data;
    Crib__InfoRequest request = CRIB__INFO_REQUEST__INIT;

    assert_true(!response == !!error);
    assert_int_equal(f->losses, 0);
    f->answers += !error;
    f->errors += error != NULL;
    if (!error)
        return;
    f->error = *error;
    assert_true(error->code < 0);
    if (!f->stays)
        assert_int_equal(rpc_call(rpc, RPC_INFO, &request.base, 0, on_answer, f), -ENOTCONN);
}

static void set_up(struct fixture *f, void (*script)(struct fake_talk *talk))
{
    memset(f, 0, sizeof(*f));
    f->fake.user = f;
    fake_start(&f->fake, script);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(rpc_open(&f->loop, f->fake.path, on_lost, f, &f->rpc, NULL), 0);
}

static void tear_down(struct fixture *f)
{
    rpc_close(f->rpc, NULL, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    fake_stop(&f->fake);
}

static void on_tick(uv_timer_t *tick)
{
    (void)tick;
}

static void run_until_lost(struct fixture *f)
{
    uint64_t due = clock_us() + 30000000;
    uv_timer_t tick;

    uv_timer_init(&f->loop, &tick);
    uv_timer_start(&tick, on_tick, 10, 10);
    while (!f->losses && clock_us() < due)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->losses, 1);
}

static int ask(struct fixture *f, uint64_t timeout_ms)
{
    Crib__InfoRequest request = CRIB__INFO_REQUEST__INIT;

    return rpc_call(f->rpc, RPC_INFO, &request.base, timeout_ms, on_answer, f);
}

static int wait_info(struct fixture *f, uint64_t timeout_ms)
{
    Crib__InfoRequest request = CRIB__INFO_REQUEST__INIT;
    ProtobufCMessage *answer = NULL;
    struct crib_error error = {0};
    struct arena arena;
    int r;

    arena_init(&arena, 0);
    r = rpc_wait(f->rpc, RPC_INFO, &request.base, timeout_ms, &arena, &answer, &error);
    assert_true(r == 0 ? answer != NULL : error.code == r);
    arena_done(&arena);
    return r;
}

/* --- nonsense --- */

static void say_raw(struct fake_talk *talk)
{
    struct fixture *f = talk->fake->user;

    if (fake_next(talk))
        fake_raw(talk, f->raw, f->raw_len);
    fake_mute(talk);
}

/* What comes back for the request of stream 1. */
static const struct nonsense {
    const char *what, *bytes;
    size_t len;
} nonsense[] = {
#define SAY(what, bytes)                                                                           \
    {                                                                                              \
        what, bytes, sizeof(bytes) - 1                                                             \
    }
    SAY("no protocol", "HTTP/1.1 400 Bad Request\r\n\r\n"),
    SAY("4 GiB", "\377\377\377\377\0\0\0\1\2\0"),
    SAY("over 4 MiB", "\0\100\0\1\0\0\0\1\2\0"),
    SAY("another's stream", "\0\0\0\0\0\0\0\7\2\0"),
    SAY("an even stream", "\0\0\0\0\0\0\0\2\2\0"),
    SAY("stream 0", "\0\0\0\0\0\0\0\0\2\0"),
    SAY("a request", "\0\0\0\0\0\0\0\1\1\0"),
    SAY("data", "\0\0\0\0\0\0\0\1\3\0"),
    SAY("no type", "\0\0\0\0\0\0\0\1\0\0"),
    SAY("another type", "\0\0\0\0\0\0\0\1\377\377"),
    SAY("two answers", "\0\0\0\0\0\0\0\1\2\0\0\0\0\0\0\0\0\1\2\0"),
    SAY("a high stream", "\0\0\0\0\377\377\377\377\2\0"),
#undef SAY
};

static void gives_up_at_nonsense(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        struct fixture f;

        set_up(&f, say_raw);
        f.raw = nonsense[i].bytes;
        f.raw_len = nonsense[i].len;
        assert_int_equal(ask(&f, 0), 0);
        assert_int_equal(ask(&f, 0), 0);
        run_until_lost(&f);
        if (f.answers + f.errors != 2 || f.errors < 1)
            fail_msg("%s: %d answers and %d errors", nonsense[i].what, f.answers, f.errors);
        assert_int_equal(wait_info(&f, 5000), -ENOTCONN);
        tear_down(&f);
    }
}

static void gives_up_at_nonsense_while_it_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
        struct fixture f;
        int r;

        set_up(&f, say_raw);
        f.raw = nonsense[i].bytes;
        f.raw_len = nonsense[i].len;
        r = wait_info(&f, 20000);
        if (r >= 0 && strcmp(nonsense[i].what, "two answers") != 0)
            fail_msg("%s: %d", nonsense[i].what, r);
        run_until_lost(&f);
        tear_down(&f);
    }
}

/* An answer that is whole, but says nothing that fits the request: only that request fails. */
static void say_no_answer(struct fake_talk *talk)
{
    static const char no_response[] = "\377\377\377\377", no_info[] = "\22\4\377\377\377\377";

    for (int i = 0; fake_next(talk); i++) {
        if (i == 0)
            fake_frame(talk, talk->stream, TTRPC_RESPONSE, no_response, sizeof(no_response) - 1);
        else if (i == 1)
            fake_frame(talk, talk->stream, TTRPC_RESPONSE, no_info, sizeof(no_info) - 1);
        else
            fake_answer(talk, NULL);
    }
}

static void fails_what_is_answered_by_nonsense(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, say_no_answer);
    assert_int_equal(wait_info(&f, 20000), -EPROTO);
    assert_int_equal(wait_info(&f, 20000), -EPROTO);
    assert_int_equal(wait_info(&f, 20000), 0);
    tear_down(&f);
}

/* 4 MiB of empty events take hundreds of times as much when they are unpacked. */
static void say_empty_events(struct fake_talk *talk)
{
    size_t len = 4 << 20, inner = len - 16;
    uint8_t *data = malloc(len);
    size_t at = 0;

    data[at++] = 0x12; /* Response.payload, and its length in four bytes */
    for (; at < 5; at++)
        data[at] = (uint8_t)((inner >> 7 * (at - 1) & 0x7f) | (at < 4 ? 0x80 : 0));
    for (size_t i = 0; i + 1 < inner; i += 2) {
        data[at + i] = 0x1a; /* WaitResponse.events */
        data[at + i + 1] = 0;
    }
    if (fake_next(talk))
        fake_frame(talk, talk->stream, TTRPC_RESPONSE, data, at + (inner & ~1ul));
    free(data);
    while (fake_next(talk))
        fake_answer(talk, NULL);
}

static void bounds_what_an_answer_takes(void **state)
{
    Crib__WaitRequest request = CRIB__WAIT_REQUEST__INIT;
    struct fixture f;

    (void)state;
    set_up(&f, say_empty_events);
    f.stays = true;
    assert_int_equal(rpc_call(f.rpc, RPC_WAIT, &request.base, 0, on_answer, &f), 0);
    assert_int_equal(wait_info(&f, 20000), 0);
    for (int i = 0; i < 30000 && !f.errors && !f.answers; i++) {
        uv_run(&f.loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_int_equal(f.errors, 1);
    assert_int_equal(f.error.code, -EPROTO);
    tear_down(&f);
}

/* --- silence --- */

static void gives_up_the_silent(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, fake_mute);
    assert_int_equal(ask(&f, 0), 0); /* no deadline of its own */
    assert_int_equal(wait_info(&f, 100), -ETIMEDOUT);
    assert_int_equal(f.errors, 0);
    run_until_lost(&f);
    assert_int_equal(f.errors, 1);
    assert_int_equal(f.error.code, -ETIMEDOUT);
    tear_down(&f);
}

static void gives_up_the_silent_on_the_loop(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, fake_mute);
    assert_int_equal(ask(&f, 0), 0);
    assert_int_equal(ask(&f, 100), 0);
    run_until_lost(&f);
    assert_int_equal(f.errors, 2);
    assert_int_equal(f.error.code, -ETIMEDOUT);
    tear_down(&f);
}

/* A byte every so often, for ever: that something comes is no answer. */
static void trickle(struct fake_talk *talk)
{
    static const char header[] = "\0\20\0\0\0\0\0\1\2\0";
    struct pollfd stop = {.fd = talk->fake->stop[0], .events = POLLIN};

    if (fake_next(talk))
        fake_raw(talk, header, sizeof(header) - 1);
    while (poll(&stop, 1, 5) == 0)
        fake_raw(talk, "x", 1);
}

static void gives_up_the_slow(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, trickle);
    assert_int_equal(wait_info(&f, 100), -ETIMEDOUT);
    tear_down(&f);
}

static void answer_bytewise(struct fake_talk *talk)
{
    while (fake_next(talk)) {
        char frame[TTRPC_HEADER] = {0};

        frame[7] = (char)talk->stream;
        frame[8] = TTRPC_RESPONSE;
        for (size_t i = 0; i < sizeof(frame); i++) {
            usleep(1000);
            fake_raw(talk, frame + i, 1);
        }
    }
}

static void takes_an_answer_byte_by_byte(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, answer_bytewise);
    assert_int_equal(wait_info(&f, 20000), 0);
    assert_int_equal(wait_info(&f, 20000), 0);
    tear_down(&f);
}

/* --- the end in the middle --- */

static void close_at_once(struct fake_talk *talk)
{
    (void)talk;
}

static void close_after_request(struct fake_talk *talk)
{
    (void)fake_next(talk);
}

static void close_in_header(struct fake_talk *talk)
{
    if (fake_next(talk))
        fake_raw(talk, "\0\0\0", 3);
}

static void close_in_payload(struct fake_talk *talk)
{
    if (fake_next(talk))
        fake_raw(talk, "\0\0\0\20\0\0\0\1\2\0abc", 13);
}

static void close_behind_answer(struct fake_talk *talk)
{
    if (fake_next(talk))
        fake_answer(talk, NULL);
}

static void (*const closers[])(struct fake_talk *talk) = {
    close_at_once, close_after_request, close_in_header, close_in_payload, close_behind_answer,
};

static void is_told_of_the_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(closers) / sizeof(closers[0]); i++) {
        struct fixture f;
        int asked = 0;

        set_up(&f, closers[i]);
        for (int n = 0; n < 3; n++)
            asked += ask(&f, 0) == 0;
        run_until_lost(&f);
        assert_int_equal(f.answers + f.errors, asked);
        assert_int_equal(f.answers, closers[i] == close_behind_answer);
        assert_true(rpc_broken(f.rpc));
        tear_down(&f);
    }
}

static void is_told_of_the_end_while_it_waits(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(closers) / sizeof(closers[0]); i++) {
        struct fixture f;
        int r;

        set_up(&f, closers[i]);
        r = wait_info(&f, 20000);
        assert_true(closers[i] == close_behind_answer ? r == 0 : r < 0 && r != -ETIMEDOUT);
        run_until_lost(&f);
        tear_down(&f);
    }
}

static void an_idle_end_is_told(void **state)
{
    struct fixture f;

    (void)state;
    set_up(&f, close_at_once);
    fake_halt(&f.fake);
    assert_true(rpc_broken(f.rpc));
    run_until_lost(&f);
    assert_int_equal(f.answers + f.errors, 0);
    rpc_close(f.rpc, NULL, NULL);
    uv_run(&f.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f.loop), 0);
    free(f.fake.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_up_at_nonsense),
        cmocka_unit_test(gives_up_at_nonsense_while_it_waits),
        cmocka_unit_test(fails_what_is_answered_by_nonsense),
        cmocka_unit_test(bounds_what_an_answer_takes),
        cmocka_unit_test(gives_up_the_silent),
        cmocka_unit_test(gives_up_the_silent_on_the_loop),
        cmocka_unit_test(gives_up_the_slow),
        cmocka_unit_test(takes_an_answer_byte_by_byte),
        cmocka_unit_test(is_told_of_the_end),
        cmocka_unit_test(is_told_of_the_end_while_it_waits),
        cmocka_unit_test(an_idle_end_is_told),
    };
    uv_loop_t loop;

    uv_loop_init(&loop); /* the first one opens what stays open */
    uv_loop_close(&loop);
    return test_run(tests);
}
