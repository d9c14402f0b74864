/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attach carries all bytes of a task, both ways, in order, and its end.
 */
#include "daemon/attaching.h"

#define TOTAL ((uint64_t)8 << 20)

/* 16 bytes a line. */
static const char *const count_up[] = {"-c", "seq -f %015.0f 0 524287", NULL};
static const char *const cat[] = {"-c", "cat; echo done >&2; exit 5", NULL};

static void test_output_is_byte_exact_and_within_the_credit(void **state)
{
    const Crib__AttachOutput *output;
    struct attaching attaching;
    uint64_t bytes = 0;
    bool end[3] = {false}, result = false;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    attaching_open(&daemon, &attaching);
    attaching_task(&attaching, cribd_spawn(&daemon, "/bin/sh", count_up, NULL));
    while ((output = attaching_next(&attaching))) {
        assert_false(result);
        if (output->result) {
            result = true;
            assert_int_equal(output->result->verdict, CRIB__RESULT__VERDICT__exited);
            assert_int_equal(output->result->status, 0);
        } else {
            assert_in_range(output->stream, 1, 2);
            assert_false(end[output->stream]);
            end[output->stream] = output->end;
            if (output->stream == 1) {
                assert_int_equal(output->offset, bytes);
                assert_int_equal(output->lost, 0);
                assert_true(attaching_is_counting(bytes, output->data.data, output->data.len));
                bytes += output->data.len;
            }
        }
        if (attaching.outputs % 8 == 0)
            attaching_ack(&attaching, attaching.outputs);
    }
    assert_true(result && attaching.ended && end[1] && end[2]);
    assert_int_equal(bytes, TOTAL);
    attaching_close(&attaching);
    cribd_stop(&daemon);
}

/* What cat gives back of what it was given. */
struct echo {
    struct attaching attaching;
    const char *bytes;
    uint64_t written, received;
    bool result, said;
};

static void take_echo(struct echo *echo, const Crib__AttachOutput *output)
{
    echo->written = output->written;
    if (output->stream == 1) {
        assert_int_equal(output->offset, echo->received);
        assert_memory_equal(output->data.data, echo->bytes + echo->received, output->data.len);
        echo->received += output->data.len;
    } else if (output->stream == 2 && output->data.len) {
        assert_memory_equal(output->data.data, "done\n", 5);
        echo->said = true;
    } else if (output->result) {
        assert_int_equal(output->result->status, 5);
        echo->result = true;
    }
    attaching_ack(&echo->attaching, echo->attaching.outputs);
}

static void test_stdin_and_output_at_once(void **state)
{
    Crib__AttachInput close_it = CRIB__ATTACH_INPUT__INIT;
    const uint64_t total = 1 << 20;
    const Crib__AttachOutput *output;
    struct echo echo = {0};
    char *bytes = malloc(total);
    struct cribd daemon;
    uint64_t sent = 0;

    (void)state;
    for (size_t i = 0; i < total; i++)
        bytes[i] = (char)(i * 7 + (i >> 8));
    echo.bytes = bytes;
    cribd_start(&daemon, NULL);
    attaching_open(&daemon, &echo.attaching);
    attaching_task(&echo.attaching, cribd_spawn(&daemon, "/bin/sh", cat, NULL));
    while (sent < total) {
        size_t len = total - sent < ATTACHING_DATA ? total - sent : ATTACHING_DATA;

        attaching_stdin(&echo.attaching, sent, bytes + sent, len);
        sent += len;
        while (echo.written < sent) {
            output = attaching_next(&echo.attaching);
            assert_non_null(output);
            take_echo(&echo, output);
        }
    }
    close_it.close_stdin = true;
    attaching_input(&echo.attaching, &close_it);
    while ((output = attaching_next(&echo.attaching)))
        take_echo(&echo, output);
    assert_true(echo.attaching.ended && echo.said && echo.result);
    assert_int_equal(echo.received, total);
    attaching_close(&echo.attaching);
    free(bytes);
    cribd_stop(&daemon);
}

/* Two at a time each have all that is kept; one that comes later begins where it says. */
static void test_a_second_one_begins_where_it_says(void **state)
{
    Crib__StreamOffset from = CRIB__STREAM_OFFSET__INIT, *list[] = {&from};
    Crib__AttachInput input = CRIB__ATTACH_INPUT__INIT;
    const char *const forty[] = {"-c", "seq -f %015.0f 0 39", NULL};
    const Crib__AttachOutput *output;
    struct attaching attaching;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    input.task = cribd_spawn(&daemon, "/bin/sh", forty, NULL);
    cribd_wait(&daemon, input.task, CRIB__TASK_STATE__ENDED);
    input.streams = list;
    input.n_streams = 1;
    from.stream = 1;
    from.offset = 123;
    attaching_open(&daemon, &attaching);
    attaching_input(&attaching, &input);
    while ((output = attaching_next(&attaching)) && output->stream != 1)
        ;
    assert_non_null(output);
    assert_int_equal(output->offset, 123);
    assert_int_equal(output->data.len, 640 - 123);
    assert_true(attaching_is_counting(123, output->data.data, output->data.len));
    assert_int_equal(attaching_end(&attaching), -1);
    attaching_close(&attaching);
    cribd_stop(&daemon);
}

static void no_stdio(Crib__SpawnRequest *request)
{
    static Crib__Stdio null[3];
    static Crib__Stdio *list[] = {&null[0], &null[1], &null[2]};

    for (uint32_t fd = 0; fd < 3; fd++) {
        crib__stdio__init(&null[fd]);
        null[fd].has_fd = null[fd].has_kind = true;
        null[fd].fd = fd;
        null[fd].kind = CRIB__STDIO__KIND__null;
    }
    request->task->stdio = list;
    request->task->n_stdio = 3;
}

/* Return: the result that a stream ends with. */
static Crib__Result__Verdict verdict_of(const struct cribd *daemon, uint64_t task)
{
    Crib__Result__Verdict verdict = 0;
    const Crib__AttachOutput *output;
    struct attaching attaching;

    attaching_open(daemon, &attaching);
    attaching_task(&attaching, task);
    while ((output = attaching_next(&attaching)))
        if (output->result)
            verdict = output->result->verdict;
    assert_true(attaching.ended);
    attaching_close(&attaching);
    return verdict;
}

static void test_tasks_without_streams_have_a_result(void **state)
{
    const char *const exits[] = {"-c", "exit 0", NULL};
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    assert_int_equal(verdict_of(&daemon, cribd_spawn(&daemon, "/bin/sh", exits, no_stdio)),
                     CRIB__RESULT__VERDICT__exited);
    assert_int_equal(verdict_of(&daemon, cribd_spawn(&daemon, "no-such-program", NULL, NULL)),
                     CRIB__RESULT__VERDICT__setup_failed);
    cribd_stop(&daemon);
}

static void detached(Crib__SpawnRequest *request)
{
    request->detached = true;
    request->buffer = 64 * 1024;
}

/* What a detached task has said before is gone but for the last of it, and how much is told. */
static void test_lost_and_received_are_all(void **state)
{
    const Crib__AttachOutput *output;
    struct attaching attaching;
    uint64_t lost = 0, received = 0, task;
    struct cribd daemon;

    (void)state;
    cribd_start(&daemon, NULL);
    task = cribd_spawn(&daemon, "/bin/sh", count_up, detached);
    cribd_wait(&daemon, task, CRIB__TASK_STATE__ENDED);
    attaching_open(&daemon, &attaching);
    attaching_task(&attaching, task);
    while ((output = attaching_next(&attaching))) {
        if (output->stream != 1)
            continue;
        lost += output->lost;
        assert_int_equal(output->offset, lost + received);
        assert_true(attaching_is_counting(output->offset, output->data.data, output->data.len));
        received += output->data.len;
    }
    assert_int_equal(lost + received, TOTAL);
    assert_true(lost > 0 && received >= 64 * 1024);
    attaching_close(&attaching);
    cribd_stop(&daemon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_is_byte_exact_and_within_the_credit),
        cmocka_unit_test(test_stdin_and_output_at_once),
        cmocka_unit_test(test_a_second_one_begins_where_it_says),
        cmocka_unit_test(test_tasks_without_streams_have_a_result),
        cmocka_unit_test(test_lost_and_received_are_all),
    };

    return test_run(tests);
}
