/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What instructions.sh counts under callgrind, in the parent alone: a task from the request to its
 * close, and messages to a child and back, both when all that is made once has been made.
 *
 *     bench_instructions start TURNS PROGRAM      each turn is one call of measured_start()
 *     bench_instructions message TURNS CHILD      of measured_messages(), which sends PER_TURN
 */
#include <crib/crib.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#define WARM_UP  3 /* turns, by another name */
#define PER_TURN 20
#define SIZE     64 /* bytes of a message */

struct bench {
    uv_loop_t loop;
    crib *ex;
    const char *file;
    crib_task *child; /* messages */
    int left;
    bool done;
};

void measured_start(struct bench *bench);
void measured_messages(struct bench *bench);

struct call {
    long number, args[6];
};

/* Run by the processor itself, so it touches nothing of the C library. */
static unsigned long call_natively(unsigned long unused, unsigned long at)
{
    const struct call *call = (const struct call *)at;
    register long r10 __asm__("r10") = call->args[3];
    register long r8 __asm__("r8") = call->args[4];
    register long r9 __asm__("r9") = call->args[5];
    long ret;

    (void)unused;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(call->number), "D"(call->args[0]), "S"(call->args[1]),
                       "d"(call->args[2]), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return (unsigned long)ret;
}

static long natively(const struct call *call)
{
    return RUNNING_ON_VALGRIND ? (long)VALGRIND_NON_SIMD_CALL1(call_natively, call)
                               : (long)call_natively(0, (unsigned long)call);
}

static long answer(long ret)
{
    if (ret >= 0 || ret < -4095)
        return ret;
    errno = (int)-ret;
    return -1;
}

/* Valgrind knows what is newer than Linux 5.0 only in later versions, and nothing starts without.
 * A filter is only asked about here, and loaded elsewhere. */
static bool goes_past_it(const struct call *call)
{
    return call->number >= SYS_pidfd_send_signal ||
           (call->number == SYS_seccomp && call->args[0] != SECCOMP_SET_MODE_FILTER);
}

/* In the place of the C library's. */
__attribute__((visibility("default"))) long syscall(long number, ...)
{
    struct call call = {.number = number};
    long ret;
    va_list args;

    va_start(args, number);
    for (int i = 0; i < 6; i++)
        call.args[i] = va_arg(args, long);
    va_end(args);
    ret = goes_past_it(&call) ? natively(&call) : (long)call_natively(0, (unsigned long)&call);
    return answer(ret);
}

/* Nor can it execute what has no path, as crib-init. */
__attribute__((visibility("default"))) int execveat(int fd, const char *path, char *const argv[],
                                                    char *const envp[], int flags)
{
    struct call call = {SYS_execveat, {fd, (long)path, (long)argv, (long)envp, flags}};

    return (int)answer(natively(&call));
}

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bench_instructions: %s\n", what);
    exit(EXIT_FAILURE);
}

static void began(int r, const struct crib_error *error)
{
    must(r == 0, crib_error_text(error, (char[512]){0}, 512));
}

static void on_error(crib_task *task, const struct crib_error *error, void *data)
{
    (void)task;
    (void)data;
    must(false, crib_error_text(error, (char[512]){0}, 512));
}

static void on_close(crib_task *task, const struct crib_result *result, void *data)
{
    (void)task;
    must(result->verdict == CRIB_EXITED && result->status == 0, "the task failed");
    ((struct bench *)data)->done = true;
}

static void start(struct bench *bench)
{
    static const struct crib_stdio stdio[3] = {{.kind = CRIB_NULL}};
    struct crib_error error = {0};
    struct crib_options options;

    crib_options_init(&options);
    options.cwd = "/";
    options.stdio = stdio;
    options.stdio_count = 3;
    options.data = bench;
    options.on.error = on_error;
    options.on.close = on_close;
    bench->done = false;
    began(crib_spawn(bench->ex, bench->file, NULL, &options, NULL, &error), &error);
    while (!bench->done)
        uv_run(&bench->loop, UV_RUN_ONCE);
}

__attribute__((noinline)) void measured_start(struct bench *bench)
{
    start(bench);
}

static void send_one(struct bench *bench)
{
    static const char data[SIZE];

    must(crib_task_send(bench->child, "bytes", data, sizeof(data), NULL, 0) >= 0, "send");
}

static void on_spawn(crib_task *task, void *data)
{
    (void)task;
    ((struct bench *)data)->done = true;
}

static void on_message(crib_task *task, struct crib_message *message, void *data)
{
    struct bench *bench = data;

    (void)task;
    must(message->len == SIZE, "a message came back changed");
    if (--bench->left > 0)
        send_one(bench);
}

static void messages(struct bench *bench)
{
    bench->left = PER_TURN;
    send_one(bench);
    while (bench->left > 0)
        uv_run(&bench->loop, UV_RUN_ONCE);
}

__attribute__((noinline)) void measured_messages(struct bench *bench)
{
    messages(bench);
}

static void open_child(struct bench *bench)
{
    static const char *const args[] = {"channel", NULL};
    struct crib_error error = {0};
    struct crib_options options;

    crib_options_init(&options);
    options.data = bench;
    options.on.spawn = on_spawn;
    options.on.message = on_message;
    options.on.error = on_error;
    options.on.close = on_close;
    began(crib_fork(bench->ex, bench->file, args, &options, &bench->child, &error), &error);
    while (!bench->done)
        uv_run(&bench->loop, UV_RUN_ONCE);
}

static void turns_of_messages(struct bench *bench, int turns)
{
    open_child(bench);
    for (int i = 0; i < WARM_UP; i++)
        messages(bench);
    for (int i = 0; i < turns; i++)
        measured_messages(bench);
    bench->done = false;
    crib_task_disconnect(bench->child);
    while (!bench->done)
        uv_run(&bench->loop, UV_RUN_ONCE);
}

static void turns_of_starts(struct bench *bench, int turns)
{
    for (int i = 0; i < WARM_UP; i++)
        start(bench);
    for (int i = 0; i < turns; i++)
        measured_start(bench);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    int turns = argc == 4 ? atoi(argv[2]) : 0;

    must(turns > 0, "usage: bench_instructions start|message TURNS FILE");
    bench.file = argv[3];
    uv_loop_init(&bench.loop);
    must(crib_open(&bench.ex, &bench.loop, NULL, NULL) == 0, "open");
    if (strcmp(argv[1], "message") == 0)
        turns_of_messages(&bench, turns);
    else
        turns_of_starts(&bench, turns);
    crib_close(bench.ex, NULL, NULL);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&bench.loop) < 0;
}
