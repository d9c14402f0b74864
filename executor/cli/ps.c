/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "base/buf.h"
#include "cli/command.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "text/utf8.h"

#define MOST_COMMAND 200 /* bytes shown of a command line */

/* `exited 3`, `KILL`, `timeout`: one word or two, never wider than the column. */
static void write_end(const Crib__Result *result, char *out, size_t size)
{
    const char *name = sigabbrev_np(result->signal);

    switch (result->verdict) {
    case CRIB__RESULT__VERDICT__exited:
        snprintf(out, size, "exited %d", result->status);
        break;
    case CRIB__RESULT__VERDICT__wall_timeout:
        snprintf(out, size, "timeout");
        break;
    case CRIB__RESULT__VERDICT__cpu_timeout:
        snprintf(out, size, "cpu timeout");
        break;
    case CRIB__RESULT__VERDICT__memory:
        snprintf(out, size, "memory");
        break;
    case CRIB__RESULT__VERDICT__pids:
        snprintf(out, size, "pids");
        break;
    case CRIB__RESULT__VERDICT__output:
        snprintf(out, size, "output");
        break;
    case CRIB__RESULT__VERDICT__setup_failed:
        snprintf(out, size, "failed");
        break;
    case CRIB__RESULT__VERDICT__filter:
        snprintf(out, size, "filter");
        break;
    default:
        snprintf(out, size, "%s %s",
                 result->verdict == CRIB__RESULT__VERDICT__killed ? "killed" : "signal",
                 name ? name : "?");
        break;
    }
}

static void write_state(const Crib__TaskInfo *task, char *out, size_t size)
{
    static const char *const names[] = {"starting", "running", "ending", "ended"};

    if (task->result && task->result->has_verdict)
        write_end(task->result, out, size);
    else
        snprintf(out, size, "%s",
                 task->state <= CRIB__TASK_STATE__ENDED ? names[task->state] : "?");
}

/* How long it has run, in the largest unit that gives a number. */
static void write_age(const Crib__TaskInfo *task, char *out, size_t size)
{
    uint64_t until = task->ended, seconds;
    struct timeval now;

    if (!until && gettimeofday(&now, NULL) == 0)
        until = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000;
    seconds = until > task->started ? (until - task->started) / 1000 : 0;
    if (seconds < 120)
        snprintf(out, size, "%" PRIu64 "s", seconds);
    else if (seconds < 120 * 60)
        snprintf(out, size, "%" PRIu64 "m", seconds / 60);
    else if (seconds < 48 * 3600)
        snprintf(out, size, "%" PRIu64 "h", seconds / 3600);
    else
        snprintf(out, size, "%" PRIu64 "d", seconds / 86400);
}

/* Other users' tasks are shown to root: nothing of them may reach the terminal as it is. */
static int write_words(struct buf *out, const Crib__TaskInfo *task)
{
    size_t start = out->len;
    int r = utf8_repair(out, task->file.data, task->file.len);

    for (size_t i = 0; i < task->n_args && r == 0 && out->len - start <= MOST_COMMAND; i++) {
        r = buf_text(out, " ");
        if (r == 0)
            r = utf8_repair(out, task->args[i].data, task->args[i].len);
    }
    if (r == 0)
        r = buf_append(out, "", 1);
    if (r < 0)
        return r;
    out->len--;
    if (out->len - start > MOST_COMMAND) {
        out->len = start + MOST_COMMAND;
        out->data[out->len] = '\0';
    }
    utf8_tame((char *)out->data + start);
    return 0;
}

static int write_name(struct buf *out, const char *name, int width)
{
    char shown[UTF8_SHOWN];

    return buf_printf(out, "%-*s ", width, name[0] ? utf8_shown(shown, name, strlen(name)) : "-");
}

static int write_task(struct buf *out, const Crib__TaskInfo *task)
{
    char state[32], age[32];
    int r;

    write_state(task, state, sizeof(state));
    write_age(task, age, sizeof(age));
    r = buf_printf(out, "%-6" PRIu64 " %-12s %-8" PRIu32 " %5s %-6" PRIu32 " ", task->task, state,
                   task->pid, age, task->uid);
    if (r == 0)
        r = write_name(out, task->policy, 8);
    if (r == 0)
        r = write_name(out, task->label, 8);
    if (r == 0)
        r = write_words(out, task);
    return r < 0 ? r : buf_text(out, "\n");
}

/* Return: 0; negative errno, and the person has been told. */
static int list(struct asked *asked, struct buf *out)
{
    Crib__ListRequest request = CRIB__LIST_REQUEST__INIT;
    const Crib__ListResponse *answer;
    int r = buf_printf(out, "%-6s %-12s %-8s %5s %-6s %-8s %-8s %s\n", "TASK", "STATE", "PID",
                       "TIME", "UID", "POLICY", "LABEL", "COMMAND");

    do {
        answer = remote_ask(asked, RPC_LIST, &request);
        if (!answer)
            return -EIO;
        for (size_t i = 0; i < answer->n_tasks && r == 0; i++) {
            r = write_task(out, answer->tasks[i]);
            request.after = answer->tasks[i]->task;
        }
        if (r < 0)
            say("%s", strerror(-r));
    } while (r == 0 && answer->more && answer->n_tasks);
    return r;
}

int command_ps(struct request *request)
{
    struct buf out = {0};
    struct asked asked;
    int r = remote_open(&asked, request, NULL, NULL, NULL);

    if (r == 0)
        r = list(&asked, &out);
    if (r == 0)
        r = say_out((const char *)out.data, out.len);
    buf_done(&out);
    remote_close(&asked);
    return r < 0 ? STATUS_FAILED : 0;
}
