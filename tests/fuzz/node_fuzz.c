/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Node's lines, fed as a hostile task might: the input is a row of chunks, each two bytes (how many
 * bytes it has, how many fds come with it) and the bytes. The highest bit of the second one makes
 * it the serialization `advanced`.
 */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/json.h"
#include "node/notes.h"
#include "node/peer.h"

#define CAP      256 /* bytes of a message: small, so that inputs get over it */
#define MOST_FDS 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct frame *frame)
{
    struct node_json json = {(const char *)frame->payload, frame->len};
    struct node_json name, value;
    struct node_note note;
    char text[16];
    size_t at = 0;
    int64_t number;

    assert(frame->nfds <= 1 && !frame->disconnect);
    for (size_t i = 0; i < frame->nfds; i++)
        assert(fcntl(frame->fds[i], F_GETFD) >= 0);
    if (strcmp(frame->type, NODE_TYPE_V8) == 0) {
        assert(frame->len > 2 && frame->len <= CAP && frame->nfds == 0);
        return;
    }
    assert(strcmp(frame->type, NODE_TYPE_JSON) == 0 || strcmp(frame->type, NODE_TYPE_OWN) == 0);
    assert(node_json_check(json) == 0);
    if (strcmp(frame->type, NODE_TYPE_OWN) == 0)
        (void)node_note_read(json, &note);
    while (node_json_next(json, &at, &name, &value)) {
        assert(at <= json.len && node_json_check(name) == 0 && node_json_check(value) == 0);
        (void)node_json_string(name, text, sizeof(text));
        (void)node_json_string(value, text, sizeof(text));
        (void)node_json_integer(value, &number);
    }
}

/* Feeds one chunk and takes what it completes. Return: 0; negative errno */
static int chunk(struct node_peer *peer, const uint8_t *data, size_t len, size_t nfds, int any)
{
    struct frame *frame;
    int fds[MOST_FDS], r;

    for (size_t i = 0; i < nfds; i++)
        fds[i] = fd_copy(any, 0);
    r = node_peer_feed(peer, data, len, fds, nfds, NULL);
    while (r == 0 && (r = node_peer_next(peer, &frame, NULL)) == 1) {
        check(frame);
        r = 0;
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int any = open("/dev/null", O_RDONLY | O_CLOEXEC), before = fd_copy(any, 0), after, r = 0;
    struct node_peer *peer = node_peer_new(CAP, size > 1 && (data[1] & 0x80));

    close(before);
    assert(peer);
    while (size >= 2 && r == 0) {
        size_t len = data[0], nfds = data[1] % (MOST_FDS + 1);

        data += 2;
        size -= 2;
        len = len < size ? len : size;
        r = chunk(peer, data, len, nfds, any);
        data += len;
        size -= len;
    }
    node_peer_free(peer);
    after = fd_copy(any, 0); /* a leaked fd would have the lowest free number */
    assert(after == before);
    close(after);
    close(any);
    return 0;
}
