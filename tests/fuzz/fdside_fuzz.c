/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fd side, asked by two clients of one uid and one of another: the input is a row of chunks,
 * each three bytes (who and what, how many fds come with it, how many bytes it has) and the bytes.
 * `What` is a request around the bytes as its payload, or the bytes as they are.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/fdside.h"
#include "wire/frame.h"
#include "wire/rights.h"

#define CLIENTS  3
#define QUOTA    40
#define MOST_FDS 70 /* more than a frame may have */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int charged[2], ended;

static int charge(uid_t uid, int n, void *data)
{
    (void)data;
    assert(uid < 2 && n != 0);
    if (charged[uid] + n > QUOTA)
        return -EDQUOT;
    charged[uid] += n;
    assert(charged[uid] >= 0);
    return 0;
}

/* As many fds as the task's number says. */
static int take(const struct peer *peer, const Crib__FdTake *request, int **ret_fds,
                size_t *ret_count, const char **ret_why, void *data)
{
    size_t count = request->task;

    (void)peer;
    (void)data;
    *ret_why = "too many";
    if (count > MOST_FDS)
        return 5;
    *ret_fds = calloc(count + 1, sizeof(int));
    assert(*ret_fds);
    for (size_t i = 0; i < count; i++)
        (*ret_fds)[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    *ret_count = count;
    return 0;
}

static void on_ended(const struct peer *peer, void *data)
{
    (void)data;
    assert(peer->uid < 2);
    ended++;
}

static void on_closed(void *data)
{
    *(int *)data = 1;
}

/* Sends a chunk as it is, or as a frame. A connection that is over, or full, is no failure. */
static void say(int sock, unsigned what, const uint8_t *data, size_t len, const int *fds,
                size_t nfds)
{
    static const char *const types[] = {"FdRegister", "FdRelease", "FdTake"};
    struct frame_writer *writer;

    if (what == 3) {
        if (len > 0)
            (void)rights_send(sock, data, len, fds, nfds);
        return;
    }
    writer = frame_writer_new(0);
    assert(writer);
    if (frame_writer_add(writer, types[what], data, len, fds, nfds) == 0)
        (void)frame_writer_flush(writer, sock);
    frame_writer_free(writer);
}

/* What comes back is a row of frames, whatever was sent. */
static void hear(int sock, struct frame_reader *reader)
{
    struct frame *frame;
    int r;

    while ((r = frame_reader_next(reader, &frame, NULL)) >= 0) {
        if (r > 0)
            assert(strcmp(frame->type, "FdReply") == 0);
        else if (frame_reader_fill(reader, sock, NULL) <= 0)
            return;
    }
    assert(!"an answer that is none");
}

struct client {
    int sock;
    struct frame_reader *reader;
};

static void open_clients(struct fdside *side, struct client *clients)
{
    for (int i = 0; i < CLIENTS; i++) {
        const struct peer peer = {.uid = (uid_t)(i / 2)};
        int pair[2];

        assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) == 0);
        assert(fdside_add(side, pair[1], &peer) == 0);
        clients[i] = (struct client){.sock = pair[0], .reader = frame_reader_new(0)};
    }
}

static void play(uv_loop_t *loop, struct client *clients, const uint8_t *data, size_t size)
{
    int fds[MOST_FDS];

    while (size > 3) {
        struct client *client = &clients[data[0] / 4 % CLIENTS];
        size_t nfds = data[1] % (MOST_FDS + 1), len = data[2];
        unsigned what = data[0] % 4;

        data += 3;
        size -= 3;
        len = len < size ? len : size;
        for (size_t i = 0; i < nfds; i++)
            fds[i] = client->sock;
        say(client->sock, what, data, len, fds, nfds);
        uv_run(loop, UV_RUN_NOWAIT);
        hear(client->sock, client->reader);
        data += len;
        size -= len;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fdside_asks asks = {charge, take, on_ended};
    static uv_loop_t loop;
    static int used;
    struct client clients[CLIENTS];
    struct fdside *side;
    int closed = 0, before;

    if (!used++)
        assert(uv_loop_init(&loop) == 0);
    ended = 0;
    before = fd_copy(0, 0);
    close(before);
    assert(fdside_new(&loop, &asks, &closed, &side) == 0);
    open_clients(side, clients);
    play(&loop, clients, data, size);
    for (int i = 0; i < CLIENTS; i += 2) { /* some end first, the others are ended */
        close(clients[i].sock);
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    fdside_close(side, on_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert(closed && ended == CLIENTS && charged[0] == 0 && charged[1] == 0);
    close(clients[1].sock);
    for (int i = 0; i < CLIENTS; i++)
        frame_reader_free(clients[i].reader);
    assert(fd_copy(0, 0) == before); /* a leaked fd takes the lowest free number */
    close(before);
    return 0;
}
