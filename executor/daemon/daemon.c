/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/daemon.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/cluster_call.h"
#include "daemon/connection.h"
#include "daemon/log.h"

#define ACCEPTS_AT_ONCE  16    /* in one turn of the loop */
#define ACCEPT_PAUSE_MS  100   /* where no fd is left for another connection */
#define STUCK_MS         5000  /* for what has been killed */
#define LAST_WORDS_MS    500   /* for clients to fetch the end of the last task, while draining */
#define RETRY_MS         50    /* between looks of mailboxes for room */
#define SWEEP_MS         60000 /* between looks for what was kept long enough */
#define PREPARED_IDLE_MS 60000 /* of sandboxes that nobody has asked for */

struct held_site *daemon_hold_site(struct daemon *daemon)
{
    daemon->held->users++;
    return daemon->held;
}

void daemon_drop_site(struct daemon *daemon, struct held_site *held)
{
    (void)daemon;
    if (!held || --held->users)
        return;
    site_free(held->site);
    free(held);
}

/* Those that wait stay as long as their number does: what a policy has become is in their key. */
static int set_prepared(struct daemon *daemon, const struct site *site, struct crib_error *err)
{
    unsigned most = site_prepared(site);
    int r =
        most == daemon->prepared ? 0 : crib_set_prepared(daemon->ex, most, PREPARED_IDLE_MS, err);

    if (r == 0)
        daemon->prepared = most;
    return r;
}

int daemon_reload(struct daemon *daemon, struct crib_error *err)
{
    struct held_site *held = calloc(1, sizeof(*held)), *old = daemon->held;
    int r = held ? site_load(daemon->config, daemon->policies, &held->site, err)
                 : fail_sys(err, -ENOMEM, "site", -1, NULL, NULL);

    if (r == 0 && daemon->ex)
        r = set_prepared(daemon, held->site, err);
    if (r < 0) {
        if (held)
            site_free(held->site);
        free(held);
        return r;
    }
    held->users = 1;
    daemon->held = held;
    if (daemon->quota)
        quota_site(daemon->quota, held->site);
    daemon_drop_site(daemon, old);
    return 0;
}

/* Return: whether @n more bytes would be over three quarters of @most. */
static bool over(uint64_t used, size_t n, uint64_t most)
{
    return used + n > most - most / 4;
}

int daemon_charge(struct daemon *daemon, uid_t uid, size_t n)
{
    const struct site *site = daemon->held->site;

    if (over(quota_used(daemon->quota, uid, QUOTA_BYTES), n, site_quota_of(site, uid).queued_bytes))
        return -EDQUOT;
    if (over(quota_used_in_all(daemon->quota, QUOTA_BYTES), n, site_quota_total(site).queued_bytes))
        return -ENOSPC;
    return quota_charge(daemon->quota, uid, QUOTA_BYTES, n);
}

bool daemon_crowded(const struct daemon *daemon, uid_t uid)
{
    const struct site *site = daemon->held->site;

    return over(quota_used(daemon->quota, uid, QUOTA_BYTES), 1,
                site_quota_of(site, uid).queued_bytes) ||
           over(quota_used_in_all(daemon->quota, QUOTA_BYTES), 1,
                site_quota_total(site).queued_bytes);
}

static int charge_fds(uid_t uid, int n, void *data)
{
    struct daemon *daemon = data;
    int r = 0;

    if (n >= 0)
        r = quota_charge(daemon->quota, uid, QUOTA_FDS, (size_t)n);
    else
        quota_release(daemon->quota, uid, QUOTA_FDS, (size_t)-n);
    return r < 0 ? -EDQUOT : 0;
}

static int take_terminal(struct entry *entry, int **ret, size_t *ret_count)
{
    int master;

    *ret = malloc(sizeof(**ret));
    if (!*ret)
        return CODE_RESOURCE_EXHAUSTED;
    master = outlets_take_terminal(entry);
    if (master < 0) {
        free(*ret);
        *ret = NULL;
        return status_of(master);
    }
    **ret = master;
    *ret_count = 1;
    return 0;
}

static int take_fds(const struct peer *peer, const Crib__FdTake *take, int **ret_fds,
                    size_t *ret_count, const char **ret_why, void *data)
{
    struct entry *entry = entry_find(data, peer, take->task);

    *ret_why = "there is no such task, or no such fd of it";
    if (!entry)
        return CODE_NOT_FOUND;
    switch (take->what) {
    case CRIB__FD_TAKE__WHAT__PTY:
        if (entry->task && entry->task->output.task)
            *ret_why = "the policy limits its output, so the terminal has to pass the daemon: have "
                       "it read by Read or Attach, or use a policy without limits.output";
        return take_terminal(entry, ret_fds, ret_count);
    case CRIB__FD_TAKE__WHAT__MESSAGE:
        return mailbox_take_fds(entry, take->message, ret_fds, ret_count) < 0 ? CODE_NOT_FOUND : 0;
    case CRIB__FD_TAKE__WHAT__CHANNEL:
        return mailbox_take_channel(entry, ret_fds, ret_count) < 0 ? CODE_FAILED_PRECONDITION : 0;
    default:
        return CODE_INVALID_ARGUMENT;
    }
}

static void fdside_closed(const struct peer *peer, void *data)
{
    struct daemon *daemon = data;

    daemon->metrics.connections--;
    quota_release(daemon->quota, peer->uid, QUOTA_CONNECTIONS, 1);
    daemon_settle(daemon);
}

static void on_sweep(uv_timer_t *timer)
{
    entries_sweep(timer->data);
}

static void on_retry(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    if (mailboxes_retry(daemon))
        daemon_retry(daemon);
}

void daemon_retry(struct daemon *daemon)
{
    if (!daemon->ending && !uv_is_active((uv_handle_t *)&daemon->retry))
        uv_timer_start(&daemon->retry, on_retry, RETRY_MS, 0);
}

static int open_parts(struct daemon *daemon, struct crib_error *err)
{
    static const struct fdside_asks asks = {charge_fds, take_fds, fdside_closed};
    int r = crib_open(&daemon->ex, daemon->loop, NULL, err);

    daemon->metrics.ex = daemon->ex;
    if (r == 0)
        r = set_prepared(daemon, daemon->held->site, err);
    if (r == 0)
        r = openers_new(daemon->loop, &daemon->openers);
    if (r == 0)
        r = fdside_new(daemon->loop, &asks, daemon, &daemon->fdside);
    if (r == 0 && site_metrics(daemon->held->site))
        r = metrics_open(daemon->loop, site_metrics(daemon->held->site), &daemon->metrics,
                         &daemon->metrics_side, err);
    return r;
}

int daemon_open(struct daemon *daemon, uv_loop_t *loop, const char *config, const char *policies,
                struct crib_error *err)
{
    int r;

    *daemon = (struct daemon){.loop = loop, .config = config, .policies = policies};
    daemon->uid = geteuid();
    daemon->listener = (struct listener){.sock = -1, .lock = -1};
    if (getrandom(&daemon->instance, sizeof(daemon->instance), 0) < 0)
        daemon->instance = (uint64_t)getpid();
    entries_open(&daemon->entries);
    r = daemon_reload(daemon, err);
    if (r < 0)
        return r;
    daemon->quota = quota_new(daemon->held->site);
    if (!daemon->quota)
        return fail_sys(err, -ENOMEM, "quota", -1, NULL, NULL);
    r = open_parts(daemon, err);
    if (r < 0)
        return r;
    turns_open(&daemon->turns, loop);
    uv_timer_init(loop, &daemon->grace);
    uv_timer_init(loop, &daemon->sweep);
    uv_timer_init(loop, &daemon->accept_again);
    uv_timer_init(loop, &daemon->retry);
    daemon->retry.data = daemon->grace.data = daemon->sweep.data = daemon->accept_again.data =
        daemon;
    uv_timer_start(&daemon->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    return 0;
}

static void on_connection(uv_poll_t *poll, int status, int events);

static void on_accept_again(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    uv_poll_start(&daemon->listen_poll, UV_READABLE, on_connection);
}

/* Who cannot be let in hears it by the end of the connection. */
static void let_in(struct daemon *daemon, int sock)
{
    int r = connection_new(daemon, sock);

    if (r < 0)
        log_line(LOG_WARNING, "turned away",
                 (struct log_field[]){LOG_T("why", strerror(-r)), LOG_END});
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct daemon *daemon = poll->data;

    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPTS_AT_ONCE; i++) {
        int sock = accept4(daemon->listener.sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (sock >= 0) {
            let_in(daemon, sock);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            /* Asking on and on would only spin. */
            uv_poll_stop(&daemon->listen_poll);
            uv_timer_start(&daemon->accept_again, on_accept_again, ACCEPT_PAUSE_MS, 0);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

int daemon_serve(struct daemon *daemon, struct listener *listener, struct crib_error *err)
{
    int r = uv_poll_init(daemon->loop, &daemon->listen_poll, listener->sock);

    if (r < 0)
        return fail_sys(err, r, "socket", -1, listener->path, "watch it");
    daemon->listener = *listener;
    daemon->listening = true;
    daemon->listen_poll.data = daemon;
    uv_poll_start(&daemon->listen_poll, UV_READABLE, on_connection);
    return 0;
}

static void stop_listening(struct daemon *daemon)
{
    if (!daemon->listening)
        return;
    daemon->listening = false;
    uv_timer_stop(&daemon->accept_again);
    uv_close((uv_handle_t *)&daemon->listen_poll, NULL);
    listen_done(&daemon->listener);
}

static void on_grace(uv_timer_t *timer)
{
    daemon_end(timer->data);
}

void daemon_drain(struct daemon *daemon)
{
    if (daemon->draining)
        return;
    daemon->draining = true;
    log_line(LOG_INFO, "draining",
             (struct log_field[]){LOG_N("tasks", daemon->entries.living), LOG_END});
    clusters_drain(daemon);
    stop_listening(daemon);
    uv_timer_start(&daemon->grace, on_grace, site_grace_ms(daemon->held->site), 0);
    daemon_settle(daemon);
}

static void ended(struct daemon *daemon)
{
    /* Whatever was charged has been given back, or somebody would run out of it in time. */
    for (int kind = 0; kind < QUOTA_KINDS; kind++)
        assert(quota_used_in_all(daemon->quota, (enum quota_kind)kind) == 0);
    quota_free(daemon->quota);
    daemon->quota = NULL;
    daemon_drop_site(daemon, daemon->held);
    daemon->held = NULL;
    if (daemon->ended)
        daemon->ended(daemon);
}

static void part_closed(void *data)
{
    struct daemon *daemon = data;

    if (--daemon->open == 0)
        ended(daemon);
}

static void turns_closed(uv_handle_t *handle)
{
    struct turns *turns = handle->data;

    part_closed((char *)turns - offsetof(struct daemon, turns));
}

/* Every task and connection is gone. */
static void close_parts(struct daemon *daemon)
{
    daemon->closing = true;
    daemon->open = 5;
    uv_close((uv_handle_t *)&daemon->grace, NULL);
    uv_close((uv_handle_t *)&daemon->sweep, NULL);
    uv_close((uv_handle_t *)&daemon->accept_again, NULL);
    uv_close((uv_handle_t *)&daemon->retry, NULL);
    turns_close(&daemon->turns, turns_closed);
    crib_close(daemon->ex, part_closed, daemon);
    openers_close(daemon->openers, part_closed, daemon);
    fdside_close(daemon->fdside, part_closed, daemon);
    metrics_close(daemon->metrics_side, part_closed, daemon);
}

void daemon_settle(struct daemon *daemon)
{
    /* From the loop: whoever settles may still be in the middle of what would be closed. */
    if (daemon->draining && !daemon->ending && daemon->entries.living == 0)
        uv_timer_start(&daemon->grace, on_grace, daemon->connections ? LAST_WORDS_MS : 0, 0);
    if (daemon->ending && !daemon->closing && !daemon->entries.count && !daemon->entries.living &&
        !daemon->connections && !daemon->metrics.clusters)
        close_parts(daemon);
}

/* A task whose processes wait for a file system cannot be killed. It goes when it can: not our
 * wait. */
static void on_stuck(uv_timer_t *timer)
{
    const struct daemon *daemon = timer->data;

    log_line(LOG_WARNING, "left behind",
             (struct log_field[]){LOG_N("tasks", daemon->entries.living), LOG_END});
    _exit(0);
}

void daemon_end(struct daemon *daemon)
{
    if (daemon->ending)
        return;
    daemon->draining = daemon->ending = true;
    stop_listening(daemon);
    uv_timer_start(&daemon->grace, on_stuck, STUCK_MS, 0);
    while (daemon->connections)
        connection_close(daemon->connections);
    while (daemon->entries.all)
        entry_forget(daemon->entries.all);
    daemon_settle(daemon);
}
