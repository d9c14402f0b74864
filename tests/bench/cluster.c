/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP workers of Node's (serve.js) under crib's primary, under Node's own, and as one process
 * without either: requests a second, how evenly they are spread, and whether one is lost while all
 * workers are replaced. All serve from the beginning to the end, and are asked in turn in each
 * round.
 *
 *     bench_cluster ROUNDS SECONDS REQUESTS RESTARTS ASK SERVE [WRK]
 *
 * ASK is bench_ask, SERVE is serve.js. Without WRK nothing is said of requests a second. Exit
 * status: 1 when a request has failed.
 */
#include <crib/cluster.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "outside.h"
#include "samples.h"

#define WORKERS     2
#define CONNECTIONS 32
#define ROWS        6

struct bench {
    uv_loop_t loop;
    crib *ex;
    const char *serve, *ask, *wrk; /* wrk: NULL: there is none */
    const char *seconds;
    int rounds, restarts;
    const char *requests;
    bool lost;
};

/* Who serves. */
struct row {
    const char *name;
    const char *sched;         /* of Node's own cluster; NULL: it is not one */
    enum crib_sharing sharing; /* of crib's */
    char port[8];              /* empty: it does not serve */
    struct outside node;
    struct crib_listen listen;
    crib_cluster *cluster;
    unsigned listening;
    bool restarted;
    struct crib_error error;
    struct samples kept, fresh, share, restart; /* what was measured */
    unsigned long errors;                       /* that wrk has told of */
};

/* --- starting them --- */

static void on_listening(crib_worker *worker, const char *address, void *data)
{
    struct row *row = data;

    (void)worker;
    row->listening++;
    snprintf(row->port, sizeof(row->port), "%s", strrchr(address, ':') + 1);
}

static void on_error(crib_cluster *cluster, crib_worker *worker, const struct crib_error *error,
                     void *data)
{
    struct row *row = data;
    char text[512];

    (void)cluster;
    (void)worker;
    row->error = *error;
    fprintf(stderr, "%s: %s\n", row->name, crib_error_text(error, text, sizeof(text)));
}

static void on_restarted(crib_cluster *cluster, void *data)
{
    (void)cluster;
    ((struct row *)data)->restarted = true;
}

static int start_crib(struct bench *bench, struct row *row)
{
    struct crib_cluster_options options;
    char text[512];
    int r;

    row->listen = (struct crib_listen){.address = "tcp:127.0.0.1:*", .sharing = row->sharing};
    crib_cluster_options_init(&options);
    options.workers = WORKERS;
    options.listen = &row->listen;
    options.listen_count = 1;
    options.on.listening = on_listening;
    options.on.error = on_error;
    options.on.restarted = on_restarted;
    options.data = row;
    r = crib_cluster_open(bench->ex, bench->serve, NULL, &options, &row->cluster, &row->error);
    while (r == 0 && row->listening < WORKERS && row->error.code == 0)
        uv_run(&bench->loop, UV_RUN_ONCE);
    if (r == 0 && row->error.code == 0)
        return 0;
    row->kept.why = strdup(crib_error_text(&row->error, text, sizeof(text)));
    return -1;
}

static int start_node(struct bench *bench, struct row *row)
{
    char workers[8];
    const char *const args[] = {"node", bench->serve, row->sched ? workers : NULL, NULL};
    int r;

    snprintf(workers, sizeof(workers), "%d", WORKERS);
    if (row->sched)
        setenv("NODE_CLUSTER_SCHED_POLICY", row->sched, 1);
    r = outside_start(&row->node, &bench->loop, args);
    unsetenv("NODE_CLUSTER_SCHED_POLICY");
    if (r == 0 && outside_wrote(&row->node, row->sched ? WORKERS : 1)) {
        snprintf(row->port, sizeof(row->port), "%.*s", (int)strcspn(row->node.text, "\n"),
                 row->node.text);
        return 0;
    }
    row->kept.why = r < 0 ? uv_strerror(r) : "it does not serve";
    return -1;
}

static void start(struct bench *bench, struct row *row)
{
    if ((row->sharing ? start_crib : start_node)(bench, row) < 0)
        row->port[0] = '\0';
    row->fresh.why = row->share.why = row->restart.why = row->kept.why;
    row->kept.name = row->fresh.name = row->share.name = row->restart.name = row->name;
    if (!bench->wrk && !row->kept.why)
        row->kept.why = row->fresh.why = "there is no wrk";
    if (!row->sched && !row->sharing)
        row->share.why = "it is one";
}

static void stop(struct row *row)
{
    crib_cluster_close(row->cluster, NULL, NULL);
    if (!row->sharing)
        outside_stop(&row->node);
    samples_done(&row->kept);
    samples_done(&row->fresh);
    samples_done(&row->share);
    samples_done(&row->restart);
}

/* --- requests a second --- */

/* Return: the number behind @name; 0: it is not there. */
static double number(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at ? strtod(at + strlen(name), NULL) : 0;
}

static unsigned long told_errors(const char *text)
{
    static const char *const names[] = {"connect ", "read ", "write ", "timeout ",
                                        "Non-2xx or 3xx responses: "};
    const char *errors = strstr(text, "Socket errors: ");
    double sum = number(text, names[4]);

    for (int i = 0; errors && i < 4; i++)
        sum += number(errors, names[i]);
    return (unsigned long)sum;
}

static void run_wrk(struct bench *bench, struct row *row, bool fresh, bool counted)
{
    char url[64];
    const char *const args[] = {
        bench->wrk,          "-t1", "-c", "32", "-d", bench->seconds, url, fresh ? "-H" : NULL,
        "Connection: close", NULL};
    struct samples *samples = fresh ? &row->fresh : &row->kept;
    struct outside wrk;

    if (samples->why)
        return;
    snprintf(url, sizeof(url), "http://127.0.0.1:%s/", row->port);
    if (outside_start(&wrk, &bench->loop, args) < 0)
        samples->why = "wrk cannot be run";
    outside_wait(&wrk);
    if (!samples->why && number(wrk.text, "Requests/sec:") <= 0)
        samples->why = "wrk had no answer";
    if (!samples->why && counted)
        samples_add(samples, number(wrk.text, "Requests/sec:"));
    row->errors += told_errors(wrk.text);
    outside_stop(&wrk);
}

static void measure_speed(struct bench *bench, struct row *rows, bool fresh)
{
    struct samples table[ROWS];

    for (int round = bench->wrk ? -1 : 0; round < bench->rounds; round++)
        for (int i = 0; i < ROWS; i++)
            run_wrk(bench, &rows[i], fresh, round >= 0);
    for (int i = 0; i < ROWS; i++)
        table[i] = fresh ? rows[i].fresh : rows[i].kept;
    samples_table(fresh ? "HTTP, a connection for each request" : "HTTP, 32 connections",
                  "requests a second; more is better", table, ROWS);
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].errors)
            printf("%-28s wrk tells of %lu errors\n", rows[i].name, rows[i].errors);
        rows[i].errors = 0;
    }
}

/* --- shares --- */

/* What bench_ask has to say. */
struct asked {
    double asked, failed, again, workers, most, least;
};

static int start_asking(struct bench *bench, const struct row *row, const char *requests,
                        const char *how, struct outside *ret)
{
    const char *const args[] = {bench->ask, row->port, "32", requests, how, NULL};

    return outside_start(ret, &bench->loop, args);
}

static struct asked end_asking(struct outside *ask)
{
    struct asked asked = {.failed = 1};

    outside_wait(ask);
    if (ask->status == 0 && strstr(ask->text, "asked "))
        asked = (struct asked){number(ask->text, "asked "), number(ask->text, "failed "),
                               number(ask->text, "again "), number(ask->text, "workers "),
                               number(ask->text, "most "),  number(ask->text, "least ")};
    outside_stop(ask);
    return asked;
}

static void run_share(struct bench *bench, struct row *row)
{
    struct outside ask;
    struct asked asked;

    if (row->share.why)
        return;
    (void)start_asking(bench, row, bench->requests, "close", &ask);
    asked = end_asking(&ask);
    if (asked.failed > 0) {
        bench->lost = true;
        row->share.why = "requests have failed";
    } else if (asked.workers < WORKERS) {
        row->share.why = "a worker had none";
    } else {
        samples_add(&row->share, 100 * asked.most / asked.least);
    }
}

static void measure_share(struct bench *bench, struct row *rows)
{
    struct samples table[ROWS];
    char what[128];

    for (int round = 0; round < bench->rounds; round++)
        for (int i = 0; i < ROWS; i++)
            run_share(bench, &rows[i]);
    for (int i = 0; i < ROWS; i++)
        table[i] = rows[i].share;
    snprintf(what, sizeof(what),
             "Of %s requests, each with its connection, those of the worker "
             "that had the most",
             bench->requests);
    samples_table(what, "percent of those of the one that had the least", table, ROWS);
}

/* --- restarts --- */

static bool restart(struct bench *bench, struct row *row)
{
    double start = samples_clock();

    row->restarted = false;
    row->error = (struct crib_error){0};
    if (crib_cluster_restart(row->cluster) < 0)
        return false;
    while (!row->restarted && row->error.code == 0)
        uv_run(&bench->loop, UV_RUN_ONCE);
    samples_add(&row->restart, (samples_clock() - start) / 1e3);
    return row->restarted;
}

/* All workers are replaced again and again, while they are asked. */
static void run_restarts(struct bench *bench, struct row *row, const char *how, int restarts)
{
    struct outside ask;
    struct asked asked;
    bool ok;

    ok = start_asking(bench, row, "0", how, &ask) == 0;
    for (int i = 0; ok && i < restarts; i++)
        ok = restart(bench, row);
    outside_close_in(&ask);
    asked = end_asking(&ask);
    bench->lost |= asked.failed > 0 || !ok;
    printf("%-28s %d restarts%s, connections %s: %.0f requests, %.0f failed, by %.0f workers",
           row->name, restarts, ok ? "" : " (which failed)", how, asked.asked, asked.failed,
           asked.workers);
    if (strcmp(how, "keep") == 0)
        printf("; %.0f sent again on a new connection", asked.again);
    printf("\n");
    fflush(stdout);
}

static void measure_restarts(struct bench *bench, struct row *rows)
{
    struct samples table[ROWS];
    size_t count = 0;

    printf("\nRequests while all workers are replaced one after the other, by %d clients\n",
           CONNECTIONS);
    for (int i = 0; i < ROWS; i++) {
        /* A worker's own socket goes with the connections that wait on it. */
        if (!rows[i].cluster || !rows[i].port[0] || rows[i].sharing == CRIB_SHARE_REUSEPORT)
            continue;
        run_restarts(bench, &rows[i], "close", bench->restarts);
        run_restarts(bench, &rows[i], "keep", bench->restarts / 4 + 1);
        table[count++] = rows[i].restart;
    }
    samples_table("One restart of all workers under that load", "milliseconds", table, count);
}

int main(int argc, char **argv)
{
    static struct row rows[ROWS] = {
        {.name = "Node's, round robin", .sched = "rr"},
        {.name = "Node's, one socket", .sched = "none"},
        {.name = "one process of Node"},
        {.name = "crib, round robin", .sharing = CRIB_SHARE_ROUND_ROBIN},
        {.name = "crib, one socket", .sharing = CRIB_SHARE_SOCKET},
        {.name = "crib, a socket each", .sharing = CRIB_SHARE_REUSEPORT},
    };
    static struct bench bench;
    struct crib_error error;

    if (argc != 7 && argc != 8) {
        fprintf(stderr, "usage: bench_cluster ROUNDS SECONDS REQUESTS RESTARTS ASK SERVE [WRK]\n");
        return EXIT_FAILURE;
    }
    bench = (struct bench){.rounds = atoi(argv[1]),
                           .seconds = argv[2],
                           .requests = argv[3],
                           .restarts = atoi(argv[4]),
                           .ask = argv[5],
                           .serve = argv[6],
                           .wrk = argc == 8 ? argv[7] : NULL};
    uv_loop_init(&bench.loop);
    if (crib_open(&bench.ex, &bench.loop, NULL, &error) < 0)
        return EXIT_FAILURE;
    for (int i = 0; i < ROWS; i++)
        start(&bench, &rows[i]);
    measure_speed(&bench, rows, false);
    measure_speed(&bench, rows, true);
    measure_share(&bench, rows);
    measure_restarts(&bench, rows);
    for (int i = 0; i < ROWS; i++)
        stop(&rows[i]);
    crib_close(bench.ex, NULL, NULL);
    uv_run(&bench.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&bench.loop) < 0 || bench.lost ? EXIT_FAILURE : EXIT_SUCCESS;
}
