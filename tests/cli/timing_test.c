/* SPDX-License-Identifier: Apache-2.0 */
/* --timing and --trace: where the time of a start went, also of one that was refused. */
#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "node/json.h"
#include "task.pb-c.h"
#include "text/text.h"

#define JSON "--json", "--result-fd", "9"

static bool is_remote(void)
{
    return getenv("CRIB_SOCKET") != NULL;
}

static Crib__Result *read_result(const struct cli *cli, struct arena *arena)
{
    struct crib_error err = {0};
    ProtobufCMessage *msg = NULL;
    char text[1024];

    arena_init(arena, 0);
    if (text_read(&crib__result__descriptor, "result", cli->result, strlen(cli->result), arena,
                  NULL, &msg, &err) < 0)
        fail_msg("%s\n%s", crib_error_text(&err, text, sizeof(text)), cli->result);
    return (Crib__Result *)msg;
}

/* As it is called where a daemon does the work. */
static void room_there(char out[32], const char *room)
{
    bool same = strcmp(room, "init") == 0 || strcmp(room, "task") == 0;

    snprintf(out, 32, "%s%s", is_remote() && !same ? "cribd." : "", room);
}

static const Crib__Span *find(const Crib__Result *result, const char *room, const char *name)
{
    for (size_t i = 0; i < result->n_timing; i++)
        if (strcmp(result->timing[i]->room, room) == 0 &&
            strcmp(result->timing[i]->name, name) == 0)
            return result->timing[i];
    return NULL;
}

static const Crib__Span *need(const Crib__Result *result, const char *room, const char *name)
{
    const Crib__Span *span = find(result, room, name);

    if (!span)
        fail_msg("no span '%s' of '%s'", name, room);
    return span;
}

static uint64_t end_of(const Crib__Span *span)
{
    return span->begin + span->length;
}

/* Whether it is of the process that crib itself is. */
static bool is_ours(const Crib__Span *span)
{
    return strcmp(span->room, "init") != 0 && strcmp(span->room, "task") != 0 &&
           strncmp(span->room, "cribd", 5) != 0;
}

/* Sorted; none longer than the whole; ours follow one another without a gap, so their sum is it. */
static uint64_t check_spans(const Crib__Result *result)
{
    uint64_t sum = 0, last = 0;

    assert_true(result->n_timing > 0);
    for (size_t i = 0; i < result->n_timing; i++) {
        const Crib__Span *span = result->timing[i];

        assert_true(span->has_begin && span->has_length);
        assert_true(i == 0 || result->timing[i - 1]->begin <= span->begin);
        if (!is_ours(span))
            continue;
        assert_true(span->begin == last);
        last = end_of(span);
        sum += span->length;
    }
    assert_true(sum == last);
    for (size_t i = 0; i < result->n_timing; i++)
        assert_true(end_of(result->timing[i]) <= sum);
    return sum;
}

static void in_order(const Crib__Result *result, const char *const (*spans)[2], size_t count)
{
    const Crib__Span *before = NULL;

    for (size_t i = 0; i < count; i++) {
        const Crib__Span *span;
        char room[32];

        room_there(room, spans[i][0]);
        span = need(result, room, spans[i][1]);
        if (before && end_of(before) > span->begin)
            fail_msg("'%s' begins before '%s' has ended", span->name, before->name);
        before = span;
    }
}

static void test_spans_of_a_run(void **state)
{
    static const char *const parent[][2] = {{"plan", "build"},        {"launch", "groups"},
                                            {"launch", "clone"},      {"launch", "maps"},
                                            {"launch", "trees"},      {"launch", "send"},
                                            {"supervise", "started"}, {"supervise", "program"}};
    static const char *const inside[][2] = {
        {"init", "wait"},   {"init", "receive"}, {"init", "dumpable"}, {"init", "clone"},
        {"task", "session"}, {"init", "mounts"}, {"init", "stdio"},    {"task", "limits"},
        {"task", "ids"},   {"task", "caps"},    {"task", "cwd"},      {"task", "landlock"},
        {"task", "exec"},  {"init", "spawned"}};
    struct cli cli = {.want_result = true};
    const Crib__Span *started, *exec;
    struct arena arena;
    Crib__Result *result;
    char room[32];

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "--timing", JSON, "sleep", "0.3");
    result = read_result(&cli, &arena);
    check_spans(result);
    in_order(result, parent, sizeof(parent) / sizeof(parent[0]));
    in_order(result, inside, sizeof(inside) / sizeof(inside[0]));
    assert_string_equal(result->timing[0]->room, "api");
    assert_string_equal(result->timing[0]->name, "request");
    /* What is done inside is what the parent waits for. */
    room_there(room, "supervise");
    started = need(result, room, "started");
    exec = need(result, "task", "exec");
    assert_true(exec->length > 0 && end_of(exec) <= end_of(started));
    assert_true(need(result, "init", "mounts")->length > 0);
    /* And the program's own time is where it was. */
    assert_true(need(result, "supervise", "program")->length >= 250000000);
    assert_true(end_of(need(result, "supervise", "result")) ==
                end_of(result->timing[result->n_timing - 1]));
    arena_done(&arena);
    cli_done(&cli);
}

static void test_only_where_it_is_asked(void **state)
{
    struct cli cli = {.want_result = true};
    struct arena arena;
    Crib__Result *result;

    (void)state;
    CLI_EXPECT(&cli, 0, "run", JSON, "true");
    result = read_result(&cli, &arena);
    assert_int_equal(result->n_timing, 0);
    assert_string_equal(cli.err, "");
    arena_done(&arena);
    CLI_EXPECT(&cli, STATUS_FAILED, "run", JSON, "-p", "no-such-policy", "true");
    result = read_result(&cli, &arena);
    assert_int_equal(result->n_timing, 0);
    arena_done(&arena);
    CLI_EXPECT(&cli, 0, "plan", "true");
    assert_null(strstr(cli.out, "\ntiming:"));
    cli_done(&cli);
}

/* Init got as far as the directory, and the lap says so. */
static void test_a_start_that_init_refuses(void **state)
{
    struct cli cli = {.want_result = true};
    struct arena arena;
    Crib__Result *result;

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--timing", JSON, "-C", "/no/such/directory", "true");
    result = read_result(&cli, &arena);
    assert_int_equal(result->verdict, CRIB__RESULT__VERDICT__setup_failed);
    check_spans(result);
    need(result, "init", "mounts");
    need(result, "task", "caps");
    need(result, "task", "refused");
    assert_null(find(result, "task", "cwd"));
    assert_null(find(result, "task", "exec"));
    need(result, "supervise", "refused");
    assert_null(find(result, "supervise", "program"));
    arena_done(&arena);
    cli_done(&cli);
}

/* There never was a task: what was done until then is known all the same. */
static void test_a_start_that_is_refused_before(void **state)
{
    struct cli cli = {.want_result = true};
    struct arena arena;
    Crib__Result *result;

    (void)state;
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "--timing", JSON, "/no/such/program");
    result = read_result(&cli, &arena);
    check_spans(result);
    need(result, "api", "request");
    if (is_remote())
        need(result, "client", "spawn");
    else
        need(result, "plan", "build");
    assert_null(find(result, "launch", "clone"));
    test_contains(cli.err, "\ncrib: total ");
    arena_done(&arena);
    cli_done(&cli);
}

/* Return: the number at the place of the last column. */
static double last_of(const char *line)
{
    char *copy = strndup(line, strcspn(line, "\n"));
    double number = strtod(strrchr(copy, ' '), NULL);

    free(copy);
    return number;
}

static void test_a_table_for_people(void **state)
{
    const char *head, *line, *total;
    struct cli cli = {0};
    double sum = 0;
    size_t width;

    (void)state;
    CLI_EXPECT(&cli, 3, "exec", "--timing", "echo out; echo err >&2; exit 3");
    assert_string_equal(cli.out, "out\n");
    assert_int_equal(strncmp(cli.err, "err\n", 4), 0);
    head = strstr(cli.err, "crib: room");
    assert_non_null(head);
    total = strstr(head, "\ncrib: total ");
    assert_non_null(total);
    width = strcspn(head, "\n");
    for (line = head; line < total; line += strcspn(line, "\n") + 1) {
        assert_int_equal(strcspn(line, "\n"), width);
        if (line != head && strncmp(line + 6, "init ", 5) != 0 &&
            strncmp(line + 6, "task ", 5) != 0 && strncmp(line + 6, "cribd", 5) != 0)
            sum += last_of(line);
    }
    assert_int_equal(strcspn(total + 1, "\n"), width);
    assert_true(fabs(sum - last_of(total + 1)) < 10);   /* microseconds; lines are rounded */
    assert_string_equal(strchr(total + 1, '\n'), "\n"); /* the last line */
    cli_done(&cli);
}

/* One event. Return: whether it is a span. */
static bool check_event(struct node_json event, double *ret_end, char *ret_name, size_t size)
{
    struct node_json ph, name, cat, ts, dur, pid, tid;

    assert_true(node_json_get(event, "ph", &ph) && node_json_get(event, "name", &name));
    assert_true(node_json_get(event, "pid", &pid) && node_json_get(event, "tid", &tid));
    if (!node_json_is(ph, "X")) {
        assert_true(node_json_is(ph, "M"));
        return false;
    }
    assert_true(node_json_get(event, "cat", &cat) && node_json_string(cat, ret_name, size) > 0);
    assert_true(node_json_string(name, ret_name, size) > 0);
    assert_true(node_json_get(event, "ts", &ts) && node_json_get(event, "dur", &dur));
    *ret_end = strtod(ts.text, NULL) + strtod(dur.text, NULL);
    return true;
}

/* The file has an event a line. */
static void check_trace(const char *path, const char *const *wanted, size_t count)
{
    size_t len, seen = 0, spans = 0;
    char *text = test_read(path, &len), *line;
    struct node_json whole = {text, len}, events;
    double end;

    assert_int_equal(node_json_check(whole), 0);
    assert_true(node_json_get(whole, "traceEvents", &events));
    assert_int_equal(events.text[0], '[');
    for (line = strchr(text, '\n') + 1; *line == '{'; line = strchr(line, '\n') + 1) {
        size_t size = strcspn(line, "\n");
        char name[64];

        size -= line[size - 1] == ',';
        assert_int_equal(node_json_check((struct node_json){line, size}), 0);
        if (!check_event((struct node_json){line, size}, &end, name, sizeof(name)))
            continue;
        spans++;
        assert_true(end >= 0 && end < 120e6);
        seen += seen < count && strcmp(name, wanted[seen]) == 0;
    }
    assert_string_equal(line, "]}\n");
    assert_int_equal(seen, count);
    assert_true(spans >= count);
    free(text);
}

static void test_a_trace_for_viewers(void **state)
{
    static const char *const run[] = {"request", "clone",   "receive",  "mounts", "caps",
                                      "exec",    "program", "teardown", "result"};
    static const char *const refused[] = {"request", "mounts", "refused"};
    char *dir = cli_dir(), path[4096];
    struct cli cli = {0};

    (void)state;
    snprintf(path, sizeof(path), "%s/trace.json", dir);
    CLI_EXPECT(&cli, 0, "run", "--trace", path, "true");
    assert_string_equal(cli.err, ""); /* the table is another option's */
    check_trace(path, run, sizeof(run) / sizeof(run[0]));
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--trace", path, "-C", "/no/such/directory", "true");
    check_trace(path, refused, sizeof(refused) / sizeof(refused[0]));
    CLI_EXPECT(&cli, STATUS_NOT_FOUND, "run", "--trace", path, "/no/such/program");
    check_trace(path, refused, 1);
    cli_done(&cli);
    free(dir);
}

static void test_a_trace_that_cannot_be_written(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--trace", "/no/such/directory/t", "true");
    test_contains(cli.err, "--trace /no/such/directory/t: No such file or directory");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--trace", "", "true");
    test_contains(cli.err, "names no file");
    CLI_EXPECT(&cli, STATUS_FAILED, "run", "--detach", "--timing", "true");
    test_contains(cli.err, "--detach");
    cli_done(&cli);
}

/* The first step of the task's process behind the filter is its exec: no filter, however narrow,
 * is in the way of the clock. */
static void test_narrow_filters_are_not_in_the_way(void **state)
{
    struct cli cli = {0};

    (void)state;
    CLI_EXPECT(&cli, 0, "run", "--timing", "-p", "strict", "true");
    test_contains(cli.err, "crib: task ");
    cli_done(&cli);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_of_a_run),
        cmocka_unit_test(test_only_where_it_is_asked),
        cmocka_unit_test(test_a_start_that_init_refuses),
        cmocka_unit_test(test_a_start_that_is_refused_before),
        cmocka_unit_test(test_a_table_for_people),
        cmocka_unit_test(test_a_trace_for_viewers),
        cmocka_unit_test(test_a_trace_that_cannot_be_written),
        cmocka_unit_test(test_narrow_filters_are_not_in_the_way),
    };

    return test_run(tests);
}
