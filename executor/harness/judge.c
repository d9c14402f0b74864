/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/judge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "crib/crib.h"
#include "harness/match.h"
#include "harness/names.h"
#include "harness/show.h"

#define SHOWN      8   /* lines of stderr, for the sake of whoever looks for the cause */
#define WHAT_BYTES 128 /* hold the name of a thing that is compared, long ones cut */

static const Crib__Case__Expect nothing_said = CRIB__CASE__EXPECT__INIT;

/* `exit status 3`, `signal KILL`, `exited`: as much as is known. */
static void end_text(char *text, size_t size, int verdict, int status, int signo)
{
    if ((verdict == CRIB_EXITED || !verdict) && status >= 0)
        snprintf(text, size, "exit status %d", status);
    else if ((verdict == CRIB_SIGNALED || !verdict) && signo > 0)
        snprintf(text, size, "signal %s", names_of_signal(signo));
    else if (signo > 0)
        snprintf(text, size, "%s (signal %s)", names_of_verdict(verdict), names_of_signal(signo));
    else if (status >= 0)
        snprintf(text, size, "%s (exit status %d)", names_of_verdict(verdict), status);
    else
        snprintf(text, size, "%s", names_of_verdict(verdict));
}

/* What happened, told to somebody who did not expect it. */
static int say_end(const struct findings *o, const char *expected, struct buf *why)
{
    char got[WHAT_BYTES];
    int r;

    end_text(got, sizeof(got), o->verdict, o->status, o->signal);
    r = buf_printf(why, "end: expected %s, got %s", expected, got);
    if (r == 0 && o->verdict == CRIB_OUTPUT)
        r = buf_printf(why, ": more output than `max_output`");
    if (r == 0 && o->error[0])
        r = buf_text(why, ": ");
    if (r == 0)
        r = show_text(why, o->error, strlen(o->error));
    return r < 0 ? r : buf_text(why, "\n");
}

static int judge_end(const Crib__Case__Expect *expect, const struct findings *o, struct buf *why)
{
    int verdict = expect->has_verdict ? (int)expect->verdict : 0;
    int status = expect->has_status ? expect->status : -1;
    int signo = expect->signal ? names_signal(expect->signal) : 0;
    char wanted[WHAT_BYTES];
    int r;

    if (!verdict && status < 0 && !signo) {
        if (expect->error)
            verdict = CRIB_SETUP_FAILED;
        else
            status = 0;
    }
    if (!verdict && status >= 0)
        verdict = CRIB_EXITED;
    if (verdict == o->verdict || (!verdict && signo && signo == o->signal))
        if ((status < 0 || status == o->status) && (!signo || signo == o->signal))
            return 0;
    end_text(wanted, sizeof(wanted), verdict, status, signo);
    r = say_end(o, wanted, why);
    return r < 0 ? r : 1;
}

static int judge_texts(const Crib__Case__Expect *expect, const struct findings *o, struct buf *why)
{
    int out = match_text("stdout", expect->stdout, o->out.data, o->out.len, why), err, error;

    err = out < 0 ? out : match_text("stderr", expect->stderr, o->err.data, o->err.len, why);
    error = err < 0 ? err : match_text("error", expect->error, o->error, strlen(o->error), why);
    return error < 0 ? error : out + err + error > 0;
}

static int judge_message(size_t index, const Crib__Case__Received *wanted,
                         const struct findings_message *got, struct buf *why)
{
    char what[WHAT_BYTES];
    int faults = 0, r = 0;

    if (wanted->type && strcmp(wanted->type, got->type) != 0) {
        faults = 1;
        r = buf_printf(why, "message %zu: expected type \"", index);
        if (r == 0)
            r = show_text(why, wanted->type, strlen(wanted->type));
        if (r == 0)
            r = buf_text(why, "\", got \"");
        if (r == 0)
            r = show_text(why, got->type, strlen(got->type));
        if (r == 0)
            r = buf_text(why, "\"\n");
    }
    snprintf(what, sizeof(what), "message %zu", index);
    if (r == 0)
        r = match_text(what, wanted->data, got->data, got->len, why);
    return r < 0 ? r : r || faults;
}

static int judge_messages(const Crib__Case__Expect *expect, const struct findings *o,
                          struct buf *why)
{
    size_t both = expect->n_messages < o->message_count ? expect->n_messages : o->message_count;
    int faults = 0, r = 0;

    for (size_t i = 0; r >= 0 && i < both; i++) {
        r = judge_message(i, expect->messages[i], &o->messages[i], why);
        faults += r > 0;
    }
    if (r >= 0 && expect->n_messages && expect->n_messages != o->message_count) {
        faults++;
        r = buf_printf(why, "messages: expected %zu, got %zu\n", expect->n_messages,
                       o->message_count);
        for (size_t i = both; r == 0 && i < o->message_count && i < both + SHOWN; i++) {
            r = buf_printf(why, "    message %zu: ", i);
            if (r == 0)
                r = show_some(why, "", o->messages[i].data, o->messages[i].len, 1);
        }
    }
    return r < 0 ? r : faults > 0;
}

static int say_file(struct buf *why, const char *what, const char *fault)
{
    int r = buf_printf(why, "%s: %s\n", what, fault);

    return r < 0 ? r : 1;
}

/* `file NAME`, fit to be shown. */
static void file_text(char text[WHAT_BYTES], const ProtobufCBinaryData *path)
{
    struct buf shown = {0};

    if (show_text(&shown, path->data, path->len) < 0)
        shown.len = 0;
    snprintf(text, WHAT_BYTES, "file %.*s", (int)shown.len,
             shown.data ? (const char *)shown.data : "");
    buf_done(&shown);
}

static int judge_file(const Crib__Case__FileAfter *file, const struct box *box, struct buf *why)
{
    AUTO_FREE char *data = NULL;
    char what[WHAT_BYTES], fault[64];
    size_t len = 0;
    uint32_t mode = 0;
    int r = box ? box_read(box, (const char *)file->path.data, &data, &len, &mode) : -ENOENT;

    file_text(what, &file->path);
    if (file->has_absent && file->absent)
        return r == -ENOENT ? 0 : say_file(why, what, "it is there, and should not be");
    if (r == -ELOOP)
        return say_file(why, what, "a symlink, which is not followed");
    if (r == -EXDEV)
        return say_file(why, what, "it leads out of the case's directory");
    if (r == -EINVAL || (r == -EISDIR && file->content))
        return say_file(why, what, "not a regular file");
    if (r == -EFBIG)
        return say_file(why, what, "larger than what is read back");
    if (r < 0 && r != -EISDIR)
        return r == -ENOMEM ? r : say_file(why, what, strerror(-r));
    if (file->has_mode && file->mode != mode) {
        snprintf(fault, sizeof(fault), "expected mode %#o, got %#o", file->mode, mode);
        return say_file(why, what, fault);
    }
    return match_text(what, file->content, data, len, why);
}

static int judge_files(const Crib__Case__Expect *expect, const struct findings *o, struct buf *why)
{
    int faults = 0, r = 0;

    for (size_t i = 0; r >= 0 && i < expect->n_files; i++) {
        r = judge_file(expect->files[i], o->box, why);
        faults += r > 0;
    }
    return r < 0 ? r : faults > 0;
}

/* @unit: how many of what was measured make one of what is shown */
static int judge_bound(const char *what, bool has, uint64_t bound, bool most, uint64_t got,
                       const char *unit, struct buf *why)
{
    int r;

    if (!has || (most ? got <= bound : got >= bound))
        return 0;
    r = buf_printf(why, "%s: expected at %s %" PRIu64 " %s, got %" PRIu64 "\n", what,
                   most ? "most" : "least", bound, unit, got);
    return r < 0 ? r : 1;
}

static int judge_bounds(const Crib__Case__Bounds *bounds, bool most, const struct findings *o,
                        struct buf *why)
{
    int wall, cpu, memory;

    if (!bounds)
        return 0;
    wall = judge_bound("wall_time", bounds->has_wall_time, bounds->wall_time, most,
                       o->wall_us / 1000, "ms", why);
    cpu = wall < 0 ? wall
                   : judge_bound("cpu_time", bounds->has_cpu_time, bounds->cpu_time, most,
                                 o->cpu_us / 1000, "ms", why);
    memory = cpu < 0 ? cpu
                     : judge_bound("peak_memory", bounds->has_peak_memory, bounds->peak_memory,
                                   most, o->peak_memory, "bytes", why);
    return memory < 0 ? memory : wall + cpu + memory > 0;
}

static int judge_usage(const Crib__Case__Expect *expect, const struct findings *o, struct buf *why)
{
    int most = judge_bounds(expect->at_most, true, o, why);
    int least = most < 0 ? most : judge_bounds(expect->at_least, false, o, why);

    return least < 0 ? least : most + least > 0;
}

/* What may tell the cause of what was told already. */
static int say_more(const Crib__Case__Expect *expect, const struct findings *o, struct buf *why)
{
    int r = 0;

    if (o->err.len && !expect->stderr) {
        r = buf_text(why, "stderr is:\n");
        if (r == 0)
            r = show_some(why, "    ", o->err.data, o->err.len, SHOWN);
    }
    if (r == 0 && !expect->n_denials && !expect->no_other_denials)
        r = judge_show_denials(o, why);
    return r;
}

int judge(const struct item *item, struct findings *findings, struct buf *why)
{
    static int (*const parts[])(const Crib__Case__Expect *, const struct findings *,
                                struct buf *) = {
        judge_end, judge_texts, judge_messages, judge_files, judge_usage, judge_denials,
    };
    const Crib__Case__Expect *expect =
        item->test && item->test->expect ? item->test->expect : &nothing_said;
    int faults = 0, r = 0;

    if (!item->test)
        return judge_line(item, findings, why);
    for (size_t i = 0; r >= 0 && i < sizeof(parts) / sizeof(parts[0]); i++) {
        r = parts[i](expect, findings, why);
        faults += r > 0;
        if (faults && findings->verdict == CRIB_SETUP_FAILED)
            break; /* it has not run: all the rest is only a consequence */
    }
    if (r >= 0 && faults)
        r = say_more(expect, findings, why);
    return r < 0 ? r : faults > 0;
}
