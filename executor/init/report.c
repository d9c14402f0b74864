/* SPDX-License-Identifier: Apache-2.0 */
#include "init/init.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/clock.h"
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

int report_started(struct init *init)
{
    Crib__Report report = CRIB__REPORT__INIT;
    Crib__Receipt reasons = CRIB__RECEIPT__INIT, *receipts[] = {&reasons};

    report.has_started = report.started = 1;
    if (init->no_reasons) {
        reasons.mechanism = (char *)"syscalls.reasons";
        reasons.asked = (char *)"preferred";
        reasons.applied = (char *)"not available: an outer sandbox holds the only listener";
        report.receipt = receipts;
        report.n_receipt = 1;
    }
    return send_report(init, &report);
}

int report_refused(struct init *init, Crib__Report__Refused *refused)
{
    Crib__Report report = CRIB__REPORT__INIT;

    report.refused = refused;
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
