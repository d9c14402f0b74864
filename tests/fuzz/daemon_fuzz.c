/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole daemon, without its processes, and two clients of it. The input is a row of steps: a byte
 * that says what is done, the length of its bytes (two, little-endian), and the bytes:
 *
 *     bits 0 to 4   a method by its place in the service: the bytes are a request's payload;
 *                   29 data for the stream that was opened last, 30 bytes as they are, 31 a whole
 *                   Request of its own
 *     bit 5         which client
 *     bits 6, 7     a deadline of so many milliseconds
 *
 * There are three tasks: one has ended, one runs and is detached, one is being set up. No task can
 * be started, since the quota is used up; the opener looks at paths, but opens no file.
 *
 * What is said back must be ttrpc: answers to what was asked, once each.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/fd.h"
#include "daemon/connection.h"
#include "daemon/daemon.h"
#include "daemon/opener.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DATA = 29, RAW = 30, REQUEST = 31, CLIENTS = 2, TASKS = 3, STREAMS = 512 };

struct client {
    int sock;
    struct ttrpc_reader *reader;
    uint32_t stream;          /* asked last, with a frame of our own */
    bool raw;                 /* it has said what it liked: ids may be any */
    uint8_t answers[STREAMS]; /* responses and ends, by half the id */
};

struct fuzzed {
    uv_loop_t loop;
    struct daemon daemon;
    struct client clients[CLIENTS];
    bool ended;
};

/* --- instead of the opener's processes --- */

struct opener_request {
    struct openers *openers;
    uv_timer_t timer;
    struct opener_answer answer;
    void (*tell)(struct opener_answer *answer, void *data);
    void *data;
};

struct openers {
    uv_loop_t *loop;
    uv_timer_t end;
    void (*closed)(void *data);
    void *data;
};

int openers_new(uv_loop_t *loop, struct openers **ret)
{
    *ret = calloc(1, sizeof(**ret));
    assert(*ret);
    (*ret)->loop = loop;
    uv_timer_init(loop, &(*ret)->end);
    (*ret)->end.data = *ret;
    return 0;
}

static void on_openers_closed(uv_handle_t *handle)
{
    struct openers *openers = handle->data;

    openers->closed(openers->data);
    free(openers);
}

/* Every connection is gone by then, and so is every request. */
void openers_close(struct openers *openers, void (*closed)(void *data), void *data)
{
    openers->closed = closed;
    openers->data = data;
    uv_close((uv_handle_t *)&openers->end, on_openers_closed);
}

static void on_request_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_opened(uv_timer_t *timer)
{
    struct opener_request *request = timer->data;

    request->tell(&request->answer, request->data);
    uv_close((uv_handle_t *)&request->timer, on_request_closed);
}

void opener_cancel(struct opener_request *request)
{
    uv_timer_stop(&request->timer);
    host_fds_done(&request->answer.fds);
    for (size_t i = 0; i < request->answer.n_files; i++)
        fd_close(&request->answer.files[i]);
    free(request->answer.files);
    uv_close((uv_handle_t *)&request->timer, on_request_closed);
}

int opener_ask(struct openers *openers, const struct peer *peer, const char *const *paths,
               size_t count, struct arena *arena, Crib__Host *host, const struct opener_file *files,
               size_t n_files, void (*answer)(struct opener_answer *answer, void *data), void *data,
               struct opener_request **ret, struct crib_error *err)
{
    struct opener_request *request = calloc(1, sizeof(*request));

    (void)peer;
    (void)err;
    assert(request && n_files <= OPENER_MAX_FILES);
    request->tell = answer;
    request->data = data;
    request->answer.failed_file = -1;
    request->answer.code = host_paths(paths, count, arena, host, &request->answer.fds);
    request->answer.files = calloc(n_files + 1, sizeof(int));
    for (size_t i = 0; i < n_files; i++) {
        assert(files[i].path[0] == '/');
        request->answer.files[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
    }
    request->answer.n_files = n_files;
    uv_timer_init(openers->loop, &request->timer);
    request->timer.data = request;
    uv_timer_start(&request->timer, on_opened, 0, 0);
    *ret = request;
    return 0;
}

/* --- tasks that are none --- */

static void add_outlet(struct entry *entry, int number, size_t size, size_t bytes, bool end)
{
    struct outlet *outlet = calloc(1, sizeof(*outlet));
    uint8_t *data = calloc(1, bytes + 1);
    size_t kept = bytes < size ? bytes : size;

    assert(outlet && data);
    outlet->entry = entry;
    outlet->number = number;
    outlet->end = end;
    outlet->master = -1;
    ring_init(&outlet->ring, size);
    assert(quota_charge(entry->daemon->quota, entry->uid, QUOTA_BYTES, kept) == 0);
    assert(ring_add(&outlet->ring, data, bytes) == 0);
    assert(outlet->ring.next - outlet->ring.first == kept);
    outlet->next = entry->outlets;
    entry->outlets = outlet;
    free(data);
}

static void add_messages(struct entry *entry)
{
    uint8_t bytes[300] = {0};
    int fds[] = {open("/dev/null", O_RDWR | O_CLOEXEC)};
    struct crib_message message = {.type = "t", .data = bytes, .len = sizeof(bytes)};

    entry->mailbox.open = true;
    entry->mailbox.last = &entry->mailbox.first;
    entry->mailbox.number = 1;
    entry->mailbox.chunks.max = 4096;
    mailbox_message(entry, &message);
    message.fds = fds;
    message.nfds = 1;
    mailbox_message(entry, &message);
    fd_close(&fds[0]);
}

static void add_events(struct entry *entry, int count)
{
    Crib__Event event = CRIB__EVENT__INIT;

    event.has_started = event.started = true;
    for (int i = 0; i < count; i++)
        events_add(&entry->events, &event);
}

/* As far as the daemon counts, nothing of it runs. */
static struct entry *add_task(struct daemon *daemon, struct connection *connection, bool detached)
{
    struct entry *entry;

    assert(entry_new(daemon, connection, detached, &entry) == 0);
    entry->charged = false; /* stays so: there is no room for another one */
    entry->policy = "";
    entry->label = "a task";
    daemon->entries.living--;
    return entry;
}

static void add_tasks(struct daemon *daemon)
{
    struct entry *ended = add_task(daemon, daemon->connections, false);
    struct entry *runs = add_task(daemon, daemon->connections, true);

    ended->result = ARENA_NEW(&ended->result_arena, crib__result, Crib__Result);
    ended->result->has_verdict = true;
    ended->result->verdict = CRIB__RESULT__VERDICT__exited;
    add_events(ended, 2);
    add_outlet(ended, 1, 64, 6, true);
    add_outlet(ended, 2, 64, 0, true);
    ended->state = CRIB__TASK_STATE__ENDED;
    add_events(runs, 400);
    add_outlet(runs, 1, 100000, 200000, false);
    add_messages(runs);
    runs->state = CRIB__TASK_STATE__RUNNING;
    add_task(daemon, daemon->connections, false);
}

/* --- the clients --- */

static char site[] = "/tmp/crib-fuzz-XXXXXX";

static void remove_site(void)
{
    unlink(site);
}

static const char *site_path(void)
{
    static const char text[] = "rules: [{policies: ['*'], widest: default, binds: write,\n"
                               "  quota: {tasks: 3, in_flight: 40, queued_bytes: 4M, clusters: 0}}]\n";
    static bool made;
    int fd;

    if (made)
        return site;
    made = true;
    fd = mkstemp(site);
    assert(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
    close(fd);
    atexit(remove_site);
    return site;
}

static void on_ended(struct daemon *daemon)
{
    struct fuzzed *fuzzed = (struct fuzzed *)((char *)daemon - offsetof(struct fuzzed, daemon));

    fuzzed->ended = true;
}

static void start(struct fuzzed *fuzzed)
{
    struct crib_error error;

    memset(fuzzed, 0, sizeof(*fuzzed));
    assert(uv_loop_init(&fuzzed->loop) == 0);
    assert(daemon_open(&fuzzed->daemon, &fuzzed->loop, site_path(), NULL, &error) == 0);
    fuzzed->daemon.ended = on_ended;
    for (int i = 0; i < CLIENTS; i++) {
        struct client *client = &fuzzed->clients[i];
        int ends[2];

        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
        assert(connection_new(&fuzzed->daemon, ends[1]) == 0);
        client->sock = ends[0];
        client->reader = ttrpc_reader_new();
        client->stream = -1u;
    }
    add_tasks(&fuzzed->daemon);
}

static void check_response(struct client *client, const struct ttrpc_frame *frame)
{
    Crib__Ttrpc__Response *response =
        crib__ttrpc__response__unpack(NULL, frame->len, frame->payload);

    assert(response && frame->flags == 0);
    assert(!response->status || (response->status->code > 0 && response->status->code <= 16));
    assert(!response->status || response->status->n_details <= 1);
    crib__ttrpc__response__free_unpacked(response, NULL);
    if (!client->raw && frame->stream / 2 < STREAMS)
        assert(++client->answers[frame->stream / 2] == 1);
}

static void check_data(struct client *client, const struct ttrpc_frame *frame)
{
    Crib__AttachOutput *output;

    if (!client->raw && frame->stream / 2 < STREAMS)
        assert(client->answers[frame->stream / 2] == 0);
    if (frame->flags) {
        assert(frame->flags == (TTRPC_REMOTE_CLOSED | TTRPC_NO_DATA) && frame->len == 0);
        if (!client->raw && frame->stream / 2 < STREAMS)
            client->answers[frame->stream / 2]++;
        return;
    }
    output = crib__attach_output__unpack(NULL, frame->len, frame->payload);
    assert(output && output->data.len <= 64 * 1024);
    crib__attach_output__free_unpacked(output, NULL);
}

static void listen_to(struct client *client)
{
    struct ttrpc_frame frame;

    while (client->sock >= 0 && ttrpc_reader_fill(client->reader, client->sock, NULL) > 0)
        while (ttrpc_reader_next(client->reader, &frame) > 0) {
            assert(frame.stream % 2 == 1);
            assert(client->raw || frame.stream <= client->stream);
            if (frame.type == TTRPC_RESPONSE)
                check_response(client, &frame);
            else
                check_data(client, &frame);
        }
}

static void run_some(struct fuzzed *fuzzed)
{
    for (int i = 0; i < 6; i++) {
        uv_run(&fuzzed->loop, UV_RUN_NOWAIT);
        for (int n = 0; n < CLIENTS; n++)
            listen_to(&fuzzed->clients[n]);
    }
}

static void say(struct fuzzed *fuzzed, struct client *client, const void *data, size_t len)
{
    ssize_t n;

    while (len > 0 && (n = send(client->sock, data, len, MSG_NOSIGNAL)) > 0) {
        data = (const char *)data + n;
        len -= (size_t)n;
        run_some(fuzzed);
    }
}

static void say_frame(struct fuzzed *fuzzed, struct client *client, uint8_t type, const void *data,
                      size_t len)
{
    struct ttrpc_writer *writer = ttrpc_writer_new();

    assert(ttrpc_writer_add(writer, client->stream, type, 0, data, len) == 0);
    ttrpc_writer_flush(writer, client->sock);
    ttrpc_writer_free(writer);
    run_some(fuzzed);
}

static void ask(struct fuzzed *fuzzed, struct client *client, unsigned method, unsigned deadline,
                const uint8_t *data, size_t len)
{
    const ProtobufCServiceDescriptor *service = &crib__executor__descriptor;
    Crib__Ttrpc__Request request = CRIB__TTRPC__REQUEST__INIT;
    uint8_t *packed;

    request.service = (char *)"crib.Executor";
    request.method = (char *)(method < service->n_methods ? service->methods[method].name : "None");
    request.payload = (ProtobufCBinaryData){len, (uint8_t *)data};
    request.timeout_nano = deadline * 1000000;
    packed = malloc(crib__ttrpc__request__get_packed_size(&request));
    client->stream += 2;
    say_frame(fuzzed, client, TTRPC_REQUEST, packed, crib__ttrpc__request__pack(&request, packed));
    free(packed);
}

static void step(struct fuzzed *fuzzed, uint8_t what, const uint8_t *data, size_t len)
{
    struct client *client = &fuzzed->clients[what >> 5 & 1];

    switch (what & 31) {
    case DATA:
        say_frame(fuzzed, client, TTRPC_DATA, data, len);
        break;
    case RAW:
        if (len == 0 || data[0] != 0xFD) { /* the fd side has a fuzzer of its own */
            client->raw = true;
            say(fuzzed, client, data, len);
        }
        break;
    case REQUEST:
        client->stream += 2;
        say_frame(fuzzed, client, TTRPC_REQUEST, data, len);
        break;
    default:
        ask(fuzzed, client, what & 31, what >> 6, data, len);
    }
}

/* Everything is given back, or somebody asserts. */
static void stop(struct fuzzed *fuzzed)
{
    for (int i = 0; i < CLIENTS; i++) {
        fd_close(&fuzzed->clients[i].sock);
        ttrpc_reader_free(fuzzed->clients[i].reader);
    }
    for (int i = 0; i < 6; i++)
        uv_run(&fuzzed->loop, UV_RUN_NOWAIT);
    assert(!fuzzed->daemon.connections);
    quota_release(fuzzed->daemon.quota, geteuid(), QUOTA_TASKS, TASKS);
    daemon_end(&fuzzed->daemon);
    uv_run(&fuzzed->loop, UV_RUN_DEFAULT);
    assert(fuzzed->ended);
    assert(uv_loop_close(&fuzzed->loop) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzzed fuzzed;

    start(&fuzzed);
    while (size >= 3) {
        uint8_t what = data[0];
        size_t len = data[1] | (size_t)data[2] << 8;

        data += 3;
        size -= 3;
        len = len < size ? len : size;
        step(&fuzzed, what, data, len);
        data += len;
        size -= len;
    }
    run_some(&fuzzed);
    stop(&fuzzed);
    return 0;
}
