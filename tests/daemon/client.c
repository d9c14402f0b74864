/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/client.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "primary/primary.h"

bool client_root(void)
{
    return getuid() == 0;
}

void client_become(uid_t uid)
{
    assert_int_equal(setgroups(0, NULL), 0);
    assert_int_equal(setegid(uid), 0);
    assert_int_equal(seteuid(uid), 0);
}

void client_back(void)
{
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
    /* the change of ids has taken it, and a sanitizer looks at its own process */
    prctl(PR_SET_DUMPABLE, 1);
}

void client_join(const struct cribd *daemon, struct cribd *ret)
{
    struct crib_error error = {0};

    *ret = *daemon;
    arena_init(&ret->arena, 0);
    if (rpc_open(NULL, daemon->socket, NULL, NULL, &ret->rpc, &error) < 0)
        fail_msg("rpc_open: %s %s", error.subject, error.detail);
}

void client_leave(struct cribd *client)
{
    rpc_close(client->rpc, NULL, NULL);
    client->rpc = NULL;
    arena_done(&client->arena);
}

void client_join_as(const struct cribd *daemon, uid_t uid, struct cribd *ret)
{
    if (client_root() && uid != 0)
        client_become(uid);
    client_join(daemon, ret);
    if (client_root() && uid != 0)
        client_back();
}

int client_connect_as(const struct cribd *daemon, uid_t uid)
{
    int sock;

    if (client_root() && uid != 0)
        client_become(uid);
    sock = cribd_connect(daemon);
    if (client_root() && uid != 0)
        client_back();
    return sock;
}

bool client_header(int sock, uint32_t len, uint32_t stream, uint8_t type, uint8_t flags)
{
    uint8_t header[TTRPC_HEADER] = {len >> 24,    len >> 16,   len >> 8, len,  stream >> 24,
                                    stream >> 16, stream >> 8, stream,   type, flags};

    return cribd_bytes(sock, header, sizeof(header));
}

bool client_frame(int sock, uint32_t stream, uint8_t type, uint8_t flags, const void *payload,
                  size_t len)
{
    return client_header(sock, (uint32_t)len, stream, type, flags) &&
           cribd_bytes(sock, payload, len);
}

void client_ended(int sock)
{
    char data[4096];
    ssize_t n;

    do
        n = recv(sock, data, sizeof(data), 0);
    while (n > 0);
    if (n < 0 && errno != ECONNRESET)
        fail_msg("the daemon has not ended the connection: %s", strerror(errno));
    close(sock);
}

void *client_pack(const void *message, size_t *ret_len)
{
    uint8_t *data = malloc(protobuf_c_message_get_packed_size(message) + 1);

    assert_non_null(data);
    *ret_len = protobuf_c_message_pack(message, data);
    return data;
}

void client_ask(int sock, uint32_t stream, const char *method, const void *message)
{
    size_t len;
    void *data = client_pack(message, &len);

    assert_true(cribd_request(sock, stream, method, data, len));
    free(data);
}

int client_pidfd(const struct cribd *daemon, uint64_t task)
{
    Crib__WaitRequest request = CRIB__WAIT_REQUEST__INIT;
    const Crib__WaitResponse *answer;
    int fd;

    request.task = task;
    answer = cribd_call((struct cribd *)daemon, RPC_WAIT, &request);
    assert_true(answer->pid > 1);
    fd = (int)syscall(SYS_pidfd_open, answer->pid, 0);
    assert_true(fd >= 0);
    return fd;
}

void client_gone(int pidfd)
{
    struct pollfd watched = {.fd = pidfd, .events = POLLIN};
    int r;

    do
        r = poll(&watched, 1, CRIBD_PATIENCE_MS);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        fail_msg("a task's init lives on");
    close(pidfd);
}

/* Return: the file's bytes in @to, ended by NUL; 0 where it is not there (any more). */
static size_t read_some(const char *path, char *to, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, to, size - 1);

    fd_close(&fd);
    to[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t)n : 0;
}

/* Return: how many processes have these bytes in their command line. */
static int count_with(const void *bytes, size_t len)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    char path[300], line[4096];
    int count = 0;

    assert_non_null(proc);
    while ((entry = readdir(proc))) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
        count += memmem(line, read_some(path, line, sizeof(line)), bytes, len) != NULL;
    }
    closedir(proc);
    return count;
}

int client_marked(const char *marker)
{
    return count_with(marker, strlen(marker));
}

static bool none_marked(void *data)
{
    return client_marked(data) == 0;
}

void client_none_marked(const char *marker)
{
    cribd_until(none_marked, (void *)marker, "no process of the task is left");
}

/* Its words are that option and its daemon's socket. */
static bool no_primary(void *data)
{
    const struct cribd *daemon = data;
    char words[256];
    int len = snprintf(words, sizeof(words), PRIMARY_OPTION "%c%s", '\0', daemon->socket);

    return count_with(words, (size_t)len) == 0;
}

void client_no_primary(const struct cribd *daemon)
{
    cribd_until(no_primary, (void *)daemon, "no primary is left");
}

/* Return: pids in text, malloced. */
static char *children_of(const struct cribd *daemon)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", daemon->pid, daemon->pid);
    return test_read(path, NULL);
}

int client_children(const struct cribd *daemon)
{
    char *text = children_of(daemon), *rest = text;
    int count = 0;

    while (strtok_r(rest, " ", &rest))
        count++;
    free(text);
    return count;
}

int client_child_fds(const struct cribd *daemon, int *fds, int max)
{
    char *text = children_of(daemon), *rest = text, *word;
    int count = 0;

    while (count < max && (word = strtok_r(rest, " ", &rest))) {
        fds[count] = (int)syscall(SYS_pidfd_open, atoi(word), 0);
        count += fds[count] >= 0;
    }
    free(text);
    return count;
}

struct quiet {
    const struct cribd *daemon;
    int tasks, fds; /* fds: -1 any */
    bool openers;   /* may be there */
};

#define OPENER_FDS 2 /* of the daemon, for each opener: its socket and its pidfd */

static bool is_quiet(void *data)
{
    const struct quiet *quiet = data;
    int openers = client_children(quiet->daemon) - quiet->tasks;

    return openers >= 0 && (openers == 0 || quiet->openers) &&
           (quiet->fds < 0 || cribd_fds(quiet->daemon) == quiet->fds + openers * OPENER_FDS);
}

void client_quiet(const struct cribd *daemon, int tasks)
{
    struct quiet quiet = {daemon, tasks, -1, false};

    cribd_until(is_quiet, &quiet, "the daemon has its tasks' processes and no others");
}

static int fds_without_openers(const struct cribd *daemon, int tasks)
{
    return cribd_fds(daemon) - (client_children(daemon) - tasks) * OPENER_FDS;
}

/* What is counted while an opener comes or goes counts for nothing: the same, ten times over. */
struct client_measure client_measure(const struct cribd *daemon, int tasks)
{
    int fds = fds_without_openers(daemon, tasks), again;

    for (int same = 0; same < 10; same = again == fds ? same + 1 : 0, fds = again) {
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        again = fds_without_openers(daemon, tasks);
    }
    return (struct client_measure){fds, cribd_memory(daemon)};
}

static void check_memory(const struct cribd *daemon, const struct client_measure *before,
                         size_t more)
{
    size_t memory = cribd_memory(daemon);

    if (memory > before->memory + more + CLIENT_SLACK)
        fail_msg("the daemon has grown from %zu to %zu bytes", before->memory, memory);
}

void client_settled(const struct cribd *daemon, const struct client_measure *before, int tasks,
                    size_t more)
{
    struct quiet quiet = {daemon, tasks, before->fds, false};

    cribd_until(is_quiet, &quiet, "the daemon has as many descriptors as before");
    check_memory(daemon, before, more);
}

void client_settled_soon(const struct cribd *daemon, const struct client_measure *before, int tasks,
                         size_t more)
{
    struct quiet quiet = {daemon, tasks, before->fds, true};

    cribd_until(is_quiet, &quiet, "the daemon has as many descriptors as before, but for openers");
    check_memory(daemon, before, more);
}

size_t client_tasks(struct cribd *client)
{
    Crib__ListRequest request = CRIB__LIST_REQUEST__INIT;

    return ((const Crib__ListResponse *)cribd_call(client, RPC_LIST, &request))->n_tasks;
}
