/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be wrong with a case, found before anything runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "harness/match.h"
#include "harness/names.h"
#include "harness/suite.h"
#include "text/utf8.h"

#define PATH_BYTES 128 /* hold the path of any field of a case */

struct checking {
    struct suite *suite;
    Crib__Case *test;
    size_t index;
    struct crib_error *err;
};

/* @field: of the case, `expect.files[2].path`; empty: the case itself */
static int refuse(const struct checking *c, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(const struct checking *c, const char *field, const char *format, ...)
{
    char path[PATH_BYTES], text[sizeof(c->err->detail)];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    snprintf(path, sizeof(path), "cases[%zu]%s%s", c->index, field[0] ? "." : "", field);
    return suite_refuse(c->suite, c->err, path, "%s", text);
}

static int check_name(const struct checking *c)
{
    const char *name = c->test->name;
    char shown[UTF8_SHOWN];

    if (!name[0] || strlen(name) > SUITE_MAX_NAME)
        return refuse(c, "name", "a name has 1 to %d bytes", SUITE_MAX_NAME);
    for (size_t i = 0, n, len = strlen(name); i < len; i += n) {
        uint32_t letter = 0;

        n = utf8_next((const uint8_t *)name + i, len - i, &letter);
        if (!n || letter < ' ' || utf8_needs_escape(letter))
            return refuse(c, "name", "a control character in '%s'", utf8_shown(shown, name, len));
    }
    return 0;
}

static int check_words(const struct checking *c, const char *field,
                       const ProtobufCBinaryData *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (words[i].len && memchr(words[i].data, 0, words[i].len))
            return refuse(c, field, "a NUL byte inside");
    return 0;
}

static int check_command(const struct checking *c)
{
    const Crib__Case *test = c->test;
    const char *field = test->n_run ? "run" : test->n_fork ? "fork" : "exec";
    int r;

    if ((test->n_run > 0) + (test->n_fork > 0) + test->has_exec != 1)
        return refuse(c, "", "one of run, exec and fork must be given");
    if (test->n_run ? !test->run[0].len : test->n_fork ? !test->fork[0].len : !test->exec.len)
        return refuse(c, field, "the program has no name");
    if (test->n_send && !test->n_fork)
        return refuse(c, "send", "messages are for fork");
    if (test->expect && test->expect->n_messages && !test->n_fork)
        return refuse(c, "expect.messages", "messages are for fork");
    r = check_words(c, "run", test->run, test->n_run);
    if (r == 0)
        r = check_words(c, "fork", test->fork, test->n_fork);
    if (r == 0)
        r = check_words(c, "exec", &test->exec, test->has_exec);
    if (r == 0)
        r = check_words(c, "env", test->env, test->n_env);
    if (r == 0)
        r = check_words(c, "vars", test->vars, test->n_vars);
    if (r == 0)
        r = check_words(c, "cwd", &test->cwd, test->has_cwd);
    return r < 0 ? r : check_words(c, "at", &test->at, test->has_at);
}

static int check_numbers(const struct checking *c)
{
    const Crib__Case *test = c->test;

    if (test->has_timeout && (!test->timeout || test->timeout > SUITE_LONGEST_MS))
        return refuse(c, "timeout", "from 1ms to %dm", SUITE_LONGEST_MS / 60000);
    if (test->has_max_output && (!test->max_output || test->max_output > SUITE_MAX_OUTPUT))
        return refuse(c, "max_output", "from 1 byte to %dM", SUITE_MAX_OUTPUT >> 20);
    if (test->has_at && (!test->at.len || test->at.data[0] != '/'))
        return refuse(c, "at", "an absolute path, as seen inside, is wanted");
    return 0;
}

/* Below the case's directory, whatever is there: no `..`, no empty part. */
static bool is_below(const ProtobufCBinaryData *path)
{
    const char *at = (const char *)path->data;

    if (!path->len || path->len >= PATH_MAX || memchr(at, 0, path->len))
        return false;
    for (;;) {
        size_t n = strcspn(at, "/");

        if (n == 0 || n > NAME_MAX || (n == 1 && at[0] == '.') ||
            (n == 2 && at[0] == '.' && at[1] == '.'))
            return false;
        if (!at[n])
            return true;
        at += n + 1;
    }
}

static int check_file_path(const struct checking *c, const char *list, size_t index,
                           const ProtobufCBinaryData *path, bool has_mode, uint32_t mode)
{
    char field[PATH_BYTES];

    snprintf(field, sizeof(field), "%s[%zu].path", list, index);
    if (!is_below(path))
        return refuse(c, field, "a relative path without '.' and '..' is wanted");
    snprintf(field, sizeof(field), "%s[%zu].mode", list, index);
    if (has_mode && mode > 07777)
        return refuse(c, field, "permission bits are at most 07777");
    return 0;
}

static int check_files(const struct checking *c)
{
    const Crib__Case *test = c->test;
    int r = 0;

    for (size_t i = 0; r == 0 && i < test->n_files; i++) {
        const Crib__Case__File *file = test->files[i];

        r = check_file_path(c, "files", i, &file->path, file->has_mode, file->mode);
        if (r == 0 && file->has_dir && file->dir && file->has_content)
            r = refuse(c, "files", "a directory has no content");
    }
    for (size_t i = 0; r == 0 && test->expect && i < test->expect->n_files; i++) {
        const Crib__Case__FileAfter *file = test->expect->files[i];

        r = check_file_path(c, "expect.files", i, &file->path, file->has_mode, file->mode);
    }
    return r;
}

/* The file to compare with becomes `exact`. */
static int read_exact(const struct checking *c, const char *field, Crib__Case__Text *text)
{
    const char *path = arena_copy(&c->suite->arena, text->file.data, text->file.len);
    AUTO_FREE char *data = NULL;
    AUTO_FD int fd = -1;
    size_t len = 0;
    int r;

    path = path ? suite_path(c->suite, path) : NULL;
    if (!path)
        return fail_sys(c->err, -ENOMEM, NULL, -1, c->suite->path, NULL);
    fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    r = fd < 0 ? -errno : fd_read_file(fd, SUITE_MAX_OUTPUT, &data, &len);
    if (r < 0)
        return refuse(c, field, "file %s: %s", path, strerror(-r));
    text->exact = arena_bytes(&c->suite->arena, data, len);
    text->has_exact = true;
    text->has_file = false; /* the defaults' texts are those of every case */
    return !len || text->exact.data ? 0 : fail_sys(c->err, -ENOMEM, NULL, -1, c->suite->path, NULL);
}

static int check_text(const struct checking *c, const char *field, Crib__Case__Text *text)
{
    char why[MATCH_WHY], inner[PATH_BYTES];

    if (!text)
        return 0;
    for (size_t i = 0; i < text->n_regex; i++) {
        snprintf(inner, sizeof(inner), "%.90s.regex[%zu]", field, i);
        if (match_check(text->regex[i], why) < 0)
            return refuse(c, inner, "%s", why);
    }
    if (text->has_file && text->has_exact)
        return refuse(c, field, "`exact` and `file` say the same thing; one will do");
    return text->has_file ? read_exact(c, field, text) : 0;
}

static int check_texts(const struct checking *c, const Crib__Case__Expect *expect)
{
    char field[PATH_BYTES];
    int r = check_text(c, "expect.stdout", expect->stdout);

    if (r == 0)
        r = check_text(c, "expect.stderr", expect->stderr);
    if (r == 0)
        r = check_text(c, "expect.error", expect->error);
    for (size_t i = 0; r == 0 && i < expect->n_messages; i++) {
        snprintf(field, sizeof(field), "expect.messages[%zu].data", i);
        r = check_text(c, field, expect->messages[i]->data);
    }
    for (size_t i = 0; r == 0 && i < expect->n_files; i++) {
        snprintf(field, sizeof(field), "expect.files[%zu].content", i);
        r = check_text(c, field, expect->files[i]->content);
    }
    return r;
}

/* What no denial can meet. */
static int check_denials(const struct checking *c, const Crib__Case__Expect *expect)
{
    char field[PATH_BYTES], shown[UTF8_SHOWN];

    for (size_t i = 0; i < expect->n_denials; i++) {
        const Crib__Case__Denied *d = expect->denials[i];

        snprintf(field, sizeof(field), "expect.denials[%zu]", i);
        if (!d->call && !d->text && !d->answer && !d->rule && !d->by && !d->has_object &&
            !d->has_program)
            return refuse(c, field, "it says nothing of the denial: give call, text or rule");
        if (d->by && !match_glob(d->by, "filter") && !match_glob(d->by, "files") &&
            !match_glob(d->by, "limit"))
            return refuse(c, field, "by '%s': it is filter, files or limit",
                          utf8_shown(shown, d->by, strlen(d->by)));
        if (check_words(c, field, &d->object, d->has_object) < 0 ||
            check_words(c, field, &d->program, d->has_program) < 0)
            return -EINVAL;
    }
    return 0;
}

static int check_end(const struct checking *c, const Crib__Case__Expect *expect)
{
    char shown[UTF8_SHOWN];

    if (expect->has_status && (expect->status < 0 || expect->status > 255))
        return refuse(c, "expect.status", "from 0 to 255");
    if (expect->signal && names_signal(expect->signal) < 0)
        return refuse(c, "expect.signal", "'%s' is no signal",
                      utf8_shown(shown, expect->signal, strlen(expect->signal)));
    if (expect->has_status && expect->signal)
        return refuse(c, "expect.signal", "a task that ends by a signal has no status");
    return 0;
}

int suite_check_case(struct suite *suite, Crib__Case *test, size_t index, struct crib_error *err)
{
    const struct checking c = {suite, test, index, err};
    static int (*const checks[])(const struct checking *) = {check_name, check_command,
                                                             check_numbers, check_files};
    int r = 0;

    for (size_t i = 0; r == 0 && i < sizeof(checks) / sizeof(checks[0]); i++)
        r = checks[i](&c);
    if (r == 0 && test->expect)
        r = check_end(&c, test->expect);
    if (r == 0 && test->expect)
        r = check_denials(&c, test->expect);
    return r == 0 && test->expect ? check_texts(&c, test->expect) : r;
}
