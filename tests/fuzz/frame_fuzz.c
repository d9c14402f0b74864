/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The channel's reader, fed as a hostile task might: the input is a row of chunks, each two bytes
 * (how many bytes it has, how many fds come with it) and the bytes.
 */
#include <assert.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "wire/frame.h"

#define CAP      64 /* bytes of payload: small, so that inputs get over it */
#define MOST_FDS 70 /* more than a frame may have */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A leaked fd takes the lowest free number. */
static int lowest_free_fd(int any)
{
    int lowest = fd_copy(any, 0);

    close(lowest);
    return lowest;
}

static void check(const struct frame *frame)
{
    assert(frame->nfds <= FRAME_MAX_FDS);
    assert(frame->len <= CAP);
    for (size_t i = 0; i < frame->nfds; i++)
        assert(fcntl(frame->fds[i], F_GETFD) >= 0);
    if (frame->disconnect)
        assert(!frame->type && frame->len == 0 && frame->nfds == 0);
    else
        assert(frame->type && strlen(frame->type) <= FRAME_MAX_TYPE);
}

/* Feeds one chunk and takes what it completes. Return: 0; negative errno */
static int chunk(struct frame_reader *reader, const uint8_t *data, size_t len, size_t nfds, int any)
{
    struct frame *frame;
    int fds[MOST_FDS], r;

    for (size_t i = 0; i < nfds; i++)
        fds[i] = fd_copy(any, 0);
    r = frame_reader_feed(reader, data, len, fds, nfds, NULL);
    while (r == 0 && (r = frame_reader_next(reader, &frame, NULL)) == 1) {
        check(frame);
        r = 0;
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame_reader *reader = frame_reader_new(CAP);
    int any = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int before = lowest_free_fd(any), r = 0;

    while (r == 0 && size > 2) {
        size_t len = data[0], nfds = data[1] % (MOST_FDS + 1);

        data += 2;
        size -= 2;
        len = len < size ? len : size;
        r = chunk(reader, data, len, len > 0 ? nfds : 0, any);
        data += len;
        size -= len;
    }
    frame_reader_free(reader);
    assert(lowest_free_fd(any) == before);
    close(any);
    return 0;
}
