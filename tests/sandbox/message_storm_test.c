/* SPDX-License-Identifier: Apache-2.0 */
/* A child that says as much as it can, and one that dies in the middle of a word. */
#include "sandbox/talk.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#define ROUNDS 300  /* of another task, meanwhile */
#define A_TURN 2048 /* messages that one task may deliver in a turn of the loop, and then some */

/* --- inside --- */

/* The smallest messages that there are, 10,000 with each call, without end. */
static int child_storm(void)
{
    static unsigned char frames[60000];

    for (size_t i = 0; i < sizeof(frames); i += 6)
        memcpy(frames + i, "\0\0\0\2\x12\0", 6);
    for (size_t at = 0;;) {
        ssize_t n = send(crib_child_fd(inside), frames + at, sizeof(frames) - at, MSG_NOSIGNAL);

        if (n < 0)
            return 2;
        at = (at + (size_t)n) % sizeof(frames);
    }
}

static int child_half(void)
{
    for (int i = 0; i < 3; i++)
        send_text("whole", "");
    (void)!send(crib_child_fd(inside), "\0\0\0\x20half", 8, MSG_NOSIGNAL);
    return raise(SIGKILL);
}

static const struct talk_verb verbs[] = {
    {"echo", child_echo}, {"storm", child_storm}, {"half", child_half}};

/* --- outside --- */

struct storm {
    unsigned long messages, before, most; /* most: in one turn */
    int turns, ticks;
};

static void on_storm(crib_task *task, struct crib_message *message, void *data)
{
    struct storm *storm = ((struct live_task *)data)->user;

    (void)task;
    assert_int_equal(message->len, 0);
    storm->messages++;
}

static void on_turn(uv_check_t *check)
{
    struct storm *storm = check->data;
    unsigned long came = storm->messages - storm->before;

    storm->most = came > storm->most ? came : storm->most;
    storm->before = storm->messages;
    storm->turns++;
}

static void on_tick(uv_timer_t *timer)
{
    ((struct storm *)timer->data)->ticks++;
}

static void and_back(struct talk *talk, const struct crib_message *message)
{
    (void)message;
    if (talk->messages < ROUNDS)
        assert_int_equal(crib_task_send(talk->task.task, "t", "x", 1, NULL, 0), 0);
    else
        assert_int_equal(crib_task_disconnect(talk->task.task), 0);
}

static void others_have_their_turns(void **state)
{
    const char *const args[] = {"child", "storm", NULL};
    struct storm storm = {0};
    struct live_task loud;
    struct talk talk;
    uv_check_t check;
    uv_timer_t timer;

    (void)state;
    sandbox_only_here("the turns of a daemon's loop");
    prepare(&talk);
    live_task(&loud);
    loud.user = &storm;
    loud.options.on.message = on_storm;
    assert_int_equal(crib_fork(talk.live.ex, self, args, &loud.options, &loud.task, NULL), 0);
    uv_check_init(&talk.live.loop, &check);
    uv_timer_init(&talk.live.loop, &timer);
    check.data = timer.data = &storm;
    uv_check_start(&check, on_turn);
    uv_timer_start(&timer, on_tick, 1, 1);
    while (storm.messages < 10000)
        uv_run(&talk.live.loop, UV_RUN_ONCE);
    talk.answer = and_back;
    begin(&talk, "echo");
    live_until(&talk.live, &talk.task, "spawn");
    assert_int_equal(crib_task_send(talk.task.task, "t", "x", 1, NULL, 0), 0);
    live_until(&talk.live, &talk.task, "close");
    assert_int_equal(talk.messages, ROUNDS);
    assert_true(storm.most <= A_TURN);
    assert_true(storm.ticks > 0 && storm.turns > ROUNDS);
    assert_true(storm.messages > 20000);                     /* it went on all the time */
    assert_int_equal(crib_task_kill(loud.task, SIGKILL), 0); /* in mid-frame, or not */
    live_until(&talk.live, &loud, "close");
    assert_true(loud.error.code == 0 || loud.error.code == -EPROTO);
    uv_close((uv_handle_t *)&check, NULL);
    uv_close((uv_handle_t *)&timer, NULL);
    end(&talk);
}

static void killed_within_a_frame(void **state)
{
    struct talk talk;

    (void)state;
    prepare(&talk);
    begin(&talk, "half");
    live_run(&talk.live);
    assert_types(&talk, "whole whole whole ");
    assert_int_equal(talk.task.error.code, -EPROTO);
    assert_int_equal(talk.task.result.signal, SIGKILL);
    assert_non_null(strstr(talk.task.log, "disconnect "));
    end(&talk);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(others_have_their_turns),
        cmocka_unit_test(killed_within_a_frame),
    };

    return talk_main(argc, argv, verbs, tests);
}
