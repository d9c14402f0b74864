/* SPDX-License-Identifier: Apache-2.0 */
/* Children that abuse their channel: one clear error each, and everybody else goes on. */
#include "sandbox/talk.h"

#include <errno.h>
#include <sys/socket.h>

/* --- inside --- */

/* 1,000 fds with one frame, 250 a packet. */
static int child_flood(void)
{
    char control[CMSG_SPACE(250 * sizeof(int))] = {0};
    struct iovec iov = {"\0", 1};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&header);
    int fds[250];

    for (int i = 0; i < 250; i++)
        fds[i] = 2;
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(cmsg), fds, sizeof(fds));
    for (int i = 0; i < 4; i++)
        if (sendmsg(crib_child_fd(inside), &header, MSG_NOSIGNAL) < 0)
            return 0; /* refused already */
    usleep(200000);
    return 0;
}

/* Leaves its stdout and its end of the channel with the parent. */
static int child_leave_fds(void)
{
    int fds[] = {1, crib_child_fd(inside)};

    send_text("early", "");
    return crib_child_send(inside, "fds", "", 0, fds, 2) < 0 ? 9 : 0;
}

static const struct talk_verb verbs[] = {
    {"echo", child_echo},
    {"flood", child_flood},
    {"leave", child_leave_fds},
};

/* --- outside --- */

/* What a shell may write to fd 3, and the error that it makes. */
static void hostile(const char *line, int code)
{
    const char *const args[] = {"-c", line, NULL};
    struct talk talk;

    prepare(&talk);
    assert_int_equal(
        crib_fork(talk.live.ex, "/bin/sh", args, &talk.task.options, &talk.task.task, NULL), 0);
    live_run(&talk.live);
    if (talk.task.error.code != code)
        fail_msg("%s: %d, not %d", line, talk.task.error.code, code);
    assert_int_equal(talk.messages, 0);
    assert_non_null(strstr(talk.task.log, "disconnect "));
    assert_int_equal(talk.task.result.status, 0); /* an error of the channel does not end it */
    end(&talk);
}

static void an_end_left_behind_holds_nothing_up(void **state)
{
    struct crib_stdio stdio[] = {{CRIB_NULL}, {CRIB_PIPE}, {CRIB_INHERIT}};
    struct talk talk;

    (void)state;
    prepare(&talk);
    talk.task.options.stdio = stdio;
    talk.task.options.stdio_count = 3;
    begin(&talk, "leave");
    live_read(&talk.task);
    live_run(&talk.live); /* though this very process holds the other ends */
    assert_types(&talk, "early fds ");
    assert_int_equal(talk.nfds, 2);
    assert_int_equal(talk.task.ends, 1);
    assert_int_equal(talk.task.result.status, 0);
    end(&talk);
}

static void hostile_children(void **state)
{
    (void)state;
    hostile("exec 3>&-; sleep 0.1", 0);
    hostile("printf '\\377\\377\\377\\377' >&3; sleep 0.1", -EMSGSIZE);
    hostile("printf '\\177\\377\\377\\377data' >&3; sleep 0.1", -EMSGSIZE);
    hostile("printf '\\0\\0\\0\\20half' >&3", -EPROTO);
    hostile("printf '\\0\\0' >&3; exec 3>&-; sleep 0.1", -EPROTO);
    hostile("printf '\\0\\0\\0\\4\\377\\377\\377\\377' >&3; sleep 0.1", -EPROTO);
    hostile("printf '\\0\\0\\0\\2\\40\\1' >&3; sleep 0.1", -EPROTO); /* fds that did not come */
    hostile("{ printf '\\377'; head -c 1000000 /dev/urandom; } >&3 2>/dev/null; true", -EMSGSIZE);
}

static void a_thousand_fds(void **state)
{
    struct talk talk;

    (void)state;
    prepare(&talk);
    begin(&talk, "flood");
    live_run(&talk.live);
    assert_int_equal(talk.task.error.code, -EMFILE);
    assert_int_equal(talk.messages, 0);
    assert_int_equal(talk.nfds, 0);
    end(&talk);
}

static void others_talk_on(void **state)
{
    struct talk bad, good;
    const char *const args[] = {"-c", "printf '\\377\\377\\377\\377' >&3", NULL};

    (void)state;
    prepare(&good);
    prepare(&bad);
    good.answer = part_at_once;
    begin(&good, "echo");
    assert_int_equal(
        crib_fork(good.live.ex, "/bin/sh", args, &bad.task.options, &bad.task.task, NULL), 0);
    live_until(&good.live, &bad.task, "close");
    assert_int_equal(crib_task_send(good.task.task, "t", "x", 1, NULL, 0), 0);
    live_run(&good.live);
    assert_int_equal(bad.task.error.code, -EMSGSIZE);
    assert_types(&good, "t ");
    end(&bad);
    end(&good);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_left_behind_holds_nothing_up),
        cmocka_unit_test(hostile_children),
        cmocka_unit_test(a_thousand_fds),
        cmocka_unit_test(others_talk_on),
    };

    return talk_main(argc, argv, verbs, tests);
}
