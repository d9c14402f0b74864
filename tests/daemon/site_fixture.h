/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sites that are given as texts, and what they answer.
 *
 * Runs in: tests.
 * Owns: the directory of the test that runs.
 */
#ifndef DAEMON_SITE_FIXTURE_H
#define DAEMON_SITE_FIXTURE_H

#include "support/support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/site.h"
#include "text/text.h"

#define SOMEBODY 4321

static char *dir; /* of the test that runs: site.yaml, and policies/ */

static inline const char *in_dir(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

static inline void write_in(const char *name, const char *text, unsigned mode)
{
    test_write(in_dir(name), text, strlen(text), mode);
    assert_int_equal(chmod(in_dir(name), mode), 0);
}

static inline int make_dir(void **state)
{
    (void)state;
    dir = test_dir();
    return mkdir(in_dir("policies"), 0755);
}

static inline int drop_dir(void **state)
{
    (void)state;
    free(dir);
    return 0;
}

/* The site of a text, with the policies/ of the test. */
static inline struct site *load(const char *text)
{
    struct crib_error err = {0};
    struct site *site = NULL;
    char said[1024];

    write_in("site.yaml", text, 0644);
    if (site_load(in_dir("site.yaml"), in_dir("policies"), &site, &err) < 0)
        fail_msg("%s: %s", text, crib_error_text(&err, said, sizeof(said)));
    return site;
}

/* What is said, without the directory in front. */
static inline const char *said_of(const struct crib_error *err)
{
    static char text[1024];
    size_t len = strlen(dir);
    char *at;

    crib_error_text(err, text, sizeof(text));
    while ((at = strstr(text, dir)))
        memmove(at, at + len + 1, strlen(at + len + 1) + 1);
    return text;
}

static inline void assert_may(const struct site *site, uid_t uid, const char *name, int code)
{
    struct crib_error err = {0};
    const Crib__Policy *policy = NULL;

    if (site_policy(site, uid, name, &policy, &err) != code)
        fail_msg("uid %u, policy %s: %s", (unsigned)uid, name, said_of(&err));
    assert_int_equal(err.code, code);
    assert_true((policy != NULL) == (code == 0));
}

/* Names with blanks between them. */
static inline const char *names_of(const struct site *site, uid_t uid)
{
    static char text[512];
    size_t len = 0;

    text[0] = '\0';
    for (const char *const *name = site_policies(site, uid); *name; name++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "", *name);
    return text;
}

/* An inline policy, as text; @said NULL: it is allowed. */
static inline void assert_inline(const struct site *site, uid_t uid, const char *text, int code,
                                 const char *said)
{
    struct crib_error err = {0};
    Crib__Policy *policy = NULL;
    ProtobufCMessage *message;
    struct arena arena;
    int r;

    arena_init(&arena, 0);
    assert_int_equal(text_read(&crib__policy__descriptor, "inline", text, strlen(text), &arena,
                               NULL, &message, &err),
                     0);
    r = site_inline(site, uid, (Crib__Policy *)message, &arena, &policy, &err);
    if (r != code)
        fail_msg("%s: %d, %s", text, r, said_of(&err));
    if (said)
        assert_string_equal(said_of(&err), said);
    assert_true((policy != NULL) == (code == 0));
    if (policy)
        assert_int_equal(policy->n_extends, 0);
    arena_done(&arena);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_dir, drop_dir)

#endif
