/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/clock.h"
#include "init/look.h"
#include "wire/packet.h"

static const char *const step_names[] = {
    "",
#define STEP(name, ...) #name,
#include "init/steps.def"
#undef STEP
};

int failed(struct init *init, enum step step, int code, int index)
{
    init->index = index;
    init->code = code;
    init->failed = step;
    return code;
}

static int send_report(struct init *init, const Crib__Report *report)
{
    return packet_send_message(init->control, &report->base);
}

struct timing {
    Crib__Report__Lap lap[LAPS_MOST + 1], *list[LAPS_MOST + 1];
};

static void add_lap(const char *name, uint64_t at, struct timing *timing, Crib__Report *report)
{
    Crib__Report__Lap *lap = &timing->lap[report->n_laps];

    crib__report__lap__init(lap);
    lap->name = (char *)name;
    lap->has_at = 1;
    lap->at = at;
    timing->list[report->n_laps++] = lap;
    report->laps = timing->list;
}

/* The first is where we began. */
static void add_laps(const struct laps *laps, struct timing *timing, Crib__Report *report)
{
    if (!laps)
        return;
    add_lap("", laps->begun, timing, report);
    for (unsigned i = 0; i < laps->count; i++)
        add_lap(laps->lap[i].name, laps->lap[i].at, timing, report);
}

int report_failure(struct init *init)
{
    struct timing timing;
    Crib__Report report = CRIB__REPORT__INIT;
    Crib__Report__Failure failure = CRIB__REPORT__FAILURE__INIT;

    failure.step = (char *)step_names[init->failed];
    failure.has_code = failure.has_index = 1;
    failure.code = init->code;
    failure.index = init->index;
    report.failure = &failure;
    add_laps(init->laps, &timing, &report);
    return send_report(init, &report);
}

int report_prepared(struct init *init)
{
    Crib__Report report = CRIB__REPORT__INIT;

    report.has_prepared = report.prepared = 1;
    return send_report(init, &report);
}

int report_terminal(struct init *init)
{
    Crib__Report report = CRIB__REPORT__INIT;
    uint8_t data[16];

    report.has_terminal = report.terminal = 1;
    if (crib__report__get_packed_size(&report) > sizeof(data))
        return -EMSGSIZE;
    return packet_send(init->control, data, crib__report__pack(&report, data), &init->master, 1);
}

int report_upper(struct init *init, int index, int upper)
{
    Crib__Report report = CRIB__REPORT__INIT;
    Crib__Report__Upper message = CRIB__REPORT__UPPER__INIT;
    uint8_t data[32];

    message.has_index = 1;
    message.index = (uint32_t)index;
    report.upper = &message;
    if (crib__report__get_packed_size(&report) > sizeof(data))
        return -EMSGSIZE;
    return packet_send(init->control, data, crib__report__pack(&report, data), &upper, 1);
}

int report_left(struct init *init, const Crib__Report__Left *left, int fd)
{
    Crib__Report report = CRIB__REPORT__INIT;
    uint8_t data[64];

    report.left = (Crib__Report__Left *)left;
    if (crib__report__get_packed_size(&report) > sizeof(data))
        return -EMSGSIZE;
    return packet_send(init->control, data, crib__report__pack(&report, data), &fd, fd >= 0);
}

#define LINES 5

/* What of the plan did not come about: lines in place of the plan's. */
struct lines {
    Crib__Receipt line[LINES], *list[LINES];
    char why[2][80];
    size_t count;
};

static void add_line(struct lines *lines, const char *mechanism, const char *asked,
                     const char *applied)
{
    Crib__Receipt *line = &lines->line[lines->count];

    crib__receipt__init(line);
    line->mechanism = (char *)mechanism;
    line->asked = (char *)asked;
    line->applied = (char *)applied;
    lines->list[lines->count++] = line;
}

static const char *why_not(char why[80], int code)
{
    if (code == -EBUSY)
        return "not available: an outer sandbox holds the only listener";
    if (code == -EBADE)
        return "not available: something around crib pretends to be the kernel, and does not do it";
    snprintf(why, 80, "not available: the kernel refuses it (%s)", strerror(-code));
    return why;
}

static void add_listener(const struct init *init, struct lines *lines)
{
    const Crib__SyscallsPlan *plan = init->plan->syscalls;
    const char *why = why_not(lines->why[0], init->no_reasons);

    add_line(lines, "syscalls.reasons", "preferred", why);
    if (plan->has_trace && plan->trace != CRIB__TRACE__no_trace)
        add_line(lines, "trace", plan->trace == CRIB__TRACE__all ? "all" : "files", why);
}

static void add_landlock(const struct init *init, struct lines *lines)
{
    const Crib__LandlockPlan *plan = init->plan->landlock;
    const char *why = why_not(lines->why[1], init->no_landlock);

    add_line(lines, "landlock", "preferred", why);
    if (plan->net)
        add_line(lines, "net.ports", "named", why);
    if (plan->scope_abstract && !init->plan->namespaces->net)
        add_line(lines, "net.abstract_sockets", "out of reach", why);
}

int report_started(struct init *init)
{
    Crib__Report report = CRIB__REPORT__INIT;
    struct lines lines = {.count = 0};
    struct timing timing;

    if (init->no_reasons)
        add_listener(init, &lines);
    if (init->no_landlock)
        add_landlock(init, &lines);
    report.has_started = report.started = 1;
    report.receipt = lines.list;
    report.n_receipt = lines.count;
    add_laps(init->laps, &timing, &report);
    return send_report(init, &report);
}

static ProtobufCBinaryData bytes(const char *data, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)data};
}

static void fill_file(const struct sighting_file *from, Crib__Report__File *to)
{
    to->has_path = from->path_len > 0;
    to->path = bytes(from->path, from->path_len);
    to->has_there = from->there_len > 0;
    to->there = bytes(from->there, from->there_len);
    to->has_code = to->has_read_only = to->has_no_exec = 1;
    to->code = from->code;
    to->read_only = from->read_only;
    to->no_exec = from->no_exec;
    to->has_mode = to->has_uid = to->has_gid = 1;
    to->mode = from->mode;
    to->uid = from->uid;
    to->gid = from->gid;
}

static void fill_call(const struct sighting *from, uint64_t count, Crib__Report__Refused *to)
{
    to->has_pid = to->has_number = to->has_answer = to->has_by = to->has_count = 1;
    to->pid = from->pid;
    to->number = from->number;
    to->answer = from->answer;
    to->by = from->by;
    to->count = count;
    to->args = (uint64_t *)from->args;
    to->n_args = 6;
    to->has_program = from->program_len > 0;
    to->program = bytes(from->program, from->program_len);
}

int report_refused(struct init *init, const struct sighting *sighting, uint64_t count)
{
    Crib__Report report = CRIB__REPORT__INIT;
    Crib__Report__Refused refused = CRIB__REPORT__REFUSED__INIT;
    Crib__Report__Object object = CRIB__REPORT__OBJECT__INIT;
    Crib__Report__File file = CRIB__REPORT__FILE__INIT;

    fill_call(sighting, count, &refused);
    if (sighting->kind) {
        object.has_kind = object.has_data = object.has_arg = 1;
        object.kind = sighting->kind == LOOK_PATH ? CRIB__REPORT__OBJECT__KIND__path
                                                  : CRIB__REPORT__OBJECT__KIND__address;
        object.data = bytes(sighting->object, sighting->object_len);
        object.arg = sighting->arg;
        refused.object = &object;
    }
    if (sighting->file.known) {
        fill_file(&sighting->file, &file);
        refused.file = &file;
    }
    report.refused = &refused;
    return send_report(init, &report);
}

static uint64_t micro(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

/* What was reaped by us or by those we reaped. */
static void measure(struct init *init, Crib__Usage *usage)
{
    struct rusage children;

    memset(&children, 0, sizeof(children));
    getrusage(RUSAGE_CHILDREN, &children);
    usage->has_user_time = usage->has_system_time = 1;
    usage->has_wall_time = usage->has_peak_memory = 1;
    usage->user_time = micro(children.ru_utime);
    usage->system_time = micro(children.ru_stime);
    usage->wall_time = clock_us() - init->started;
    usage->peak_memory = (uint64_t)children.ru_maxrss * 1024;
    usage->has_switches = usage->has_preempted = 1;
    usage->switches = (uint64_t)children.ru_nvcsw + (uint64_t)children.ru_nivcsw;
    usage->preempted = (uint64_t)children.ru_nivcsw;
    usage->has_read_bytes = usage->has_written_bytes = 1;
    usage->read_bytes = (uint64_t)children.ru_inblock * 512;
    usage->written_bytes = (uint64_t)children.ru_oublock * 512;
}

/*
 * The end must arrive even where a slow parent has let the socket fill up: then we wait, with the
 * rest of the sandbox ended first. A parent that goes away ends the wait.
 */
static int send_surely(struct init *init, const Crib__Report *report)
{
    int r = send_report(init, report);

    if (r != -EAGAIN)
        return r;
    kill(-1, SIGKILL);
    fcntl(init->control, F_SETFL, 0);
    return send_report(init, report);
}

int report_end(struct init *init, int status, uint64_t lost, bool by_filter)
{
    Crib__Report report = CRIB__REPORT__INIT;
    Crib__Report__End end = CRIB__REPORT__END__INIT;
    Crib__Usage usage = CRIB__USAGE__INIT;

    measure(init, &usage);
    end.has_status = end.has_refused_lost = end.has_killed_by_filter = 1;
    end.status = status;
    end.refused_lost = lost;
    end.killed_by_filter = by_filter;
    end.usage = &usage;
    report.end = &end;
    return send_surely(init, &report);
}
