/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines: each one JSON text on one line, no secret in it, and nobody waits for its reader. */
#include "support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "node/json.h"
#include "daemon/log.h"

#define FIELDS(...)                                                                                \
    (struct log_field[])                                                                           \
    {                                                                                              \
        __VA_ARGS__, LOG_END                                                                       \
    }

/* The read end of a new log; the write end is closed with log_done(). */
struct reader {
    int log, from;
    char text[65536];
};

static void open_log(struct reader *reader, enum log_level most, bool values)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    reader->from = ends[0];
    reader->log = ends[1];
    assert_int_equal(fcntl(reader->from, F_SETFL, O_NONBLOCK), 0);
    log_open(reader->log, most, values);
}

static void close_log(struct reader *reader)
{
    log_open(-1, LOG_DEBUG, false);
    fd_close(&reader->log);
    fd_close(&reader->from);
}

/* All that was written since; every line is checked to be JSON. Return: the text. */
static const char *said(struct reader *reader)
{
    ssize_t n = read(reader->from, reader->text, sizeof(reader->text) - 1);

    reader->text[n > 0 ? n : 0] = '\0';
    for (const char *line = reader->text; *line;) {
        const char *end = strchr(line, '\n');

        assert_non_null(end);
        assert_true(end - line < PIPE_BUF);
        if (node_json_check((struct node_json){line, (size_t)(end - line)}) < 0)
            fail_msg("not JSON: %.*s", (int)(end - line), line);
        line = end + 1;
    }
    return reader->text;
}

static void lacks(const char *got, const char *part)
{
    if (strstr(got, part))
        fail_msg("\n  got:      %s\n  without:  %s", got, part);
}

static void test_a_line(void **state)
{
    struct reader reader;
    struct tm tm = {0};
    const char *got;

    (void)state;
    open_log(&reader, LOG_INFO, false);
    log_line(LOG_INFO, "spawn",
             FIELDS(LOG_N("task", 7), LOG_N("least", INT64_MIN), LOG_T("policy", "default"),
                    LOG_T("nothing", NULL), LOG_W("none", NULL)));
    got = said(&reader);
    assert_int_equal(strncmp(got, "{\"time\":\"", 9), 0);
    assert_string_equal(strptime(got + 9, "%Y-%m-%dT%H:%M:%S", &tm) + 4,
                        "Z\",\"level\":\"info\",\"event\":\"spawn\",\"task\":7,"
                        "\"least\":-9223372036854775808,\"policy\":\"default\"}\n");
    assert_true(llabs(timegm(&tm) - time(NULL)) < 3600);
    log_line(LOG_WARNING, "plain", FIELDS(LOG_T("nothing", NULL)));
    test_contains(said(&reader), "\"level\":\"warning\",\"event\":\"plain\"}\n");
    close_log(&reader);
}

static void test_levels(void **state)
{
    struct reader reader;

    (void)state;
    open_log(&reader, LOG_WARNING, false);
    log_line(LOG_DEBUG, "debug", FIELDS(LOG_N("n", 1)));
    log_line(LOG_INFO, "info", FIELDS(LOG_N("n", 1)));
    assert_string_equal(said(&reader), "");
    log_line(LOG_WARNING, "warning", FIELDS(LOG_N("n", 1)));
    log_line(LOG_ERROR, "error", FIELDS(LOG_N("n", 1)));
    test_contains(said(&reader), "\"event\":\"warning\"");
    test_contains(reader.text, "\"level\":\"error\",\"event\":\"error\"");
    log_open(-1, LOG_DEBUG, true);
    log_line(LOG_ERROR, "error", FIELDS(LOG_N("n", 1)));
    assert_string_equal(said(&reader), "");
    close_log(&reader);
}

static const char *const argv[] = {"mysql", "--password=hunter2", "-phunter2", NULL};
static const char *const env[] = {"TOKEN=hunter2", "PATH=/bin", "PASSWORD=hunter2", NULL};
static const char *const nothing[] = {NULL};

/* Neither the value of an argument nor of a variable appears, wherever it stands. */
static void test_redacted(void **state)
{
    static const char *const bare[] = {"=hunter2", NULL};
    struct reader reader;
    const char *got;

    (void)state;
    open_log(&reader, LOG_DEBUG, false);
    log_line(
        LOG_INFO, "spawn",
        FIELDS(LOG_W("argv", argv), LOG_W("env", env), LOG_W("no", nothing), LOG_W("bare", bare)));
    got = said(&reader);
    lacks(got, "hunter2");
    lacks(got, "PASSWORD");
    test_contains(got, "\"argv\":{\"count\":3,\"first\":\"mysql\"}");
    test_contains(got, "\"env\":{\"count\":3,\"first\":\"TOKEN=\"}");
    test_contains(got, "\"no\":{\"count\":0}");
    test_contains(got, "\"bare\":{\"count\":1,\"first\":\"=\"}");
    close_log(&reader);
}

static void test_values_where_the_site_asks(void **state)
{
    struct reader reader;
    const char *got;

    (void)state;
    open_log(&reader, LOG_DEBUG, true);
    log_line(LOG_INFO, "spawn", FIELDS(LOG_W("argv", argv), LOG_W("no", nothing)));
    got = said(&reader);
    test_contains(got, "\"argv\":[\"mysql\",\"--password=hunter2\",\"-phunter2\"],\"no\":[]}");
    close_log(&reader);
}

/* A text can neither end its string nor its line, nor drive the terminal of who reads it. */
static void test_hostile_text(void **state)
{
    struct reader reader;
    const char *got;

    (void)state;
    open_log(&reader, LOG_DEBUG, true);
    log_line(LOG_INFO, "text",
             FIELDS(LOG_T("quote", "\",\"uid\":0,\"x\":\"\\"), LOG_T("lines", "a\n{\"time\":1}\n"),
                    LOG_T("terminal", "\x1b[2J\x7f\xc2\x9b"),
                    LOG_T("bytes", "\xff\xc0\x80\xed\xa0\x80"),
                    LOG_T("good", "\xc3\xa4\xf0\x9f\x98\x80")));
    got = said(&reader);
    assert_ptr_equal(strchr(got, '\n') + 1, got + strlen(got));
    test_contains(got, "\"quote\":\"\\\",\\\"uid\\\":0,\\\"x\\\":\\\"\\\\\"");
    test_contains(got, "\"lines\":\"a\\u000a{\\\"time\\\":1}\\u000a\"");
    test_contains(got, "\"terminal\":\"\\u001b[2J\\u007f\\u009b\"");
    test_contains(got, "\"bytes\":\"\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");
    test_contains(got, "\"good\":\"\xc3\xa4\xf0\x9f\x98\x80\"");
    close_log(&reader);
}

/* What is too long is cut, and the line still is one JSON text; fields behind it are still told. */
static void test_long_text(void **state)
{
    struct reader reader;
    char text[5000], controls[5000];
    const char *got;

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    memset(controls, '\1', sizeof(controls) - 1);
    text[sizeof(text) - 1] = controls[sizeof(controls) - 1] = '\0';
    memcpy(text + 999, "\xe2\x82\xac", 3); /* a character across the place where it is cut */
    open_log(&reader, LOG_DEBUG, true);
    log_line(LOG_INFO, "long", FIELDS(LOG_T("text", text), LOG_N("after", 1)));
    got = said(&reader);
    test_contains(got, "xxx\xe2\x82\xac\xe2\x80\xa6\",\"after\":1}");
    lacks(got, "cut");
    log_line(LOG_INFO, "long", FIELDS(LOG_T("text", controls), LOG_N("after", 1)));
    got = said(&reader);
    lacks(got, "\"text\"");
    test_contains(got, "\"after\":1,\"cut\":true}\n");
    close_log(&reader);
}

/* Every number of words, up to far more than a line holds. */
static void test_many_words(void **state)
{
    static const char *words[3000];
    struct reader reader;
    const char *got;

    (void)state;
    open_log(&reader, LOG_DEBUG, true);
    for (size_t count = 0; count < sizeof(words) / sizeof(words[0]) - 1; count++) {
        log_line(LOG_INFO, "words", FIELDS(LOG_W("argv", words), LOG_N("after", 1)));
        got = said(&reader);
        test_contains(got, "\"after\":1");
        words[count] = "a b\n";
    }
    test_contains(got,
                  "\"argv\":{\"count\":2998,\"first\":\"a b\\u000a\"},\"after\":1,\"cut\":true}");
    close_log(&reader);
}

static void fill(int fd)
{
    static const char noise[4096] = {'\n'};
    int flags = fcntl(fd, F_GETFL);

    assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(fd, noise, sizeof(noise)) > 0)
        ;
    while (write(fd, noise, 1) > 0)
        ;
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(fcntl(fd, F_SETFL, flags), 0);
}

static void drain(int fd)
{
    char noise[65536];

    while (read(fd, noise, sizeof(noise)) > 0)
        ;
}

/* @log blocks: a line that waited would hang the test. */
static void check_drops(struct reader *reader)
{
    uint64_t before = log_dropped();
    const char *got;

    fill(reader->log);
    for (int i = 0; i < 1000; i++)
        log_line(LOG_ERROR, "unread", FIELDS(LOG_N("i", i)));
    assert_int_equal(log_dropped() - before, 1000);
    drain(reader->from);
    log_line(LOG_INFO, "again", FIELDS(LOG_N("i", 1)));
    log_line(LOG_INFO, "later", FIELDS(LOG_N("i", 2)));
    got = said(reader);
    lacks(got, "unread");
    test_contains(got, "\"event\":\"again\",\"i\":1,\"dropped\":1000}\n");
    test_contains(got, "\"event\":\"later\",\"i\":2}\n");
    assert_int_equal(log_dropped() - before, 1000);
}

static void test_dropped_when_nobody_reads(void **state)
{
    struct reader reader;
    int pair[2];

    (void)state;
    open_log(&reader, LOG_INFO, false);
    check_drops(&reader);
    close_log(&reader);
    /* as journald has it */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    reader.log = pair[0];
    reader.from = pair[1];
    assert_int_equal(fcntl(reader.from, F_SETFL, O_NONBLOCK), 0);
    log_open(reader.log, LOG_INFO, false);
    check_drops(&reader);
    close_log(&reader);
}

/* The reader is gone: counted, nothing else. */
static void test_reader_gone(void **state)
{
    uint64_t before = log_dropped();
    struct reader reader;

    (void)state;
    open_log(&reader, LOG_INFO, false);
    fd_close(&reader.from);
    for (int i = 0; i < 3; i++)
        log_line(LOG_INFO, "unheard", FIELDS(LOG_N("i", i)));
    assert_int_equal(log_dropped() - before, 3);
    close_log(&reader);
}

static void test_to_a_file(void **state)
{
    char *dir = test_dir(), path[300], *text;
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "%s/log", dir);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    log_open(fd, LOG_INFO, false);
    for (int i = 0; i < 100; i++)
        log_line(LOG_INFO, "filed", FIELDS(LOG_N("i", i)));
    log_open(-1, LOG_INFO, false);
    fd_close(&fd);
    text = test_read(path, NULL);
    test_contains(text, "\"event\":\"filed\",\"i\":1}\n");
    test_contains(text, "\"event\":\"filed\",\"i\":99}\n");
    free(text);
    free(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line),       cmocka_unit_test(test_levels),
        cmocka_unit_test(test_redacted),     cmocka_unit_test(test_values_where_the_site_asks),
        cmocka_unit_test(test_hostile_text), cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_many_words),   cmocka_unit_test(test_dropped_when_nobody_reads),
        cmocka_unit_test(test_reader_gone),  cmocka_unit_test(test_to_a_file),
    };

    signal(SIGPIPE, SIG_IGN);
    return test_run(tests);
}
