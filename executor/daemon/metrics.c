/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/metrics.h"

#include <inttypes.h>
#include <stddef.h>

#include "daemon/log.h"
#include "task.pb-c.h"

#define BUCKETS  (sizeof(((struct metrics *)0)->latency) / sizeof(uint64_t))
#define CODES    (sizeof(((struct metrics *)0)->refused) / sizeof(uint64_t))
#define FIRST_US 250 /* what the first bucket holds up to */

/* Those without labels. */
static const struct row {
    const char *name, *type, *help;
    size_t offset;
} rows[] = {
#define COUNTER(name, field, help)                                                                 \
    {                                                                                              \
        name, "counter", help, offsetof(struct metrics, field)                                     \
    }
#define GAUGE(name, field, help)                                                                   \
    {                                                                                              \
        name, "gauge", help, offsetof(struct metrics, field)                                       \
    }
    COUNTER("crib_tasks_started_total", started, "Tasks whose program was started."),
    COUNTER("crib_requests_total", requests, "Requests that arrived."),
    COUNTER("crib_received_bytes_total", bytes_in, "Bytes from all clients."),
    COUNTER("crib_sent_bytes_total", bytes_out, "Bytes to all clients."),
    COUNTER("crib_stream_bytes_total", stream_bytes, "Bytes read from tasks."),
    COUNTER("crib_lost_bytes_total", lost_bytes,
            "Bytes of detached tasks that nobody read in time."),
    GAUGE("crib_tasks", tasks, "Tasks that have not ended."),
    GAUGE("crib_connections", connections, "Connections of clients."),
    GAUGE("crib_fds", fds, "File descriptors held for clients."),
    GAUGE("crib_queued_bytes", queued, "Bytes held for clients and tasks."),
    GAUGE("crib_requests_in_flight", in_flight, "Requests that are not yet answered."),
    GAUGE("crib_clusters", clusters, "Processes that run clusters of clients."),
#undef COUNTER
#undef GAUGE
};

/* Codes of gRPC; labels are words of ours, so nothing in them needs to be escaped. */
static const char *const codes[CODES] = {
    "OK",       "Canceled",        "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",   "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",      "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated",
};

void metrics_latency(struct metrics *metrics, uint64_t us)
{
    for (size_t i = 0; i < BUCKETS; i++) {
        if (us > (uint64_t)FIRST_US << i)
            continue;
        metrics->latency[i]++;
        break;
    }
    metrics->latency_count++;
    metrics->latency_us += us;
}

static int write_head(struct buf *out, const char *name, const char *type, const char *help)
{
    return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static int write_plain(struct buf *out, const char *name, const char *type, const char *help,
                       uint64_t value)
{
    int r = write_head(out, name, type, help);

    return r < 0 ? r : buf_printf(out, "%s %" PRIu64 "\n", name, value);
}

static int write_rows(const struct metrics *metrics, struct buf *out)
{
    int r = 0;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && r == 0; i++)
        r = write_plain(out, rows[i].name, rows[i].type, rows[i].help,
                        *(const uint64_t *)((const char *)metrics + rows[i].offset));
    return r;
}

/* A verdict that there is none of is told as 0, so that its rate is known from the start. */
static int write_ended(const struct metrics *metrics, struct buf *out)
{
    static const char name[] = "crib_tasks_ended_total";
    int r = write_head(out, name, "counter", "Tasks that have ended, by how.");

    for (int i = 0; i < METRICS_VERDICTS && r == 0; i++) {
        const ProtobufCEnumValue *verdict =
            protobuf_c_enum_descriptor_get_value(&crib__result__verdict__descriptor, i);

        if (verdict || metrics->ended[i])
            r = buf_printf(out, "%s{verdict=\"%s\"} %" PRIu64 "\n", name,
                           verdict ? verdict->name : "none", metrics->ended[i]);
    }
    return r;
}

static int write_refused(const struct metrics *metrics, struct buf *out)
{
    static const char name[] = "crib_requests_refused_total";
    int r = write_head(out, name, "counter", "Requests answered with an error, by gRPC's code.");

    for (size_t i = 1; i < CODES && r == 0; i++)
        r = buf_printf(out, "%s{code=\"%s\"} %" PRIu64 "\n", name, codes[i], metrics->refused[i]);
    return r;
}

static int write_latency(const struct metrics *metrics, struct buf *out)
{
    static const char name[] = "crib_start_seconds";
    int r = write_head(out, name, "histogram", "Time from Spawn to a program that runs.");
    uint64_t sum = 0;

    for (size_t i = 0; i < BUCKETS && r == 0; i++) {
        sum += metrics->latency[i];
        r = buf_printf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
                       (double)((uint64_t)FIRST_US << i) / 1e6, sum);
    }
    if (r == 0)
        r = buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, metrics->latency_count);
    if (r == 0)
        r = buf_printf(out, "%s_sum %" PRIu64 ".%06" PRIu64 "\n", name,
                       metrics->latency_us / 1000000, metrics->latency_us % 1000000);
    return r < 0 ? r : buf_printf(out, "%s_count %" PRIu64 "\n", name, metrics->latency_count);
}

static int write_version(struct buf *out)
{
    int r = write_head(out, "crib_build_info", "gauge", "Always 1; the label tells the version.");

    return r < 0 ? r : buf_printf(out, "crib_build_info{version=\"%s\"} 1\n", crib_version());
}

int metrics_write(const struct metrics *metrics, struct buf *out)
{
    int r = write_version(out);

    if (r == 0)
        r = write_rows(metrics, out);
    if (r == 0)
        r = write_plain(out, "crib_prepared", "gauge", "Sandboxes that wait for a task.",
                        metrics->ex ? crib_prepared(metrics->ex) : 0);
    if (r == 0)
        r = write_ended(metrics, out);
    if (r == 0)
        r = write_refused(metrics, out);
    if (r == 0)
        r = write_latency(metrics, out);
    return r < 0 ? r
                 : write_plain(out, "crib_log_lines_dropped_total", "counter",
                               "Log lines that nobody read in time.", log_dropped());
}
