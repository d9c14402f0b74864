/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts under load: so many at once, each followed by the next one when nothing is left of it.
 *
 *     bench_load MS TURNS LEVELS PROGRAM FILTER DAEMON PREPARED [NAME COMMAND... [::: ...]...]
 *
 * LEVELS is `1,4,32`. At each level every way has TURNS turns of MS milliseconds, one after the
 * other, so that all see the same machine. The rest is as for bench_start.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "launch.h"
#include "samples.h"

#define MOST_ROWS  12
#define MOST       256 /* at once */
#define SEPARATOR  ":::"
#define PREPARED   64   /* sandboxes */
#define REST_MS    100  /* before a turn of prepared ones */
#define MOST_TIMES 5000 /* of one row at one level are kept */

struct row {
    const char *name;
    struct launch_way way;
    struct samples speed, times;
};

struct bench;

struct slot {
    struct bench *bench;
    struct launch_end end;
    pid_t pid; /* commands */
};

struct bench {
    struct launch shared;
    const char *program;
    struct row rows[MOST_ROWS];
    size_t count;
    /* of a turn */
    struct slot slots[MOST];
    struct row *row;
    double begun, until, last; /* microseconds */
    int ended, running;
    bool failed;
};

static struct launch_way *add_row(struct bench *bench, const char *name)
{
    struct row *row = &bench->rows[bench->count];

    if (bench->count == MOST_ROWS) {
        fprintf(stderr, "bench_load: too many commands\n");
        exit(EXIT_FAILURE);
    }
    bench->count++;
    row->name = name;
    row->way.shared = &bench->shared;
    return &row->way;
}

static void add_rows(struct bench *bench, char **addresses, char **words)
{
    static char *plain[2];
    struct launch_way *way;

    plain[0] = (char *)bench->program;
    add_row(bench, "posix_spawn")->command = plain;
    launch_open(&bench->shared, add_row(bench, "crib, cold"), NULL);
    launch_open_prepared(&bench->shared, add_row(bench, "crib, prepared"), PREPARED);
    launch_open(&bench->shared, add_row(bench, "cribd, cold"), addresses[0]);
    way = add_row(bench, "cribd, prepared");
    launch_open(&bench->shared, way, addresses[1]);
    way->prepared = true;
    while (words[0] && words[1]) {
        add_row(bench, words[0])->command = words + 1;
        for (words++; *words && strcmp(*words, SEPARATOR) != 0;)
            words++;
        if (*words)
            *words++ = NULL;
    }
}

static void note(struct bench *bench, const struct launch_end *end)
{
    bench->running--;
    bench->ended++;
    bench->failed |= end->failed;
    bench->last = end->gone;
    if (bench->row->times.count < MOST_TIMES)
        samples_add(&bench->row->times, end->ended - end->begun);
}

static void start_crib(struct slot *slot)
{
    struct bench *bench = slot->bench;

    if (launch_crib(&bench->row->way, bench->program, &slot->end) < 0)
        bench->failed = true;
    else
        bench->running++;
}

static void on_gone(struct launch_end *end)
{
    struct slot *slot = end->data;
    struct bench *bench = slot->bench;

    note(bench, end);
    if (end->gone < bench->until && !bench->failed)
        start_crib(slot);
}

static void turn_of_crib(struct bench *bench, int level)
{
    for (int i = 0; i < level; i++) {
        bench->slots[i] = (struct slot){.bench = bench};
        bench->slots[i].end.then = on_gone;
        bench->slots[i].end.data = &bench->slots[i];
        start_crib(&bench->slots[i]);
    }
    while (bench->running > 0)
        uv_run(&bench->shared.loop, UV_RUN_ONCE);
}

static void start_command(struct slot *slot)
{
    struct bench *bench = slot->bench;

    slot->end.begun = samples_clock();
    slot->pid = launch_command(&bench->row->way);
    if (slot->pid < 0)
        bench->failed = true;
    else
        bench->running++;
}

/* A child that is in no slot is a prepared sandbox of crib's, which does without its status. */
static struct slot *slot_of(struct bench *bench, pid_t pid, int level)
{
    for (int i = 0; i < level; i++)
        if (bench->slots[i].pid == pid)
            return &bench->slots[i];
    return NULL;
}

static void turn_of_commands(struct bench *bench, int level)
{
    for (int i = 0; i < level; i++) {
        bench->slots[i] = (struct slot){.bench = bench};
        start_command(&bench->slots[i]);
    }
    while (bench->running > 0) {
        int status = 0;
        pid_t pid = waitpid(-1, &status, 0);
        struct slot *slot = slot_of(bench, pid, level);

        if (pid < 0 && errno == ECHILD)
            break;
        if (!slot)
            continue;
        slot->end.ended = slot->end.gone = samples_clock();
        slot->end.failed = status != 0;
        slot->pid = 0;
        note(bench, &slot->end);
        if (slot->end.gone < bench->until && !bench->failed)
            start_command(slot);
    }
}

static void take_turn(struct bench *bench, struct row *row, int level, double ms)
{
    if (row->way.prepared)
        launch_rest(&bench->shared, REST_MS);
    bench->row = row;
    bench->ended = bench->running = 0;
    bench->failed = false;
    bench->begun = samples_clock();
    bench->until = bench->begun + 1e3 * ms;
    if (row->way.command)
        turn_of_commands(bench, level);
    else
        turn_of_crib(bench, level);
    if (bench->failed)
        row->way.why = "it failed here";
    else
        samples_add(&row->speed, bench->ended / (bench->last - bench->begun) * 1e6);
}

static void print_level(struct bench *bench, int level)
{
    struct samples speed[MOST_ROWS], times[MOST_ROWS];
    char what[64];

    for (size_t i = 0; i < bench->count; i++) {
        struct row *row = &bench->rows[i];

        row->speed.name = row->times.name = row->name;
        row->speed.why = row->times.why = row->way.why;
        speed[i] = row->speed;
        times[i] = row->times;
        row->speed = row->times = (struct samples){0};
    }
    snprintf(what, sizeof(what), "%d at once: ended", level);
    samples_table(what, "a second", speed, bench->count);
    snprintf(what, sizeof(what), "%d at once: from the request to the known end", level);
    samples_table(what, "microseconds", times, bench->count);
    for (size_t i = 0; i < bench->count; i++) {
        samples_done(&speed[i]);
        samples_done(&times[i]);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench;
    double ms = argc > 7 ? atof(argv[1]) : 0;
    int turns = argc > 7 ? atoi(argv[2]) : 0;
    char *levels = argv[3];

    if (ms <= 0 || turns <= 0) {
        fprintf(stderr, "usage: bench_load MS TURNS LEVELS PROGRAM FILTER DAEMON PREPARED "
                        "[NAME COMMAND... [::: ...]]\n");
        return EXIT_FAILURE;
    }
    bench.program = argv[4];
    launch_init(&bench.shared, argv[5]);
    add_rows(&bench, argv + 6, argv + 8);
    while (levels && *levels) {
        int level = (int)strtol(levels, &levels, 10);

        if (level < 1 || level > MOST)
            return EXIT_FAILURE;
        levels += *levels == ',';
        for (int turn = 0; turn < turns; turn++)
            for (size_t i = 0; i < bench.count; i++)
                if (!bench.rows[i].way.why)
                    take_turn(&bench, &bench.rows[i], level, ms);
        print_level(&bench, level);
    }
    for (size_t i = 0; i < bench.count; i++)
        launch_close(&bench.shared, &bench.rows[i].way);
    launch_done(&bench.shared);
    return EXIT_SUCCESS;
}
