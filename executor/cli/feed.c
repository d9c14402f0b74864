/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/remote.h"
#include "cli/say.h"

size_t feed_keys(bool *held, const char *data, size_t len, char *to, bool *ret_leave)
{
    size_t count = 0;

    *ret_leave = false;
    for (size_t i = 0; i < len && !*ret_leave; i++) {
        bool first = data[i] == FEED_LEAVE_FIRST;

        *ret_leave = *held && data[i] == FEED_LEAVE_SECOND;
        if (*held && !*ret_leave)
            to[count++] = FEED_LEAVE_FIRST;
        if (!first && !*ret_leave)
            to[count++] = data[i];
        *held = first;
    }
    return count;
}

static void drop_piece(struct feed *feed)
{
    free(feed->piece);
    feed->piece = NULL;
}

void feed_close(struct feed *feed)
{
    input_close(&feed->input);
    drop_piece(feed);
}

static void ask_write(struct feed *feed);

/* A task that reads no more, or has ended, is no failure of ours: its end will tell. */
static void on_written(struct rpc *rpc, const ProtobufCMessage *message,
                       const struct crib_error *error, void *data)
{
    const Crib__WriteResponse *response = (const Crib__WriteResponse *)message;
    struct feed *feed = data;
    uint64_t taken = error ? 0 : response->offset - feed->written;

    (void)rpc;
    if (error || !feed->piece || taken > feed->len) {
        if (!error && feed->piece)
            say("stdin: somebody else writes to the task as well");
        else if (error && error->code != -EPIPE)
            say_error(error);
        feed_close(feed);
        return;
    }
    feed->written += taken;
    feed->len -= taken;
    memmove(feed->piece, feed->piece + taken, feed->len);
    if (feed->len > 0) {
        ask_write(feed);
        return;
    }
    drop_piece(feed);
    input_resume(&feed->input);
}

static void ask_write(struct feed *feed)
{
    Crib__WriteRequest write = CRIB__WRITE_REQUEST__INIT;
    int r;

    write.task = feed->task;
    write.offset = feed->written;
    write.data = (ProtobufCBinaryData){feed->len, (uint8_t *)feed->piece};
    write.wait = REMOTE_POLL_MS;
    r = rpc_call(feed->rpc, RPC_WRITE, &write.base, REMOTE_MS, on_written, feed);
    if (r < 0) {
        say("stdin: %s", strerror(-r));
        feed_close(feed);
    }
}

static void on_piece(struct input *input, const char *data, size_t len)
{
    struct feed *feed = input->data;
    bool leave = false;

    feed->piece = malloc(len + 1);
    if (!feed->piece) {
        say("stdin: %s", strerror(ENOMEM));
        feed_close(feed);
        return;
    }
    feed->len = len;
    if (feed->keys)
        feed->len = feed_keys(&feed->held, data, len, feed->piece, &leave);
    else
        memcpy(feed->piece, data, len);
    if (leave) {
        feed->left(feed);
    } else if (feed->len > 0) {
        input_pause(input);
        ask_write(feed);
    } else {
        drop_piece(feed);
    }
}

static void on_end(struct input *input, int status)
{
    Crib__CloseStdinRequest close = CRIB__CLOSE_STDIN_REQUEST__INIT;
    struct feed *feed = input->data;

    if (status < 0 && !feed->keys) /* EIO is a terminal's way to say that it is gone */
        say("stdin: %s", strerror(-status));
    feed_close(feed);
    close.task = feed->task;
    close.offset = feed->written;
    /* Whether it still wants to know is its own business. */
    if (!feed->endless)
        (void)rpc_call(feed->rpc, RPC_CLOSE_STDIN, &close.base, REMOTE_MS, NULL, NULL);
}

int feed_open(struct feed *feed, uv_loop_t *loop)
{
    feed->input.line = on_piece;
    feed->input.end = on_end;
    feed->input.data = feed;
    feed->input.raw = true;
    return input_open(&feed->input, loop, STDIN_FILENO, 0);
}
