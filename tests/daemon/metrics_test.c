/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics' text, read by a small strict parser of Prometheus' format, which is tried itself. */
#include "support/support.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crib/crib.h"
#include "daemon/metrics.h"

#define MOST_SAMPLES 512

/* One line of numbers. Name and labels are as in the text, which is changed by the parser. */
struct sample {
    const char *name;
    const char *labels; /* between the braces, escapes included; NULL: none */
    const char *le;     /* of a bucket; NULL */
    double value;
};

struct reading {
    struct sample samples[MOST_SAMPLES];
    size_t count;
    const char *helped;        /* the last HELP's family */
    const char *family, *type; /* of the last TYPE */
    const char *families[128];
    size_t n_families;
    size_t first;      /* sample of this family */
    const char *wrong; /* NULL: nothing so far */
};

static bool refuse(struct reading *r, const char *why)
{
    if (!r->wrong)
        r->wrong = why;
    return false;
}

static bool is_name(const char *text)
{
    if (!isalpha((unsigned char)*text) && *text != '_' && *text != ':')
        return false;
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:")] ==
           '\0';
}

/* Of a histogram whose samples have all come. */
static bool check_histogram(struct reading *r)
{
    double bound = -1, below = 0;
    size_t i = r->first;

    for (; i < r->count && r->samples[i].le; i++) {
        double le = strcmp(r->samples[i].le, "+Inf") == 0 ? 1e300 : strtod(r->samples[i].le, NULL);

        if (le <= bound)
            return refuse(r, "bounds that do not rise");
        if (r->samples[i].value < below)
            return refuse(r, "buckets that are not cumulative");
        bound = le;
        below = r->samples[i].value;
    }
    if (bound < 1e300)
        return refuse(r, "no bucket +Inf");
    if (i + 2 != r->count || !strstr(r->samples[i].name, "_sum") ||
        !strstr(r->samples[i + 1].name, "_count"))
        return refuse(r, "not _sum and _count behind the buckets");
    if (r->samples[i + 1].value != below)
        return refuse(r, "_count is not the last bucket");
    return true;
}

static bool end_family(struct reading *r)
{
    if (!r->family)
        return true;
    if (r->first == r->count)
        return refuse(r, "a family without a sample");
    return strcmp(r->type, "histogram") != 0 || check_histogram(r);
}

static bool read_help(struct reading *r, char *line)
{
    char *space = strchr(line, ' ');

    if (!space || !space[1])
        return refuse(r, "HELP without a text");
    *space = '\0';
    for (char *at = space + 1; (at = strchr(at, '\\')); at += 2)
        if (at[1] != '\\' && at[1] != 'n')
            return refuse(r, "a bad escape in HELP");
    if (!is_name(line))
        return refuse(r, "HELP of no name");
    r->helped = line;
    return end_family(r);
}

static bool read_type(struct reading *r, char *line)
{
    char *space = strchr(line, ' ');

    if (!space)
        return refuse(r, "TYPE without a type");
    *space = '\0';
    if (!r->helped || strcmp(r->helped, line) != 0)
        return refuse(r, "TYPE without HELP before it");
    for (size_t i = 0; i < r->n_families; i++)
        if (strcmp(r->families[i], line) == 0)
            return refuse(r, "a family twice");
    r->families[r->n_families++] = r->family = line;
    r->type = space + 1;
    r->first = r->count;
    if (strcmp(r->type, "counter") == 0) {
        size_t len = strlen(line);

        return (len > 6 && strcmp(line + len - 6, "_total") == 0) ||
               refuse(r, "a counter that is not named _total");
    }
    return strcmp(r->type, "gauge") == 0 || strcmp(r->type, "histogram") == 0 ||
           refuse(r, "an unknown type");
}

/* `name="value",…}` from @at on. Return: behind the brace; NULL. */
static char *read_labels(struct reading *r, char *at, struct sample *sample)
{
    sample->labels = at;
    for (;;) {
        char *name = at, *value;

        at = strstr(at, "=\"");
        if (!at)
            return refuse(r, "a label without a value"), NULL;
        *at = '\0';
        if (!is_name(name) || strchr(name, ':'))
            return refuse(r, "a label without a name"), NULL;
        *at = '=';
        value = at += 2;
        for (; *at && *at != '"'; at++)
            if (*at == '\\' && (!at[1] || !strchr("\\\"n", *++at)))
                return refuse(r, "a bad escape in a label"), NULL;
        if (*at != '"' || (at[1] != ',' && at[1] != '}'))
            return refuse(r, "a label that does not end"), NULL;
        if (strncmp(name, "le=", 3) == 0)
            sample->le = value;
        at++;
        if (*at++ == '}')
            break;
    }
    at[-1] = '\0';
    return at;
}

static bool belongs(const struct reading *r, const struct sample *sample)
{
    size_t len = r->family ? strlen(r->family) : 0;
    const char *rest = sample->name + len;

    if (!r->family || strncmp(sample->name, r->family, len) != 0)
        return false;
    if (strcmp(r->type, "histogram") != 0)
        return *rest == '\0' && !sample->le;
    if (strcmp(rest, "_bucket") == 0)
        return sample->le != NULL;
    return !sample->labels && (strcmp(rest, "_sum") == 0 || strcmp(rest, "_count") == 0);
}

static bool is_double(const struct reading *r, const struct sample *sample)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->samples[i].name, sample->name) == 0 &&
            strcmp(r->samples[i].labels ? r->samples[i].labels : "",
                   sample->labels ? sample->labels : "") == 0)
            return true;
    return false;
}

static bool read_sample(struct reading *r, char *line)
{
    struct sample *sample = &r->samples[r->count];
    char *at = line + strcspn(line, "{ "), *end;
    bool labels = *at == '{';

    *sample = (struct sample){.name = line};
    if (!*at)
        return refuse(r, "a sample without a value");
    *at++ = '\0';
    if (!is_name(line))
        return refuse(r, "a sample without a name");
    if (labels && (!(at = read_labels(r, at, sample)) || *at++ != ' '))
        return refuse(r, "no space behind the labels");
    sample->value = strtod(at, &end);
    if (end == at || *end || isspace((unsigned char)*at))
        return refuse(r, "a value that is no number");
    if (!belongs(r, sample))
        return refuse(r, "a sample outside of its family");
    if (is_double(r, sample))
        return refuse(r, "a sample twice");
    if (sample->le)
        *strchr((char *)sample->le, '"') = '\0';
    if (sample->value < 0 && strcmp(r->type, "gauge") != 0)
        return refuse(r, "a counter below 0");
    return ++r->count < MOST_SAMPLES;
}

/* @text: is changed. Return: NULL; what is wrong. */
static const char *parse(char *text, struct reading *r)
{
    bool good = true;

    *r = (struct reading){0};
    if (!*text || text[strlen(text) - 1] != '\n')
        return "no newline at the end";
    while (good && *text) {
        char *next = strchr(text, '\n');

        *next++ = '\0';
        if (strncmp(text, "# HELP ", 7) == 0)
            good = read_help(r, text + 7);
        else if (strncmp(text, "# TYPE ", 7) == 0)
            good = read_type(r, text + 7);
        else
            good = read_sample(r, text);
        text = next;
    }
    return good && end_family(r) ? NULL : r->wrong;
}

#define H(name, type) "# HELP " name " x\n# TYPE " name " " type "\n"

/* The parser refuses what it should. */
static void test_the_parser(void **state)
{
    static const char *const bad[] = {
        "",
        "a 1",
        "a 1\n",
        "# TYPE a gauge\na 1\n",
        "# HELP a\n# TYPE a gauge\na 1\n",
        "# HELP a \\t\n# TYPE a gauge\na 1\n",
        H("a", "gauge"),
        H("a", "gauge") "b 1\n",
        H("a", "gauge") "a\n",
        H("a", "gauge") "a x\n",
        H("a", "gauge") "a  1\n",
        H("a", "gauge") "a 1 \n",
        H("a", "gauge") "a 1\na 2\n",
        H("a", "gauge") "a{b=\"1\"} 1\na{b=\"1\"} 2\n",
        H("a", "gauge") "a{b=\"\\t\"} 1\n",
        H("a", "gauge") "a{b=\"1} 1\n",
        H("a", "gauge") "a{b=\"1\"}1\n",
        H("a", "gauge") "a{=\"1\"} 1\n",
        H("a", "gauge") "a{b=1} 1\n",
        H("a", "gauge") "a{b=\"x\"y\"} 1\n",
        H("a", "gauge") "a 1\n" H("b", "gauge") "b 1\n" H("a", "gauge") "a 1\n",
        H("a", "counter") "a 1\n",
        H("a_total", "counter") "a_total -1\n",
        H("a", "strange") "a 1\n",
        H("a", "histogram") "a_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
        H("a", "histogram") "a_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 1\n",
        H("a", "histogram") "a_bucket{le=\"+Inf\"} 1\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
        H("a", "histogram") "a_bucket{le=\"+Inf\"} 1\na_sum 1\na_count 2\n",
        H("a", "histogram") "a_bucket{le=\"+Inf\"} 1\na_count 1\n",
        H("a", "histogram") "a_bucket{x=\"1\"} 1\na_sum 1\na_count 1\n",
    };
    static const char good[] = H("a", "gauge") "a{b=\"\\\\ \\\" \\n {},\",c=\"\"} 1\na -2.5e3\n" H(
        "h", "histogram") "h_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 1.5\nh_count 3\n";
    struct reading reading;
    char text[1024];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%s", bad[i]);
        if (!parse(text, &reading))
            fail_msg("not refused: %s", bad[i]);
    }
    memcpy(text, good, sizeof(good));
    assert_null(parse(text, &reading));
    assert_int_equal(reading.count, 6);
}

/* Writes and parses. Return: the text that @reading points into, to be freed. */
static char *told(const struct metrics *metrics, struct reading *reading)
{
    struct buf out = {0};
    const char *wrong;
    char *text;

    assert_int_equal(metrics_write(metrics, &out), 0);
    assert_null(memchr(out.data, '\0', out.len));
    text = strndup((const char *)out.data, out.len);
    buf_done(&out);
    wrong = parse(text, reading);
    if (wrong)
        fail_msg("%s", wrong);
    return text;
}

static double value(const struct reading *reading, const char *name, const char *labels)
{
    for (size_t i = 0; i < reading->count; i++)
        if (strcmp(reading->samples[i].name, name) == 0 &&
            strcmp(reading->samples[i].labels ? reading->samples[i].labels : "", labels) == 0)
            return reading->samples[i].value;
    fail_msg("no %s{%s}", name, labels);
    return -1;
}

static void test_nothing_yet(void **state)
{
    struct metrics metrics = {0};
    struct reading reading;
    char *text = told(&metrics, &reading);

    (void)state;
    for (size_t i = 1; i < reading.count; i++)
        if (reading.samples[i].value != 0 &&
            strcmp(reading.samples[i].name, "crib_log_lines_dropped_total") != 0)
            fail_msg("%s is not 0", reading.samples[i].name);
    assert_true(value(&reading, "crib_build_info", "version=\"" CRIB_VERSION "\"") == 1);
    assert_true(value(&reading, "crib_start_seconds_count", "") == 0);
    free(text);
}

/* Every field is told, under its own name. */
static void test_every_field(void **state)
{
    struct metrics metrics = {.started = 1,
                              .requests = 2,
                              .bytes_in = 3,
                              .bytes_out = 4,
                              .stream_bytes = 5,
                              .lost_bytes = UINT64_C(1) << 53,
                              .tasks = 7,
                              .connections = 8,
                              .fds = 9,
                              .queued = 10,
                              .in_flight = 11,
                              .clusters = 12};
    struct reading reading;
    char *text;

    (void)state;
    for (size_t i = 0; i < METRICS_VERDICTS; i++)
        metrics.ended[i] = i <= CRIB_KILLED ? 100 + i : 0;
    for (size_t i = 0; i < 17; i++)
        metrics.refused[i] = 200 + i;
    text = told(&metrics, &reading);
    assert_true(value(&reading, "crib_tasks_started_total", "") == 1);
    assert_true(value(&reading, "crib_requests_total", "") == 2);
    assert_true(value(&reading, "crib_received_bytes_total", "") == 3);
    assert_true(value(&reading, "crib_sent_bytes_total", "") == 4);
    assert_true(value(&reading, "crib_stream_bytes_total", "") == 5);
    assert_true(value(&reading, "crib_lost_bytes_total", "") == 9007199254740992.0);
    assert_true(value(&reading, "crib_tasks", "") == 7);
    assert_true(value(&reading, "crib_connections", "") == 8);
    assert_true(value(&reading, "crib_fds", "") == 9);
    assert_true(value(&reading, "crib_queued_bytes", "") == 10);
    assert_true(value(&reading, "crib_requests_in_flight", "") == 11);
    assert_true(value(&reading, "crib_clusters", "") == 12);
    assert_true(value(&reading, "crib_tasks_ended_total", "verdict=\"none\"") == 100);
    assert_true(value(&reading, "crib_tasks_ended_total", "verdict=\"exited\"") ==
                100 + CRIB_EXITED);
    assert_true(value(&reading, "crib_tasks_ended_total", "verdict=\"wall_timeout\"") ==
                100 + CRIB_WALL_TIMEOUT);
    assert_true(value(&reading, "crib_tasks_ended_total", "verdict=\"killed\"") ==
                100 + CRIB_KILLED);
    assert_true(value(&reading, "crib_requests_refused_total", "code=\"ResourceExhausted\"") ==
                208);
    assert_true(value(&reading, "crib_requests_refused_total", "code=\"Unauthenticated\"") == 216);
    free(text);
}

static void test_latency(void **state)
{
    struct metrics metrics = {0};
    struct reading reading;
    char *text;

    (void)state;
    metrics_latency(&metrics, 0);
    metrics_latency(&metrics, 250);     /* the bound itself is inside */
    metrics_latency(&metrics, 251);     /* the next bucket */
    metrics_latency(&metrics, 8192000); /* the last bound */
    metrics_latency(&metrics, 8192001); /* past all of them */
    metrics_latency(&metrics, 1ull << 40);
    text = told(&metrics, &reading);
    assert_true(value(&reading, "crib_start_seconds_bucket", "le=\"0.00025") == 2);
    assert_true(value(&reading, "crib_start_seconds_bucket", "le=\"0.0005") == 3);
    assert_true(value(&reading, "crib_start_seconds_bucket", "le=\"4.096") == 3);
    assert_true(value(&reading, "crib_start_seconds_bucket", "le=\"8.192") == 4);
    assert_true(value(&reading, "crib_start_seconds_bucket", "le=\"+Inf") == 6);
    assert_true(value(&reading, "crib_start_seconds_count", "") == 6);
    assert_true(value(&reading, "crib_start_seconds_sum", "") ==
                (250 + 251 + 8192000 + 8192001 + 1099511627776.0) / 1e6);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_parser),
        cmocka_unit_test(test_nothing_yet),
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_latency),
    };

    return test_run(tests);
}
