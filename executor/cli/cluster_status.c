/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cluster_status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "text/utf8.h"

#define TAKE_AWAY "\r\033[K"
#define LATER_MS  100 /* so that a flood of events is no flood of these */
#define COLUMNS   80  /* of a terminal that does not say */

/* What we write from the background would be in somebody else's picture. */
static bool in_foreground(void)
{
    return tcgetpgrp(STDERR_FILENO) == getpgrp();
}

static unsigned count(const crib_cluster *cluster, bool serving)
{
    unsigned n = 0;

    for (const crib_worker *worker = NULL; (worker = crib_cluster_next(cluster, worker));) {
        enum crib_worker_state state = crib_worker_state(worker);

        n += serving ? state == CRIB_WORKER_LISTENING : state < CRIB_WORKER_LEAVING;
    }
    return n;
}

unsigned cluster_status_running(const crib_cluster *cluster)
{
    return count(cluster, false);
}

static int write_workers(const crib_cluster *cluster, char *text, size_t size)
{
    unsigned running = count(cluster, false), wanted = crib_cluster_wanted(cluster);

    if (running == wanted)
        return snprintf(text, size, "crib: %u worker%s, %u listening", running,
                        running == 1 ? "" : "s", count(cluster, true));
    return snprintf(text, size, "crib: %u of %u workers, %u listening", running, wanted,
                    count(cluster, true));
}

static int write_addresses(const struct cluster_status *status, char *text, size_t size)
{
    if (status->address_count == 0)
        return 0;
    if (status->address_count == 1)
        return snprintf(text, size, ", %s", status->addresses[0]);
    return snprintf(text, size, ", %s and %u more", status->addresses[0],
                    status->address_count - 1);
}

/* One that is wider than the terminal would become two, of which one stays. */
static size_t columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col ? size.ws_col : COLUMNS;
}

static void show(uv_timer_t *timer)
{
    struct cluster_status *status = timer->data;
    char line[2 * LISTEN_TEXT] = TAKE_AWAY, *text = line + sizeof(TAKE_AWAY) - 1;
    size_t size = sizeof(line) - (sizeof(TAKE_AWAY) - 1), width = columns();
    int len;

    if (!lines_idle(status->lines) || !in_foreground())
        return;
    len = write_workers(status->cluster, text, size);
    len += write_addresses(status, text + len, size - (size_t)len);
    snprintf(text + len, size - (size_t)len, ", %u restart%s, %u crash%s", status->restarts,
             status->restarts == 1 ? "" : "s", status->crashes, status->crashes == 1 ? "" : "es");
    if (strlen(text) >= width)
        text[width - 1] = '\0';
    utf8_tame(text);
    status->shown = true;
    lines_put(status->lines, line, strlen(line));
}

int cluster_status_open(struct cluster_status *status, uv_loop_t *loop, struct lines *lines)
{
    const char *terminal = getenv("TERM");
    int r;

    if (!isatty(STDERR_FILENO) || !terminal || strcmp(terminal, "dumb") == 0)
        return 0;
    r = uv_timer_init(loop, &status->timer);
    if (r < 0)
        return r;
    status->timer.data = status;
    uv_unref((uv_handle_t *)&status->timer);
    status->lines = lines;
    return 0;
}

static void take_away(struct cluster_status *status)
{
    if (status->shown && in_foreground())
        lines_put(status->lines, TAKE_AWAY, sizeof(TAKE_AWAY) - 1);
    status->shown = false;
}

void cluster_status_clear(struct cluster_status *status)
{
    if (!status->lines)
        return;
    take_away(status);
    if (status->cluster && !uv_is_active((uv_handle_t *)&status->timer))
        uv_timer_start(&status->timer, show, LATER_MS, 0);
}

void cluster_status_address(struct cluster_status *status, const char *address)
{
    for (unsigned i = 0; i < status->address_count; i++)
        if (strcmp(status->addresses[i], address) == 0)
            return;
    if (status->address_count < STATUS_ADDRESSES)
        snprintf(status->addresses[status->address_count++], LISTEN_TEXT, "%s", address);
}

void cluster_status_close(struct cluster_status *status)
{
    if (!status->lines)
        return;
    take_away(status);
    uv_close((uv_handle_t *)&status->timer, NULL);
    status->lines = NULL;
}
