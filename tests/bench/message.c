/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between a parent and a child, by crib's channel and by bare socketpairs (bare.h): one
 * and its echo, and as many as go one way. In turn, so that what else the machine does hits all
 * alike.
 *
 *     bench_message ROUNDS CHILD
 */
#include <crib/crib.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bare.h"
#include "samples.h"

#define BLOCKS 10  /* turns */
#define SMALL  64  /* bytes of what goes one way */
#define FLOOD  500 /* of them, for each round */

static const struct {
    const char *bare, *polled, *crib;
    size_t len;
    int fewer; /* rounds */
} sizes[] = {
    {"64 B, socketpair", "64 B, socketpair on libuv", "64 B, crib", SMALL, 1},
    {"4 KiB, socketpair", "4 KiB, socketpair on libuv", "4 KiB, crib", 4096, 1},
    {"64 KiB, socketpair", "64 KiB, socketpair on libuv", "64 KiB, crib", 65536, 4},
    {"1 MiB, socketpair", "1 MiB, socketpair on libuv", "1 MiB, crib", BARE_MOST, 20},
};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

/* crib's side; one thing at a time. */
struct talk {
    crib *ex;
    crib_task *task;
    uv_loop_t loop;
    size_t len;
    int left;              /* echoes, or messages, still to come */
    int unsent;            /* to be sent, as the socket takes them */
    double begun;          /* microseconds */
    struct samples *echos; /* NULL: messages are only counted */
    bool ended;
};

static char data[BARE_MOST];

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bench_message: %s\n", what);
    exit(EXIT_FAILURE);
}

static void send_one(struct talk *talk)
{
    talk->begun = samples_clock();
    must(crib_task_send(talk->task, "bytes", data, talk->len, NULL, 0) >= 0, "send");
}

static void on_spawn(crib_task *task, void *user)
{
    (void)task;
    uv_stop(&((struct talk *)user)->loop);
}

static void on_message(crib_task *task, struct crib_message *message, void *user)
{
    struct talk *talk = user;

    (void)task;
    must(message->len == talk->len, "a message came back changed");
    if (talk->echos)
        samples_add(talk->echos, samples_clock() - talk->begun);
    else if (talk->begun == 0)
        talk->begun = samples_clock();
    if (--talk->left == 0)
        uv_stop(&talk->loop);
    else if (talk->echos)
        send_one(talk);
}

static void pump(struct talk *talk)
{
    int r = 0;

    while (r == 0 && talk->unsent > 0) {
        r = crib_task_send(talk->task, "bytes", data, SMALL, NULL, 0);
        talk->unsent--;
    }
    must(r >= 0, "send");
}

static void on_drain(crib_task *task, void *user)
{
    (void)task;
    pump(user);
}

static void on_error(crib_task *task, const struct crib_error *error, void *user)
{
    char text[512];

    (void)task;
    (void)user;
    must(false, crib_error_text(error, text, sizeof(text)));
}

static void on_close(crib_task *task, const struct crib_result *result, void *user)
{
    (void)task;
    must(result->verdict == CRIB_EXITED && result->status == 0, "the child failed");
    ((struct talk *)user)->ended = true;
}

static void talk_open(struct talk *talk, const char *child)
{
    static const char *const args[] = {"channel", NULL};
    struct crib_options options;
    struct crib_error error = {0};
    char text[512];

    crib_options_init(&options);
    options.data = talk;
    options.on.spawn = on_spawn;
    options.on.message = on_message;
    options.on.drain = on_drain;
    options.on.error = on_error;
    options.on.close = on_close;
    uv_loop_init(&talk->loop);
    must(crib_open(&talk->ex, &talk->loop, NULL, &error) == 0 &&
             crib_fork(talk->ex, child, args, &options, &talk->task, &error) == 0,
         crib_error_text(&error, text, sizeof(text)));
    uv_run(&talk->loop, UV_RUN_DEFAULT);
}

static void talk_close(struct talk *talk)
{
    crib_task_disconnect(talk->task);
    uv_run(&talk->loop, UV_RUN_DEFAULT);
    must(talk->ended, "the child does not end");
    crib_close(talk->ex, NULL, NULL);
    uv_run(&talk->loop, UV_RUN_DEFAULT);
    uv_loop_close(&talk->loop);
}

static void talk_echo(struct talk *talk, size_t len, int rounds, struct samples *ret)
{
    talk->len = len;
    talk->left = rounds;
    talk->echos = ret;
    send_one(talk);
    uv_run(&talk->loop, UV_RUN_DEFAULT);
    must(talk->left == 0, "the child ended too early");
}

/* Asks the child for something, with a number, before what is measured begins. */
static void order(struct talk *talk, const char *what, int count)
{
    must(crib_task_send(talk->task, what, &count, sizeof(count), NULL, 0) >= 0, "send");
    talk->echos = NULL;
    talk->len = SMALL;
    talk->begun = 0;
}

/* Return: messages a second. */
static double talk_to_parent(struct talk *talk, const char *how, int count)
{
    order(talk, how, count);
    talk->left = count;
    uv_run(&talk->loop, UV_RUN_DEFAULT);
    must(talk->left == 0, "the child ended too early");
    return count / (samples_clock() - talk->begun) * 1e6;
}

static double talk_to_child(struct talk *talk, int count)
{
    order(talk, "sink", count);
    talk->left = 1; /* that they have come */
    talk->unsent = count;
    talk->begun = samples_clock();
    pump(talk);
    uv_run(&talk->loop, UV_RUN_DEFAULT);
    must(talk->left == 0 && talk->unsent == 0, "the child ended too early");
    return count / (samples_clock() - talk->begun) * 1e6;
}

static void echo(struct talk *talk, struct bare *bare, size_t size, int rounds, const char *where)
{
    struct samples rows[3] = {
        {.name = sizes[size].bare}, {.name = sizes[size].polled}, {.name = sizes[size].crib}};
    int each = rounds / BLOCKS / sizes[size].fewer;

    each += each == 0;
    for (int done = 0; done < BLOCKS; done++) {
        bare_echo(bare, sizes[size].len, each, &rows[0]);
        bare_echo_polled(bare, &talk->loop, sizes[size].len, each, &rows[1]);
        talk_echo(talk, sizes[size].len, each, &rows[2]);
    }
    samples_table(where, "microseconds", rows, 3);
    for (int k = 0; k < 3; k++)
        samples_done(&rows[k]);
}

/* Where the scheduler puts the two processes counts for more than all they do: so first on one
 * processor both. Its children take that over. */
static void echoes(const char *child, int rounds, bool one)
{
    cpu_set_t all, first;
    struct talk talk = {0};
    struct bare bare;

    must(sched_getaffinity(0, sizeof(all), &all) == 0, "sched_getaffinity");
    CPU_ZERO(&first);
    for (int i = 0; CPU_COUNT(&first) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &first);
    must(sched_setaffinity(0, sizeof(first), one ? &first : &all) == 0, "sched_setaffinity");
    talk_open(&talk, child);
    bare_open(&bare, child, "bare", NULL);
    for (size_t i = 0; i < SIZES; i++)
        echo(&talk, &bare, i, rounds,
             one ? "A message and its echo, on one processor" : "A message and its echo");
    bare_close(&bare);
    talk_close(&talk);
    sched_setaffinity(0, sizeof(all), &all);
}

static void one_way(struct talk *talk, const char *child, int rounds)
{
    struct samples out[2] = {{.name = "to the child, socketpair"}, {.name = "to the child, crib"}};
    struct samples in[3] = {{.name = "to the parent, socketpair"},
                            {.name = "to the parent, crib"},
                            {.name = "to the parent, try_send"}};
    int count = rounds * FLOOD;

    for (int done = 0; done < BLOCKS; done++) {
        samples_add(&out[0], bare_to_child(child, SMALL, count) / 1e3);
        samples_add(&out[1], talk_to_child(talk, count) / 1e3);
        samples_add(&in[0], bare_to_parent(child, SMALL, count) / 1e3);
        samples_add(&in[1], talk_to_parent(talk, "flood", count) / 1e3);
        samples_add(&in[2], talk_to_parent(talk, "try", count) / 1e3);
    }
    samples_table("Messages of 64 B, one way", "thousands a second", out, 2);
    samples_table("Messages of 64 B, one way", "thousands a second", in, 3);
    for (int i = 0; i < 2; i++)
        samples_done(&out[i]);
    for (int i = 0; i < 3; i++)
        samples_done(&in[i]);
}

int main(int argc, char **argv)
{
    struct talk talk = {0};
    int rounds = argc == 3 ? atoi(argv[1]) : 0;

    if (rounds <= 0) {
        fprintf(stderr, "usage: bench_message ROUNDS CHILD\n");
        return EXIT_FAILURE;
    }
    echoes(argv[2], rounds, true);
    echoes(argv[2], rounds, false);
    talk_open(&talk, argv[2]);
    one_way(&talk, argv[2], rounds);
    talk_close(&talk);
    return EXIT_SUCCESS;
}
