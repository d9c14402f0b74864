/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/cribd.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"

static void doze(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

void cribd_until(bool (*done)(void *data), void *data, const char *what)
{
    uint64_t end = clock_us() + CRIBD_PATIENCE_MS * 1000ull;

    while (!done(data)) {
        if (clock_us() > end)
            fail_msg("not within %d s: %s", CRIBD_PATIENCE_MS / 1000, what);
        doze();
    }
}

static const char *program(void)
{
    static char path[4096];
    const char *named = getenv("CRIBD"), *probe = getenv("CRIB_PROBE");

    if (named)
        return named;
    if (probe) {
        snprintf(path, sizeof(path), "%s", probe);
        snprintf(strrchr(path, '/') + 1, sizeof("cribd"), "cribd");
        if (access(path, X_OK) == 0)
            return path;
    }
    return CRIBD_PATH;
}

static char *beside(const struct cribd *daemon, const char *name)
{
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", daemon->dir, name) > 0);
    return path;
}

static void run(struct cribd *daemon)
{
    char *site = beside(daemon, "site.yaml");
    int log = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    daemon->pid = fork();
    if (daemon->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also where a test fails before it stops it */
        dup2(log, STDERR_FILENO);
        dup2(open("/dev/null", O_RDWR), STDIN_FILENO);
        if (access(site, F_OK) == 0)
            execl(program(), "cribd", "--socket", daemon->socket, "--config", site, NULL);
        else
            execl(program(), "cribd", "--socket", daemon->socket, NULL);
        _exit(127);
    }
    assert_true(daemon->pid > 0);
    close(log);
    free(site);
}

static int try_connect(const struct cribd *daemon)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(sock >= 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", daemon->socket);
    if (connect(sock, (struct sockaddr *)&address, sizeof(address)) < 0)
        fd_close(&sock);
    return sock;
}

static bool listens(void *data)
{
    const struct cribd *daemon = data;
    int sock = try_connect(daemon);

    if (sock < 0 && waitpid(daemon->pid, NULL, WNOHANG) == daemon->pid)
        fail_msg("cribd has ended: %s", test_read(daemon->log, NULL));
    fd_close(&sock);
    return sock >= -1 && access(daemon->socket, F_OK) == 0 && (sock = try_connect(daemon)) >= 0 &&
           close(sock) == 0;
}

void cribd_restart(struct cribd *daemon)
{
    struct crib_error error;

    run(daemon);
    cribd_until(listens, daemon, "cribd listens");
    if (rpc_open(NULL, daemon->socket, NULL, NULL, &daemon->rpc, &error) < 0)
        fail_msg("rpc_open: %s %s", error.subject, error.detail);
}

void cribd_start(struct cribd *daemon, const char *site)
{
    *daemon = (struct cribd){.pid = -1};
    arena_init(&daemon->arena, 0);
    daemon->dir = test_dir();
    assert_int_equal(chmod(daemon->dir, 0755), 0);
    daemon->socket = beside(daemon, "s");
    daemon->log = beside(daemon, "log");
    if (site) {
        char *path = beside(daemon, "site.yaml");

        test_write(path, site, strlen(site), 0644);
        free(path);
    }
    cribd_restart(daemon);
}

static void reap(struct cribd *daemon, int *ret_status)
{
    uint64_t end = clock_us() + CRIBD_PATIENCE_MS * 1000ull;

    while (waitpid(daemon->pid, ret_status, WNOHANG) == 0) {
        if (clock_us() > end) {
            kill(daemon->pid, SIGKILL);
            waitpid(daemon->pid, ret_status, 0);
            fail_msg("cribd did not end; its log: %s", test_read(daemon->log, NULL));
        }
        doze();
    }
    daemon->pid = -1;
}

void cribd_kill(struct cribd *daemon)
{
    int status;

    kill(daemon->pid, SIGKILL);
    reap(daemon, &status);
    rpc_close(daemon->rpc, NULL, NULL);
    daemon->rpc = NULL;
}

void cribd_stop(struct cribd *daemon)
{
    int status = 0;

    if (daemon->rpc)
        rpc_close(daemon->rpc, NULL, NULL);
    if (daemon->pid > 0) {
        kill(daemon->pid, SIGTERM);
        reap(daemon, &status);
        if (status != 0)
            fail_msg("cribd ended with wait status 0x%x; its log: %s", status,
                     test_read(daemon->log, NULL));
    }
    arena_done(&daemon->arena);
    free(daemon->dir);
    free(daemon->socket);
    free(daemon->log);
}

const void *cribd_call(struct cribd *daemon, enum rpc_method method, const void *request)
{
    ProtobufCMessage *answer = NULL;
    struct crib_error error = {0};
    char text[1024];

    if (rpc_wait(daemon->rpc, method, request, CRIBD_PATIENCE_MS, &daemon->arena, &answer, &error) <
        0)
        fail_msg("method %d: %s", method, crib_error_text(&error, text, sizeof(text)));
    return answer;
}

int cribd_refused(struct cribd *daemon, enum rpc_method method, const void *request,
                  struct crib_error *error)
{
    ProtobufCMessage *answer = NULL;
    int r =
        rpc_wait(daemon->rpc, method, request, CRIBD_PATIENCE_MS, &daemon->arena, &answer, error);

    if (r >= 0)
        fail_msg("method %d was not refused", method);
    return -r;
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)text};
}

uint64_t cribd_spawn(struct cribd *daemon, const char *file, const char *const *args,
                     void (*change)(Crib__SpawnRequest *request))
{
    Crib__SpawnRequest request = CRIB__SPAWN_REQUEST__INIT;
    Crib__Task task = CRIB__TASK__INIT;
    ProtobufCBinaryData list[32], env = bytes_of("PATH=/usr/bin:/bin");

    request.task = &task;
    request.env = &env;
    request.n_env = 1;
    task.has_file = true;
    task.file = bytes_of(file);
    task.args = list;
    for (; args && args[task.n_args]; task.n_args++)
        list[task.n_args] = bytes_of(args[task.n_args]);
    if (change)
        change(&request);
    return ((const Crib__SpawnResponse *)cribd_call(daemon, RPC_SPAWN, &request))->task;
}

const Crib__WaitResponse *cribd_wait(struct cribd *daemon, uint64_t task, Crib__TaskState until)
{
    Crib__WaitRequest request = CRIB__WAIT_REQUEST__INIT;
    const Crib__WaitResponse *answer;

    request.task = task;
    request.until = until;
    request.wait = CRIBD_PATIENCE_MS;
    do
        answer = cribd_call(daemon, RPC_WAIT, &request);
    while (answer->n_events && answer->state < until &&
           (request.after = answer->events[answer->n_events - 1]->number));
    assert_true(answer->state >= until);
    return answer;
}

const char *cribd_output(struct cribd *daemon, uint64_t task, uint32_t stream)
{
    Crib__ReadRequest request = CRIB__READ_REQUEST__INIT;
    const Crib__ReadResponse *answer;
    struct buf all = {0};
    const char *text;

    request.task = task;
    request.stream = stream;
    request.wait = CRIBD_PATIENCE_MS;
    do {
        answer = cribd_call(daemon, RPC_READ, &request);
        assert_int_equal(answer->offset, request.offset);
        assert_int_equal(buf_append(&all, answer->data.data, answer->data.len), 0);
        request.offset += answer->data.len;
    } while (!answer->end);
    text = arena_copy(&daemon->arena, all.data ? all.data : (uint8_t *)"", all.len);
    buf_done(&all);
    return text;
}

int cribd_connect(const struct cribd *daemon)
{
    struct timeval patience = {.tv_sec = CRIBD_PATIENCE_MS / 1000};
    int sock = try_connect(daemon);

    assert_true(sock >= 0);
    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return sock;
}

bool cribd_bytes(int sock, const void *data, size_t len)
{
    const char *at = data;

    while (len) {
        ssize_t n = send(sock, at, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool cribd_request(int sock, uint32_t stream, const char *method, const void *payload, size_t len)
{
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    size_t size;
    uint8_t *data;
    bool r;

    request.service = (char *)"crib.Executor";
    request.method = (char *)method;
    request.payload = (ProtobufCBinaryData){.len = len, .data = (uint8_t *)payload};
    size = crib__ttrpc__request__get_packed_size(&request);
    data = malloc(TTRPC_HEADER + size);
    assert_non_null(data);
    memcpy(data,
           (uint8_t[]){size >> 24, size >> 16, size >> 8, size, stream >> 24, stream >> 16,
                       stream >> 8, stream, TTRPC_REQUEST, 0},
           TTRPC_HEADER);
    crib__ttrpc__request__pack(&request, data + TTRPC_HEADER);
    r = cribd_bytes(sock, data, TTRPC_HEADER + size);
    free(data);
    return r;
}

static bool receive(int sock, uint8_t *to, size_t len)
{
    while (len) {
        ssize_t n = recv(sock, to, len, 0);

        if (n < 0 && errno == EAGAIN)
            fail_msg("the daemon says nothing, and does not close");
        if (n <= 0)
            return false;
        to += n;
        len -= (size_t)n;
    }
    return true;
}

bool cribd_frame(int sock, struct ttrpc_frame *ret, uint8_t **payload)
{
    uint8_t head[TTRPC_HEADER];

    *payload = NULL;
    if (!receive(sock, head, sizeof(head)))
        return false;
    ret->len = (size_t)head[0] << 24 | head[1] << 16 | head[2] << 8 | head[3];
    ret->stream = (uint32_t)head[4] << 24 | head[5] << 16 | head[6] << 8 | head[7];
    ret->type = head[8];
    ret->flags = head[9];
    assert_true(ret->len <= TTRPC_MAX);
    *payload = malloc(ret->len + 1);
    assert_non_null(*payload);
    ret->payload = *payload;
    return receive(sock, *payload, ret->len);
}

int cribd_code(int sock)
{
    Crib__Ttrpc__Response *response;
    struct ttrpc_frame frame;
    uint8_t *payload;
    int code = -1;

    if (cribd_frame(sock, &frame, &payload)) {
        assert_int_equal(frame.type, TTRPC_RESPONSE);
        response = crib__ttrpc__response__unpack(NULL, frame.len, frame.payload);
        assert_non_null(response);
        code = response->status ? response->status->code : 0;
        crib__ttrpc__response__free_unpacked(response, NULL);
    }
    free(payload);
    return code;
}

bool cribd_alive(const struct cribd *daemon)
{
    int sock = cribd_connect(daemon), code;

    cribd_request(sock, 1, "Info", NULL, 0);
    code = cribd_code(sock);
    close(sock);
    return code == 0;
}

size_t cribd_memory(const struct cribd *daemon)
{
    char path[64], *text, *line;
    size_t kib = 0;

    snprintf(path, sizeof(path), "/proc/%d/status", daemon->pid);
    text = test_read(path, NULL);
    line = strstr(text, "VmRSS:");
    assert_non_null(line);
    kib = strtoul(line + sizeof("VmRSS:"), NULL, 10);
    free(text);
    return kib * 1024;
}

int cribd_fds(const struct cribd *daemon)
{
    return test_count_fds(daemon->pid);
}
