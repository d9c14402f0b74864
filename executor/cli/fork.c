/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crib fork: lines of JSON in, messages to the module; messages of the module, lines out.
 *
 * Theory of operation: the module is hostile, and what reads our output must be able to trust that
 * a line is a message. So a payload goes out as it is only when it is one valid JSON text, on one
 * line; everything else goes out as base64. For the same reason the module does not get our stdout.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/input.h"
#include "cli/json.h"
#include "cli/running.h"
#include "cli/say.h"
#include "node/json.h"
#include "text/base64.h"

#define JSON_TYPE "json"

struct talk {
    struct running running;
    struct input input;
    uint64_t lines; /* read so far */
};

/* Something is wrong on our side of the conversation: it ends here, and crib has failed. */
static void give_up(struct talk *talk)
{
    talk->running.failed = true;
    input_close(&talk->input);
    (void)crib_task_disconnect(talk->running.task);
}

static bool is_blank(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
            return false;
    return true;
}

static void on_line(struct input *input, const char *line, size_t len)
{
    struct talk *talk = input->data;
    int r;

    talk->lines++;
    if (is_blank(line, len))
        return;
    if (node_json_check((struct node_json){line, len}) < 0) {
        say("stdin:%" PRIu64 ": not JSON", talk->lines);
        give_up(talk);
        return;
    }
    r = crib_task_send(talk->running.task, JSON_TYPE, line, len, NULL, 0);
    if (r == 1) {
        input_pause(input);
    } else if (r == -ENOTCONN) {
        input_close(input);
    } else if (r < 0) {
        say("stdin:%" PRIu64 ": message not sent: %s", talk->lines, strerror(-r));
        give_up(talk);
    }
}

static void on_input_end(struct input *input, int status)
{
    struct talk *talk = input->data;

    if (status == -E2BIG)
        say("stdin:%" PRIu64 ": the line is longer than a message can be", talk->lines + 1);
    else if (status < 0)
        say("stdin: %s", strerror(-status));
    if (status < 0) {
        give_up(talk);
        return;
    }
    input_close(input);
    (void)crib_task_disconnect(talk->running.task); /* the module may have done so before */
}

static int message_line(struct buf *out, const struct crib_message *message)
{
    int r;

    if (strcmp(message->type, JSON_TYPE) == 0 &&
        node_json_check((struct node_json){message->data, message->len}) == 0) {
        r = json_one_line(out, message->data, message->len);
        return r < 0 ? r : buf_text(out, "\n");
    }
    r = buf_text(out, "{\"type\":");
    if (r == 0)
        r = json_string(out, message->type);
    if (r == 0)
        r = buf_text(out, ",\"base64\":\"");
    if (r == 0)
        r = base64_write(out, message->data, message->len);
    return r < 0 ? r : buf_text(out, "\"}\n");
}

static void on_message(crib_task *task, struct crib_message *message, void *data)
{
    struct talk *talk = ((struct running *)data)->more;
    struct buf out = {0};
    int r = message_line(&out, message);

    (void)task;
    if (r < 0)
        say("%s", strerror(-r));
    else
        r = say_out((const char *)out.data, out.len);
    buf_done(&out);
    if (r < 0 && !talk->running.failed) {
        give_up(talk);
        (void)crib_task_abort(task); /* nobody hears it any more */
    }
}

static void on_drain(crib_task *task, void *data)
{
    struct talk *talk = ((struct running *)data)->more;

    (void)task;
    input_resume(&talk->input);
}

static void on_disconnect(crib_task *task, void *data)
{
    struct talk *talk = ((struct running *)data)->more;

    (void)task;
    input_close(&talk->input);
}

static void ended(struct running *running)
{
    struct talk *talk = running->more;

    input_close(&talk->input);
}

static int start(struct running *running, struct crib_error *err)
{
    struct request *request = running->request;
    struct talk *talk = running->more;
    int r;

    request->stdio[STDIN_FILENO].kind = CRIB_NULL;
    request->stdio[STDOUT_FILENO].kind = CRIB_FD;
    request->stdio[STDOUT_FILENO].from = STDERR_FILENO;
    request->options.on.message = on_message;
    request->options.on.drain = on_drain;
    request->options.on.disconnect = on_disconnect;
    r = crib_fork(running->ex, request->operands[0], (const char *const *)request->operands + 1,
                  &request->options, &running->task, err);
    if (r < 0)
        return r;
    r = input_open(&talk->input, &running->loop, STDIN_FILENO, CRIB_MAX_MESSAGE);
    if (r < 0) {
        say("stdin: %s", strerror(-r));
        give_up(talk);
    }
    return 0;
}

int command_fork(struct request *request)
{
    struct talk talk = {.running = {.request = request, .ended = ended}};

    talk.running.more = &talk;
    talk.input.line = on_line;
    talk.input.end = on_input_end;
    talk.input.data = &talk;
    return running_task(&talk.running, start);
}
