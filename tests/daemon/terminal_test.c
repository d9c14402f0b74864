/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a program wrote to its terminal is there for its client, who may come after its end: by
 * Read, or by the terminal itself.
 */
#include "daemon/cribd.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/frame.h"

static void on_a_terminal(Crib__SpawnRequest *request)
{
    static Crib__Stdio entries[3];
    static Crib__Stdio *list[] = {&entries[0], &entries[1], &entries[2]};

    for (uint32_t fd = 0; fd < 3; fd++) {
        crib__stdio__init(&entries[fd]);
        entries[fd].has_fd = entries[fd].has_kind = true;
        entries[fd].fd = fd;
        entries[fd].kind = CRIB__STDIO__KIND__pty;
    }
    request->task->stdio = list;
    request->task->n_stdio = 3;
}

static uint64_t ended(struct cribd *daemon, const char *line)
{
    const char *const args[] = {"-c", line, NULL};
    uint64_t task = cribd_spawn(daemon, "/bin/sh", args, on_a_terminal);

    cribd_wait(daemon, task, CRIB__TASK_STATE__ENDED);
    return task;
}

static int take(struct cribd *daemon, uint64_t task, int *ret_fd)
{
    Crib__FdTake request = CRIB__FD_TAKE__INIT;
    int fds[FRAME_MAX_FDS], r;
    struct rpc_fds *side;

    assert_int_equal(rpc_fds_open(daemon->socket, &side, NULL), 0);
    request.task = task;
    request.what = CRIB__FD_TAKE__WHAT__PTY;
    r = rpc_fds_take(side, &request, fds, NULL);
    rpc_fds_close(side);
    if (r == 1)
        *ret_fd = fds[0];
    return r;
}

static void is_read_after_the_end(void **state)
{
    struct cribd daemon;
    uint64_t task;
    int fd;

    (void)state;
    cribd_start(&daemon, NULL);
    task = ended(&daemon, "echo hello; echo there >/dev/tty");
    assert_string_equal(cribd_output(&daemon, task, 1), "hello\r\nthere\r\n");
    assert_true(take(&daemon, task, &fd) < 0);
    task = ended(&daemon, "exit 3");
    assert_string_equal(cribd_output(&daemon, task, 1), "");
    cribd_stop(&daemon);
}

static void is_taken_after_the_end(void **state)
{
    struct cribd daemon;
    char text[64];
    uint64_t task;
    ssize_t n;
    int fd, other;

    (void)state;
    cribd_start(&daemon, NULL);
    task = ended(&daemon, "echo hello");
    assert_int_equal(take(&daemon, task, &fd), 1);
    n = read(fd, text, sizeof(text));
    assert_int_equal(n, 7);
    assert_memory_equal(text, "hello\r\n", 7);
    assert_int_equal(read(fd, text, sizeof(text)), -1);
    assert_int_equal(errno, EIO);
    assert_true(take(&daemon, task, &other) < 0);
    assert_string_equal(cribd_output(&daemon, task, 1), "");
    close(fd);
    cribd_stop(&daemon);
}

/* Of tasks that are forgotten nothing is kept. */
static void is_gone_with_its_task(void **state)
{
    Crib__ForgetRequest request = CRIB__FORGET_REQUEST__INIT;
    struct cribd daemon;
    int before = 0;

    (void)state;
    cribd_start(&daemon, NULL);
    for (int i = 0; i < 40; i++) {
        if (i == 10)
            before = cribd_fds(&daemon);
        request.task = ended(&daemon, "echo hello");
        cribd_call(&daemon, RPC_FORGET, &request);
    }
    assert_in_range(cribd_fds(&daemon), 1, before + 10);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_read_after_the_end),
        cmocka_unit_test(is_taken_after_the_end),
        cmocka_unit_test(is_gone_with_its_task),
    };

    return test_run(tests);
}
