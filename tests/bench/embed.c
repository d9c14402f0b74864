/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the memory of the program that embeds crib makes its starts dearer. Two processes that
 * differ only in how much they have resident, in pages of 4 KiB, start in turn.
 *
 *     bench_embed ROUNDS SMALL LARGE PROGRAM      (MiB)
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <unistd.h>

#include "launch.h"
#include "samples.h"

#define SIDES    2
#define PREPARED 4
#define REST_MS  20
#define WARM_UP  3

enum { PLAIN, COLD, READY, WAYS };

static const char *const way_names[WAYS] = {"posix_spawn", "crib, cold", "crib, prepared"};

struct side {
    size_t mib;
    int sock;
    pid_t pid;
    struct samples rows[WAYS];
    char names[WAYS][64];
};

/* What a side answers to the number of a way. */
struct answer {
    double took; /* microseconds; negative: it failed */
    bool absent; /* there is no such way here */
};

static void must(bool well, const char *what)
{
    if (well)
        return;
    fprintf(stderr, "bench_embed: %s\n", what);
    exit(EXIT_FAILURE);
}

static void be_large(size_t mib)
{
    size_t size = mib << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(memory != MAP_FAILED, "memory");
    madvise(memory, size, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < size; at += 4096)
        ((volatile char *)memory)[at] = 1;
}

static _Noreturn void be_side(int sock, size_t mib, char *program)
{
    struct launch shared;
    char *plain[] = {program, NULL};
    struct launch_way ways[WAYS] = {[PLAIN] = {.command = plain, .shared = &shared}};
    int way;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    be_large(mib);
    launch_init(&shared, NULL);
    launch_open(&shared, &ways[COLD], NULL);
    launch_open_prepared(&shared, &ways[READY], PREPARED);
    while (read(sock, &way, sizeof(way)) == sizeof(way)) {
        struct launch_end end = {0};
        struct answer answer = {.took = -1, .absent = ways[way].why != NULL};

        launch_await(&ways[way]);
        if (!answer.absent && launch_run(&ways[way], program, &end) == 0)
            answer.took = end.ended - end.begun;
        if (ways[way].prepared)
            launch_rest(&shared, REST_MS);
        must(write(sock, &answer, sizeof(answer)) == sizeof(answer), "write");
    }
    for (way = 0; way < WAYS; way++)
        launch_close(&shared, &ways[way]);
    launch_done(&shared);
    exit(EXIT_SUCCESS);
}

/* @before: the sides opened so far; their sockets are none of its business */
static void open_side(struct side *side, const struct side *before, size_t mib, char *program)
{
    int ends[2];

    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "socketpair");
    side->mib = mib;
    side->pid = fork();
    if (side->pid == 0) {
        close(ends[0]);
        for (const struct side *other = before; other < side; other++)
            close(other->sock);
        be_side(ends[1], mib, program);
    }
    close(ends[1]);
    side->sock = ends[0];
    for (int way = 0; way < WAYS; way++) {
        snprintf(side->names[way], sizeof(side->names[way]), "%s, %zu MiB", way_names[way], mib);
        side->rows[way].name = side->names[way];
    }
}

static void ask(struct side *side, int way, bool counted)
{
    struct samples *row = &side->rows[way];
    struct answer answer;

    if (row->why)
        return;
    must(write(side->sock, &way, sizeof(way)) == sizeof(way) &&
             read(side->sock, &answer, sizeof(answer)) == sizeof(answer),
         "a side is gone");
    if (answer.absent)
        row->why = "this library prepares no sandboxes";
    else if (answer.took < 0)
        row->why = "it failed here";
    else if (counted)
        samples_add(row, answer.took);
}

int main(int argc, char **argv)
{
    static struct side sides[SIDES];
    int rounds = argc == 5 ? atoi(argv[1]) : 0;

    if (rounds <= 0) {
        fprintf(stderr, "usage: bench_embed ROUNDS SMALL LARGE PROGRAM\n");
        return EXIT_FAILURE;
    }
    for (int i = 0; i < SIDES; i++)
        open_side(&sides[i], sides, strtoul(argv[2 + i], NULL, 10), argv[4]);
    for (int round = -WARM_UP; round < rounds; round++)
        for (int way = 0; way < WAYS; way++)
            for (int i = 0; i < SIDES; i++) /* who is first changes */
                ask(&sides[(i + (unsigned)round) % SIDES], way, round >= 0);
    for (int way = 0; way < WAYS; way++) {
        struct samples rows[SIDES] = {sides[0].rows[way], sides[1].rows[way]};

        samples_table("By the memory of the program that starts", "microseconds", rows, SIDES);
        samples_done(&rows[0]);
        samples_done(&rows[1]);
    }
    for (int i = 0; i < SIDES; i++) {
        close(sides[i].sock);
        waitpid(sides[i].pid, NULL, 0);
    }
    return EXIT_SUCCESS;
}
