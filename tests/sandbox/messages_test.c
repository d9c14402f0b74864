/* SPDX-License-Identifier: Apache-2.0 */
/* Messages between a program and its forked child. */
#include "sandbox/talk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/* --- inside --- */

/* Doubles even numbers until it is told to stop. */
static int child_double(void)
{
    struct crib_child_message message;
    char text[64];

    while (crib_child_receive(inside, -1, &message, NULL) > 0) {
        int number = 0;

        if (strcmp(message.type, "done") == 0)
            return 0;
        memcpy(&number, message.data, message.len < sizeof(number) ? message.len : sizeof(number));
        snprintf(text, sizeof(text), "%d", 2 * number);
        if (number % 2)
            send_text("error", "an odd number");
        else
            send_text("answer", text);
    }
    return 1;
}

/* Opens a file of the sandbox's own for the parent. */
static int child_open(void)
{
    int fd = open("/tmp/inside", O_RDWR | O_CREAT, 0600);

    if (fd < 0 || write(fd, "from inside", 11) != 11)
        return 4;
    return crib_child_send(inside, "file", "", 0, &fd, 1) < 0 ? 5 : 0;
}

/* Takes its time before it reads. */
static int child_late(void)
{
    struct crib_child_message message;
    char text[32];
    int count = 0;

    usleep(300000);
    while (crib_child_receive(inside, -1, &message, NULL) > 0)
        count++;
    snprintf(text, sizeof(text), "%d", count);
    return send_text("count", text) < 0 ? 6 : 0;
}

static int child_burst(void)
{
    for (int i = 0; i < 1000; i++)
        if (crib_child_send(inside, "n", &i, sizeof(i), NULL, 0) < 0)
            return 7;
    return 0;
}

/* Parts first, and still hears. */
static int child_part(void)
{
    struct crib_child_message message;

    send_text("last", "");
    if (crib_child_disconnect(inside) < 0)
        return 8;
    while (crib_child_receive(inside, -1, &message, NULL) > 0)
        ;
    return 0;
}

static const struct talk_verb verbs[] = {
    {"double", child_double}, {"echo", child_echo},   {"open", child_open},
    {"late", child_late},     {"burst", child_burst}, {"part", child_part},
};

/* --- outside --- */

static int send_number(struct talk *talk, int number)
{
    return crib_task_send(talk->task.task, "double", &number, sizeof(number), NULL, 0);
}

static void then_odd_then_done(struct talk *talk, const struct crib_message *message)
{
    if (talk->messages == 1) {
        assert_memory_equal(message->data, "40", 2);
        assert_int_equal(send_number(talk, 21), 0);
    } else {
        assert_string_equal(message->type, "error");
        assert_int_equal(crib_task_send(talk->task.task, "done", NULL, 0, NULL, 0), 0);
    }
}

static void the_even_doubler(void **state)
{
    struct talk talk;

    (void)state;
    prepare(&talk);
    talk.answer = then_odd_then_done;
    begin(&talk, "double");
    assert_int_equal(send_number(&talk, 20), 0);
    live_run(&talk.live);
    assert_types(&talk, "answer error ");
    assert_int_equal(talk.task.result.verdict, CRIB_EXITED);
    assert_int_equal(talk.task.result.status, 0);
    end(&talk);
}

static void every_size_arrives_whole(void **state)
{
    static const size_t sizes[] = {0, 1, 4095, 65536, 65537, 1 << 20, 64 << 20};

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t len = sizes[i];
        unsigned char *data = malloc(len + 1);
        struct talk talk;

        for (size_t at = 0; at < len; at++)
            data[at] = (unsigned char)(at * 13 + at / 255);
        prepare(&talk);
        talk.answer = part_at_once;
        begin(&talk, "echo");
        assert_int_equal(crib_task_send(talk.task.task, "bytes", data, len, NULL, 0),
                         len > 65536 - 32);
        live_run(&talk.live);
        assert_int_equal(talk.messages, 1);
        assert_int_equal(talk.last.len, len);
        assert_true(len == 0 || memcmp(talk.last.data, data, len) == 0);
        assert_int_equal(talk.task.result.status, 0);
        assert_int_equal(talk.task.error.code, 0);
        free(data);
        end(&talk);
    }
}

static void over_the_cap_is_refused_here(void **state)
{
    static char byte;
    char type[257];
    int many[65] = {0};
    struct talk talk;

    (void)state;
    prepare(&talk);
    begin(&talk, "echo");
    memset(type, 't', 256);
    type[256] = '\0';
    assert_int_equal(
        crib_task_send(talk.task.task, "t", &byte, (size_t)CRIB_MAX_MESSAGE + 1, NULL, 0),
        -EMSGSIZE);
    assert_int_equal(crib_task_send(talk.task.task, type, "x", 1, NULL, 0), -EINVAL);
    assert_int_equal(crib_task_send(talk.task.task, "t", "x", 1, many, 65), -EMFILE);
    many[0] = -1;
    assert_true(crib_task_send(talk.task.task, "t", "x", 1, many, 1) < 0);
    assert_int_equal(crib_task_send(talk.task.task, NULL, "x", 1, NULL, 0), -EINVAL);
    assert_int_equal(crib_task_send(talk.task.task, "t", NULL, 1, NULL, 0), -EINVAL);
    assert_int_equal(crib_task_disconnect(talk.task.task), 0);
    live_run(&talk.live);
    assert_int_equal(talk.messages, 0); /* nothing of all that was sent */
    assert_int_equal(talk.task.result.status, 0);
    end(&talk);
}

static void a_smaller_cap_holds_for_the_child_too(void **state)
{
    struct talk talk;

    (void)state;
    prepare(&talk);
    talk.task.options.max_message = 3;
    begin(&talk, "burst"); /* its messages have 4 bytes */
    live_run(&talk.live);
    assert_int_equal(talk.messages, 0);
    assert_int_equal(talk.task.error.code, -EMSGSIZE);
    assert_non_null(strstr(talk.task.log, "error "));
    assert_non_null(strstr(talk.task.log, "disconnect "));
    end(&talk);
}

static void fds_go_in_and_come_back(void **state)
{
    char *dir = test_dir(), path[300], data[16] = "";
    struct talk talk;
    struct stat here, back;
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "%s/file", dir);
    test_write(path, "content", 7, 0600);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    prepare(&talk);
    talk.answer = part_at_once;
    begin(&talk, "echo");
    assert_int_equal(crib_task_send(talk.task.task, "file", "x", 1, &fd, 1), 0);
    fstat(fd, &here);
    close(fd); /* duplicated at once */
    live_run(&talk.live);
    assert_int_equal(talk.nfds, 1);
    assert_int_equal(fstat(talk.fds[0], &back), 0);
    assert_int_equal(back.st_ino, here.st_ino);
    assert_int_equal(pread(talk.fds[0], data, sizeof(data), 0), 7);
    assert_string_equal(data, "content");
    assert_true(fcntl(talk.fds[0], F_GETFD) & FD_CLOEXEC);
    end(&talk);
    free(dir);
}

static void as_many_fds_as_may_be(void **state)
{
    struct talk talk;
    int fds[64];

    (void)state;
    for (int i = 0; i < 64; i++)
        fds[i] = 2;
    prepare(&talk);
    talk.answer = part_at_once;
    begin(&talk, "echo");
    assert_int_equal(crib_task_send(talk.task.task, "many", "x", 1, fds, 64), 0);
    live_run(&talk.live);
    assert_int_equal(talk.nfds, 64);
    assert_int_equal(talk.task.result.status, 0);
    end(&talk);
}

static void a_file_from_inside(void **state)
{
    char data[16] = "";
    struct talk talk;

    (void)state;
    prepare(&talk);
    begin(&talk, "open");
    live_run(&talk.live);
    assert_int_equal(talk.nfds, 1);
    assert_int_equal(pread(talk.fds[0], data, sizeof(data), 0), 11);
    assert_string_equal(data, "from inside");
    end(&talk);
}

static void fds_nobody_keeps_are_closed(void **state)
{
    struct talk talk;
    int fds[2] = {2, 2};

    (void)state;
    prepare(&talk);
    talk.task.options.on.message = live_on_message; /* keeps none */
    begin(&talk, "echo");
    assert_int_equal(crib_task_send(talk.task.task, "t", "x", 1, fds, 2), 0);
    live_until(&talk.live, &talk.task, "message");
    assert_int_equal(crib_task_disconnect(talk.task.task), 0);
    live_run(&talk.live);
    end(&talk); /* the runner counts fds */
}

static void back_pressure_and_drain(void **state)
{
    char *data = calloc(1, 100000);
    struct talk talk;
    int told = 0;

    (void)state;
    prepare(&talk);
    begin(&talk, "late");
    live_until(&talk.live, &talk.task, "spawn");
    for (int i = 0; i < 50; i++)
        told += crib_task_send(talk.task.task, "big", data, 100000, NULL, 0);
    assert_in_range(told, 40, 50);
    assert_null(strstr(talk.task.log, "drain"));
    live_until(&talk.live, &talk.task, "drain");
    assert_int_equal(crib_task_send(talk.task.task, "small", "x", 1, NULL, 0), 0);
    assert_int_equal(crib_task_disconnect(talk.task.task), 0);
    assert_int_equal(crib_task_send(talk.task.task, "late", "x", 1, NULL, 0), -ENOTCONN);
    live_run(&talk.live);
    assert_int_equal(talk.last.len, 2);
    assert_memory_equal(talk.last.data, "51", 2);
    free(data);
    end(&talk);
}

static void its_last_words_come_before_its_end(void **state)
{
    struct talk talk;

    (void)state;
    for (int round = 0; round < 20; round++) {
        prepare(&talk);
        begin(&talk, "burst");
        live_until(&talk.live, &talk.task, "exit");
        assert_int_equal(talk.messages, 1000);
        live_run(&talk.live);
        assert_int_equal(talk.task.result.status, 0);
        assert_int_equal(talk.task.error.code, 0);
        end(&talk);
    }
}

static void the_child_parts_first(void **state)
{
    struct talk talk;

    (void)state;
    prepare(&talk);
    begin(&talk, "part");
    live_run(&talk.live);
    assert_types(&talk, "last ");
    assert_int_equal(talk.task.result.status, 0);
    assert_non_null(strstr(talk.task.log, "disconnect "));
    end(&talk);
}

static void the_number_is_where_it_was_asked(void **state)
{
    struct crib_stdio stdio[] = {
        {CRIB_NULL}, {CRIB_PIPE}, {CRIB_NULL}, {CRIB_NULL}, {CRIB_CHANNEL}};
    const char *const args[] = {"-c", "echo $CRIB_CHANNEL_FD", NULL};
    struct live live;
    struct live_task task;

    (void)state;
    live_open(&live);
    live_task(&task);
    task.options.stdio = stdio;
    task.options.stdio_count = 5;
    assert_int_equal(crib_spawn(live.ex, "/bin/sh", args, &task.options, &task.task, NULL), 0);
    assert_true(crib_task_connected(task.task));
    live_read(&task);
    live_run(&live);
    live_wrote(&task, "4\n");
    live_task(&task);
    task.options.stdio = stdio;
    task.options.stdio_count = 2;
    assert_int_equal(crib_fork(live.ex, "/bin/sh", args, &task.options, &task.task, NULL), 0);
    live_read(&task);
    live_run(&live);
    live_wrote(&task, "3\n");
    live_close(&live);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_even_doubler),
        cmocka_unit_test(every_size_arrives_whole),
        cmocka_unit_test(over_the_cap_is_refused_here),
        cmocka_unit_test(a_smaller_cap_holds_for_the_child_too),
        cmocka_unit_test(fds_go_in_and_come_back),
        cmocka_unit_test(as_many_fds_as_may_be),
        cmocka_unit_test(a_file_from_inside),
        cmocka_unit_test(fds_nobody_keeps_are_closed),
        cmocka_unit_test(back_pressure_and_drain),
        cmocka_unit_test(its_last_words_come_before_its_end),
        cmocka_unit_test(the_child_parts_first),
        cmocka_unit_test(the_number_is_where_it_was_asked),
    };

    return talk_main(argc, argv, verbs, tests);
}
