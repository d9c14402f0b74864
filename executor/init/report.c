/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/clock.h"
#include "init/look.h"
#include "wire/packet.h"

static const char *const step_names[] = {
    "",
#define STEP(name, word, detail) #name,
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

int report_failure(struct init *init)
{
    Crib__Report report = CRIB__REPORT__INIT;
    Crib__Report__Failure failure = CRIB__REPORT__FAILURE__INIT;

    failure.step = (char *)step_names[init->failed];
    failure.has_code = failure.has_index = 1;
    failure.code = init->code;
    failure.index = init->index;
    report.failure = &failure;
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

#define NO_LISTENER "not available: an outer sandbox holds the only listener"

/* What of the plan did not come about without a listener. Return: how many lines. */
static size_t add_receipts(const struct init *init, Crib__Receipt *reasons, Crib__Receipt *trace)
{
    const Crib__SyscallsPlan *plan = init->plan->syscalls;

    if (!init->no_reasons)
        return 0;
    reasons->mechanism = (char *)"syscalls.reasons";
    reasons->asked = (char *)"preferred";
    reasons->applied = trace->applied = (char *)NO_LISTENER;
    trace->mechanism = (char *)"trace";
    trace->asked = (char *)(plan->trace == CRIB__TRACE__all ? "all" : "files");
    return plan->has_trace && plan->trace != CRIB__TRACE__no_trace ? 2 : 1;
}

int report_started(struct init *init)
{
    Crib__Report report = CRIB__REPORT__INIT;
    Crib__Receipt reasons = CRIB__RECEIPT__INIT, trace = CRIB__RECEIPT__INIT;
    Crib__Receipt *receipts[] = {&reasons, &trace};

    report.has_started = report.started = 1;
    report.receipt = receipts;
    report.n_receipt = add_receipts(init, &reasons, &trace);
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
