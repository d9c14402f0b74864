/* SPDX-License-Identifier: Apache-2.0 */
/* Many at once, on one loop and on several: each is its own. */
#include "sandbox/sandbox.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_ONCE 64
#define THREADS 4

struct one {
    char out[128];
    size_t len;
    int status;
    bool closed;
};

static void on_data(crib_stream *stream, const char *data, ssize_t len, void *user)
{
    struct one *one = user;

    (void)stream;
    for (ssize_t i = 0; data && i < len && one->len < sizeof(one->out) - 1; i++)
        one->out[one->len++] = data[i];
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    struct one *one = data;

    (void)task;
    one->status = result->verdict == CRIB_EXITED ? result->status : -1;
    one->closed = true;
}

/* Return: 0; else the number of the task that failed, from 1. */
static int run_many(int count, int first)
{
    struct one *ones = calloc((size_t)count, sizeof(*ones));
    int failed = 0;
    uv_loop_t loop;
    crib *ex;

    if (!ones || uv_loop_init(&loop) < 0 || crib_open(&ex, &loop, sandbox_address(), NULL) < 0)
        return -1;
    for (int i = 0; i < count; i++) {
        static const char *const policies[] = {"default", "shell", "network"};
        char word[32], status[16];
        const char *const args[] = {"echo", word, ",", "sleep", "50", ",", "exit", status, NULL};
        struct crib_options options;
        crib_task *task;

        snprintf(word, sizeof(word), "task-%d", first + i);
        snprintf(status, sizeof(status), "%d", (first + i) % 200);
        crib_options_init(&options);
        options.policy = policies[i % 3];
        options.data = &ones[i];
        options.on.close = on_close;
        if (crib_spawn(ex, sandbox_probe_path(), args, &options, &task, NULL) < 0) {
            failed = failed ? failed : i + 1;
            continue;
        }
        crib_stream_close(crib_task_stream(task, 0));
        crib_stream_read_start(crib_task_stream(task, 1), on_data, &ones[i]);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    for (int i = 0; i < count && !failed; i++) {
        char want[32];

        snprintf(want, sizeof(want), "task-%d\n", first + i);
        if (!ones[i].closed || ones[i].status != (first + i) % 200 ||
            strcmp(ones[i].out, want) != 0)
            failed = i + 1;
    }
    crib_close(ex, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    free(ones);
    return failed;
}

static void test_many_on_one_loop(void **state)
{
    (void)state;
    assert_int_equal(run_many(AT_ONCE, 0), 0);
}

static void *run_thread(void *user)
{
    int *number = user;

    for (int i = 0; i < 5; i++) {
        int r = run_many(8, *number * 1000 + i * 100);

        if (r) {
            *number = r;
            return user;
        }
    }
    return NULL;
}

static void test_several_loops_in_threads(void **state)
{
    pthread_t threads[THREADS];
    int numbers[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, &numbers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
}

static void *spin(void *user)
{
    volatile bool *stop = user;

    while (!*stop)
        free(malloc(1000));
    return NULL;
}

/* Other threads allocate, lock and open all the while: a start in their midst neither hangs nor
 * breaks. */
static void test_among_busy_threads(void **state)
{
    volatile bool stop = false;
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, spin, (void *)&stop), 0);
    for (int i = 0; i < 100; i++) {
        struct sandbox box;

        sandbox_init(&box);
        sandbox_expect(&box, "exit 3", 3);
        sandbox_done(&box);
    }
    stop = true;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* Two sandboxes at the same time see nothing of each other. */
static void probe_other(struct sandbox *box)
{
    char **ret = box->user;

    *ret = sandbox_output(NULL, "pids , ls /tmp , sysv 4711 , mqueue /crib , shm /crib");
}

static void test_two_at_once_are_apart(void **state)
{
    char *other = NULL;
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.meanwhile = probe_other;
    box.user = &other;
    sandbox_expect(
        &box,
        "write /tmp/mine x , sysv 4711 create , mqueue /crib create , shm /crib create , "
        "sleep 300",
        0);
    sandbox_says(box.out, "shm", "ok");
    assert_non_null(other);
    assert_null(strstr(other, "mine"));
    assert_null(strstr(other, "\nshm ok"));
    assert_null(strstr(other, "\nmsg ok"));
    assert_null(strstr(other, "\nsem ok"));
    assert_null(strstr(other, "\nmqueue ok"));
    assert_null(strstr(other, "\nshm_open ok"));
    free(other);
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_on_one_loop),
        cmocka_unit_test(test_several_loops_in_threads),
        cmocka_unit_test(test_among_busy_threads),
        cmocka_unit_test(test_two_at_once_are_apart),
    };

    return sandbox_test_run(tests);
}
