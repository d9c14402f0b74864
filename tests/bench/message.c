/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A message to a child and back: crib's channel, against a bare socketpair with a length in front.
 *
 *     bench_message ROUNDS CHILD
 */
#include <crib/crib.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "samples.h"

#define MOST (1 << 20) /* bytes of the largest message */

extern char **environ;

static const struct {
    const char *bare, *crib;
    size_t len;
} sizes[] = {
    {"64 B, socketpair", "64 B, crib", 64},
    {"4 KiB, socketpair", "4 KiB, crib", 4096},
    {"64 KiB, socketpair", "64 KiB, crib", 65536},
    {"1 MiB, socketpair", "1 MiB, crib", MOST},
};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

struct bench {
    const char *child;
    int rounds;
    struct samples rows[2 * SIZES];
    /* crib's side */
    size_t size; /* index into sizes */
    int round;
    double sent;
};

static char data[4 + MOST];

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bench_message: %s\n", what);
    exit(EXIT_FAILURE);
}

/* Both directions at once: a large message fills the socket before its echo begins. */
static void round_trip(int fd, size_t len)
{
    size_t out = 0, in = 0, all = len + 4;
    uint32_t head = (uint32_t)len;

    memcpy(data, &head, 4);
    while (in < all) {
        ssize_t n = out < all ? send(fd, data + out, all - out, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

        if (n > 0)
            out += (size_t)n;
        n = recv(fd, data + in, all - in, out < all ? MSG_DONTWAIT : 0);
        if (n > 0)
            in += (size_t)n;
        must(n != 0, "the bare child is gone");
    }
}

static void bare(struct bench *bench)
{
    char way[] = "bare", *argv[] = {(char *)bench->child, way, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    pid_t pid;

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
    if (ends[1] == 3) /* a dup2 onto itself would leave it CLOEXEC */
        fcntl(3, F_SETFD, 0);
    must(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ) == 0, argv[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    for (size_t i = 0; i < SIZES; i++) {
        for (int round = 0; round < bench->rounds; round++) {
            double start = samples_clock();

            round_trip(ends[0], sizes[i].len);
            samples_add(&bench->rows[2 * i], samples_clock() - start);
        }
    }
    close(ends[0]);
    waitpid(pid, NULL, 0);
}

static void send_next(struct bench *bench, crib_task *task)
{
    if (bench->round == bench->rounds) {
        bench->round = 0;
        bench->size++;
    }
    if (bench->size == SIZES) {
        crib_task_disconnect(task);
        return;
    }
    bench->sent = samples_clock();
    must(crib_task_send(task, "bytes", data, sizes[bench->size].len, NULL, 0) >= 0, "send");
}

static void on_spawn(crib_task *task, void *user)
{
    send_next(user, task);
}

static void on_message(crib_task *task, struct crib_message *message, void *user)
{
    struct bench *bench = user;

    must(message->len == sizes[bench->size].len, "a message came back changed");
    samples_add(&bench->rows[2 * bench->size + 1], samples_clock() - bench->sent);
    bench->round++;
    send_next(bench, task);
}

static void on_error(crib_task *task, const struct crib_error *error, void *user)
{
    char text[512];

    (void)task;
    (void)user;
    must(false, crib_error_text(error, text, sizeof(text)));
}

static void through_crib(struct bench *bench)
{
    static const char *const args[] = {"channel", NULL};
    struct crib_options options;
    struct crib_error error = {0};
    crib_task *task;
    uv_loop_t loop;
    char text[512];
    crib *ex;

    crib_options_init(&options);
    options.data = bench;
    options.on.spawn = on_spawn;
    options.on.message = on_message;
    options.on.error = on_error;
    uv_loop_init(&loop);
    must(crib_open(&ex, &loop, NULL, &error) == 0 &&
             crib_fork(ex, bench->child, args, &options, &task, &error) == 0,
         crib_error_text(&error, text, sizeof(text)));
    uv_run(&loop, UV_RUN_DEFAULT);
    must(bench->size == SIZES, "the child ended too early");
    crib_close(ex, NULL, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

int main(int argc, char **argv)
{
    static struct bench bench;

    bench.rounds = argc == 3 ? atoi(argv[1]) : 0;
    if (bench.rounds <= 0) {
        fprintf(stderr, "usage: bench_message ROUNDS CHILD\n");
        return EXIT_FAILURE;
    }
    bench.child = argv[2];
    for (size_t i = 0; i < SIZES; i++) {
        bench.rows[2 * i].name = sizes[i].bare;
        bench.rows[2 * i + 1].name = sizes[i].crib;
    }
    bare(&bench);
    through_crib(&bench);
    for (size_t i = 0; i < SIZES; i++)
        samples_table("A message and its echo", "microseconds", &bench.rows[2 * i], 2);
    for (size_t i = 0; i < 2 * SIZES; i++)
        samples_done(&bench.rows[i]);
    return EXIT_SUCCESS;
}
