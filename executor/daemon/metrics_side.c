/* SPDX-License-Identifier: Apache-2.0 */
/* Where the metrics are told: a socket (scrape.c), or a file that is replaced. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "daemon/log.h"
#include "daemon/scrape.h"

struct metrics_side {
    struct scrape *scrape; /* or, when NULL, the file: */
    const struct metrics *metrics;
    char *path, *beside;
    uv_timer_t timer;
    bool failing; /* told already */
    void (*closed)(void *data);
    void *data;
};

/* Made anew each time, whatever lies there: a link would lead elsewhere. */
static int write_beside(const struct metrics_side *side)
{
    struct buf text = {0};
    AUTO_FD int fd = -1;
    int r = metrics_write(side->metrics, &text);

    if (r == 0) {
        (void)unlink(side->beside);
        fd = open(side->beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        r = fd < 0 || fchmod(fd, 0644) < 0 ? -errno : fd_write_all(fd, text.data, text.len);
    }
    buf_done(&text);
    return r;
}

static int write_file(const struct metrics_side *side)
{
    int r = write_beside(side);

    if (r == 0 && rename(side->beside, side->path) < 0)
        r = -errno;
    if (r < 0)
        (void)unlink(side->beside);
    return r;
}

static void on_time(uv_timer_t *timer)
{
    struct metrics_side *side = timer->data;
    int r = write_file(side);

    if (r < 0 && !side->failing)
        log_line(
            LOG_WARNING, "metrics",
            (struct log_field[]){LOG_T("file", side->path), LOG_T("error", strerror(-r)), LOG_END});
    side->failing = r < 0;
}

static int open_file(struct metrics_side *side, uv_loop_t *loop, const char *path,
                     struct crib_error *err)
{
    int r;

    side->path = strdup(path);
    if (!side->path || asprintf(&side->beside, "%s.new", path) < 0) {
        side->beside = NULL;
        return fail_sys(err, -ENOMEM, "metrics", -1, path, NULL);
    }
    r = write_file(side);
    if (r < 0)
        return fail_sys(err, r, "metrics", -1, path, "write");
    uv_timer_init(loop, &side->timer);
    side->timer.data = side;
    uv_timer_start(&side->timer, on_time, METRICS_MS, METRICS_MS);
    return 0;
}

static void free_side(struct metrics_side *side)
{
    free(side->path);
    free(side->beside);
    free(side);
}

int metrics_open(uv_loop_t *loop, const char *where, const struct metrics *metrics,
                 struct metrics_side **ret, struct crib_error *err)
{
    struct metrics_side *side = calloc(1, sizeof(*side));
    int r;

    if (!side)
        return fail_sys(err, -ENOMEM, "metrics", -1, where, NULL);
    side->metrics = metrics;
    if (strncmp(where, "unix:", 5) == 0 && where[5])
        r = scrape_open(loop, where + 5, metrics, &side->scrape, err);
    else if (strncmp(where, "file:", 5) == 0 && where[5])
        r = open_file(side, loop, where + 5, err);
    else
        r = fail_text(err, -EINVAL, "metrics", -1, where, "is neither unix:PATH nor file:PATH");
    if (r < 0)
        free_side(side);
    else
        *ret = side;
    return r;
}

static void on_scrape_closed(void *data)
{
    struct metrics_side *side = data;
    void (*closed)(void *data) = side->closed;

    data = side->data;
    free_side(side);
    if (closed)
        closed(data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    on_scrape_closed(handle->data);
}

void metrics_close(struct metrics_side *side, void (*closed)(void *data), void *data)
{
    if (!side) {
        if (closed)
            closed(data);
        return;
    }
    side->closed = closed;
    side->data = data;
    if (side->scrape) {
        scrape_close(side->scrape, on_scrape_closed, side);
        return;
    }
    (void)unlink(side->path); /* numbers of a daemon that is gone would look like a quiet one's */
    uv_close((uv_handle_t *)&side->timer, on_timer_closed);
}
