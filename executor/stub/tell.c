/* SPDX-License-Identifier: Apache-2.0 */
#include "stub/tell.h"

#include <stdlib.h>
#include <string.h>

#include "api/policy.h"
#include "base/buf.h"
#include "base/fd.h"
#include "stub.pb-c.h"
#include "task.pb-c.h"
#include "text/text.h"

static void tell_line(int fd, struct buf *line, int r)
{
    if (r == 0 && buf_text(line, "\n") == 0)
        (void)fd_write_all(fd, line->data, line->len);
    buf_done(line);
}

static void tell(int fd, const Crib__Event *event)
{
    struct buf line = {0};
    int r = text_write_json(&event->base, &line);

    tell_line(fd, &line, r);
}

void tell_view(int fd, const crib_policy *policy)
{
    Crib__StubView view = CRIB__STUB_VIEW__INIT;
    struct buf line = {0};
    int r = buf_text(&line, "{\"view\":");

    if (policy) {
        view.listen = policy->policy->listen;
        view.n_listen = policy->policy->n_listen;
    }
    if (r == 0)
        r = text_write_json(&view.base, &line);
    tell_line(fd, &line, r < 0 ? r : buf_text(&line, "}"));
}

void tell_started(int fd)
{
    Crib__Event event = CRIB__EVENT__INIT;

    event.has_started = event.started = true;
    tell(fd, &event);
}

void tell_error(int fd, const struct crib_error *error)
{
    Crib__Event event = CRIB__EVENT__INIT;
    Crib__Error message = CRIB__ERROR__INIT;
    char text[1024];

    message.has_code = message.has_sys = true;
    message.code = error->code;
    message.sys = error->sys;
    message.step = (char *)error->step;
    message.text = crib_error_text(error, text, sizeof(text));
    event.error = &message;
    tell(fd, &event);
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
}

void tell_denied(int fd, const struct crib_denial *denial)
{
    Crib__Event event = CRIB__EVENT__INIT;
    Crib__Denial message = CRIB__DENIAL__INIT;

    message.has_pid = message.has_count = message.has_by = message.has_number = true;
    message.pid = denial->pid;
    message.count = denial->count;
    message.by = CRIB__DENIAL__BY__filter + (int)denial->by; /* in the same order */
    message.number = denial->number;
    message.call = (char *)denial->call;
    message.text = (char *)denial->text;
    message.answer = (char *)denial->answer;
    message.rule = (char *)denial->rule;
    message.edit = (char *)denial->edit;
    message.has_program = denial->program[0] != '\0';
    message.program = bytes_of(denial->program);
    message.has_object = denial->object[0] != '\0';
    message.object = bytes_of(denial->object);
    message.args = (uint64_t *)denial->args;
    message.n_args = 6;
    event.denied = &message;
    tell(fd, &event);
}

void tell_result(int fd, const crib_task *task)
{
    struct buf line = {0};
    char *json = NULL;
    int r = crib_task_result_json(task, &json);

    if (r == 0)
        r = buf_printf(&line, "{\"result\":%s}", json);
    tell_line(fd, &line, r);
    free(json);
}
