/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/run.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "harness/attempt.h"
#include "harness/judge.h"
#include "harness/match.h"

#define SIGNALS  3
#define FDS_EACH 8            /* descriptors that a running task takes, and more */
#define FDS_REST 96           /* all else, and the mounts of one that is being started */
#define WHY_MAX  (256 * 1024) /* bytes of what is told of one case */
#define TOO_LONG "... and more than can be told\n"

static const int stopped_by[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

struct run {
    const struct run_options *options;
    struct run_result *result;
    uv_loop_t loop;
    crib *ex;
    struct boxes boxes;
    uv_signal_t signals[SIGNALS];
    bool watched[SIGNALS];
    struct attempt *running;
    unsigned running_count, jobs;
    size_t next; /* case to be started */
    size_t said; /* cases told */
    bool stopping, starting, looping;
    int failed; /* 0; negative errno: the harness itself cannot go on */
};

static void start_more(struct run *run);

/* --- telling --- */

static void stop(struct run *run, int code)
{
    run->stopping = true;
    if (code < 0 && run->failed == 0)
        run->failed = code;
    for (struct attempt *a = run->running; a; a = a->next)
        attempt_stop(a);
}

static void say(struct run *run, int r, struct buf *text)
{
    if (r == 0 && text->len)
        r = run->options->say(run->options->data, (const char *)text->data, text->len);
    if (r < 0)
        stop(run, r);
    buf_done(text);
}

static void show_progress(struct run *run)
{
    const struct attempt *longest = run->running;
    struct buf text = {0};

    while (longest && longest->next) /* the newest is the first */
        longest = longest->next;
    if (run->options->progress &&
        report_progress(&text, &run->result->summary, longest ? longest->item : NULL) == 0)
        run->options->progress(run->options->data, (const char *)text.data, text.len);
    buf_done(&text);
}

static void hide_progress(struct run *run)
{
    if (run->options->progress)
        run->options->progress(run->options->data, NULL, 0);
}

/* Tells whatever has nothing untold before it. */
static void tell(struct run *run)
{
    struct run_result *result = run->result;
    struct buf text = {0};
    int r = 0;

    while (r == 0 && run->said < result->summary.cases && result->told[run->said].over) {
        r = run->options->report->one(&text, &result->told[run->said], run->said + 1);
        run->said++;
    }
    if (text.len || r < 0)
        hide_progress(run);
    say(run, r, &text);
    show_progress(run);
}

/* --- one after the other --- */

/* Return: what is wrong, ended by NUL; NULL when nothing is. */
static char *judged(struct run *run, struct attempt *a)
{
    struct buf why = {.max = WHY_MAX};
    int r = judge(a->item, &a->findings, &why);

    if (r == -E2BIG) {
        why.max = 0;
        r = buf_text(&why, TOO_LONG);
        r = r < 0 ? r : 1;
    }
    if (r > 0 && buf_append(&why, "", 1) < 0)
        r = -ENOMEM;
    if (r <= 0) {
        buf_done(&why);
        if (r < 0)
            stop(run, r);
        return NULL;
    }
    return (char *)why.data; /* nothing was consumed: where the allocation starts */
}

static void finish(struct run *run, struct attempt *a)
{
    struct summary *summary = &run->result->summary;
    struct told *told = a->data;

    told->why = judged(run, a);
    told->over = !run->stopping; /* what was killed is not judged */
    told->passed = !told->why;
    told->wall_us = a->findings.wall_us;
    if (told->over && told->passed)
        summary->passed++;
    else if (told->over)
        summary->failed++;
    attempt_end(a);
    free(a);
    tell(run);
}

struct mine {
    struct attempt attempt; /* first */
    struct run *run;
};

static void on_done(struct attempt *a)
{
    struct run *run = ((struct mine *)a)->run;
    struct attempt **at = &run->running;

    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    run->running_count--;
    finish(run, a);
    start_more(run);
}

static void start_one(struct run *run, struct told *told)
{
    struct mine *mine = calloc(1, sizeof(*mine));

    if (!mine) {
        stop(run, -ENOMEM);
        return;
    }
    mine->run = run;
    mine->attempt.item = told->item;
    mine->attempt.done = on_done;
    mine->attempt.data = told;
    if (attempt_start(&mine->attempt, run->ex, &run->boxes) == 0) {
        mine->attempt.next = run->running;
        run->running = &mine->attempt;
        run->running_count++;
    } else {
        finish(run, &mine->attempt);
    }
}

/* When nothing runs any more. A loop that is stopped before it runs would not run the next time. */
static void stop_loop(struct run *run)
{
    if (run->looping && run->running_count == 0)
        uv_stop(&run->loop);
}

static void start_more(struct run *run)
{
    if (run->starting) /* out of finish(): the loop below goes on anyway */
        return;
    run->starting = true;
    while (!run->stopping && run->running_count < run->jobs &&
           run->next < run->result->summary.cases)
        start_one(run, &run->result->told[run->next++]);
    run->starting = false;
    if (run->running)
        show_progress(run);
    stop_loop(run);
}

/* --- all of it --- */

/* No more at once than there are descriptors for: a case is not to fail for want of them. */
static unsigned jobs_of(unsigned asked)
{
    unsigned jobs = asked ? asked : uv_available_parallelism();
    struct rlimit limit;
    rlim_t most;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return jobs;
    most = limit.rlim_cur > FDS_REST ? (limit.rlim_cur - FDS_REST) / FDS_EACH : 0;
    return most < 1 ? 1 : jobs < most ? jobs : (unsigned)most;
}

static void on_signal(uv_signal_t *handle, int signo)
{
    struct run *run = handle->data;

    (void)signo;
    run->result->summary.interrupted = true;
    stop(run, 0);
    stop_loop(run);
}

/* What the caller has us ignore stays ignored. */
static void watch_signals(struct run *run)
{
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction action;
        bool ignored = sigaction(stopped_by[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN;

        if (ignored || uv_signal_init(&run->loop, &run->signals[i]) < 0)
            continue;
        run->watched[i] = true;
        run->signals[i].data = run;
        (void)uv_signal_start(&run->signals[i], on_signal, stopped_by[i]);
        uv_unref((uv_handle_t *)&run->signals[i]);
    }
}

static int choose(const struct suites *suites, const char *filter, struct run_result *ret,
                  struct crib_error *err)
{
    ret->told = calloc(suites->item_count + 1, sizeof(*ret->told));
    if (!ret->told)
        return fail_sys(err, -ENOMEM, NULL, -1, NULL, NULL);
    for (size_t i = 0; i < suites->item_count; i++)
        if (match_glob(filter, suites->items[i].name))
            ret->told[ret->summary.cases++].item = &suites->items[i];
    if (ret->summary.cases)
        return 0;
    return fail_text(err, -ENOENT, NULL, -1, NULL, "no case is called '%s'", filter ? filter : "");
}

static void run_all(struct run *run)
{
    uint64_t began = clock_us();
    struct buf text = {0};

    say(run, run->options->report->begin(&text, run->result->summary.cases), &text);
    show_progress(run);
    start_more(run);
    run->looping = run->running_count > 0;
    if (run->looping)
        uv_run(&run->loop, UV_RUN_DEFAULT);
    run->looping = false;
    run->result->summary.wall_us = clock_us() - began;
    hide_progress(run);
    text = (struct buf){0};
    say(run, run->options->report->end(&text, run->result->told, &run->result->summary), &text);
}

static int open_all(struct run *run, struct crib_error *err)
{
    int r = uv_loop_init(&run->loop);

    if (r < 0)
        return fail_sys(err, r, "loop", -1, NULL, "make one");
    r = crib_open(&run->ex, &run->loop, NULL, err);
    if (r < 0) {
        (void)uv_loop_close(&run->loop);
        return r;
    }
    watch_signals(run);
    return 0;
}

static void close_all(struct run *run)
{
    for (int i = 0; i < SIGNALS; i++)
        if (run->watched[i])
            uv_close((uv_handle_t *)&run->signals[i], NULL);
    crib_close(run->ex, NULL, NULL);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&run->loop);
}

int run_cases(const struct suites *suites, const struct run_options *options,
              struct run_result *ret, struct crib_error *err)
{
    struct run run = {.options = options, .result = ret};
    int r;

    memset(ret, 0, sizeof(*ret));
    r = choose(suites, options->filter, ret, err);
    if (r < 0)
        return r;
    run.jobs = jobs_of(options->jobs);
    boxes_init(&run.boxes);
    r = open_all(&run, err);
    if (r < 0)
        return r;
    run_all(&run);
    close_all(&run);
    r = boxes_close(&run.boxes);
    if (run.failed < 0)
        r = fail_sys(err, run.failed, NULL, -1, NULL, "tell what came of the cases");
    else if (r < 0)
        r = fail_sys(err, r, "files", -1, run.boxes.path, "could not be removed");
    free(run.boxes.path);
    return r;
}

void run_done(struct run_result *result)
{
    for (size_t i = 0; result->told && i < result->summary.cases; i++)
        free(result->told[i].why);
    free(result->told);
    memset(result, 0, sizeof(*result));
}
