/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What init finds of a call on a file, and what is made of it, for the tests of plan/why.c.
 *
 * Runs in: tests.
 * Owns: what its fixture owns.
 */
#ifndef UNIT_PLAN_WHY_H
#define UNIT_PLAN_WHY_H

#include "plan_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OUTSIDE 65534u /* an id that the sandbox does not have */

struct look {
    long number;
    int arg; /* the path's; -1: the only one */
    uint64_t args[6];
    Crib__Report__File file;
    const char *path, *there;
};

static inline void origin(struct fixture *f, const char *at)
{
    Crib__Origins__Place *place = ARENA_NEW(&f->arena, crib__origins__place, Crib__Origins__Place);

    if (!f->task->origins)
        f->task->origins = ARENA_NEW(&f->arena, crib__origins, Crib__Origins);
    place->at = (char *)at;
    assert_int_equal(
        arena_push(&f->arena, &f->task->origins->mounts, &f->task->origins->n_mounts, place), 0);
}

/* /usr read-only, /job writable, /out from elsewhere, /dev/null, a tmpfs without exec, /proc. */
static inline void start(struct fixture *f)
{
    fixture_start(f);
    add_path(f, "/usr", A_DIR);
    add_path(f, "/job", A_DIR);
    add_path(f, "/srv/out", A_DIR);
    add_path(f, "/dev/null", CRIB__HOST_PATH__KIND__device);
    add_mount(f, BIND, NULL, "/usr");
    origin(f, "p.yaml:3:5");
    add_mount(f, BIND, NULL, "/job")->has_write = true;
    f->policy->mounts[1]->write = true;
    origin(f, "p.yaml:4:5");
    add_mount(f, BIND, "/srv/out", "/out");
    origin(f, "p.yaml:5:5");
    add_mount(f, BIND, NULL, "/dev/null")->has_write = true;
    f->policy->mounts[3]->write = f->policy->mounts[3]->has_dev = f->policy->mounts[3]->dev = true;
    origin(f, "p.yaml:6:5");
    add_mount(f, TMPFS, NULL, "/tmp")->has_exec = true;
    origin(f, "p.yaml:7:5");
    add_mount(f, PROC, NULL, "/proc");
    origin(f, "p.yaml:8:5");
    add_mount(f, FILE_, NULL, "/etc/passwd");
    origin(f, "p.yaml:9:5");
}

static inline Crib__Denial *denial_of(struct fixture *f, const struct look *look)
{
    Crib__Report__Refused refused = CRIB__REPORT__REFUSED__INIT;
    Crib__Report__Object object = CRIB__REPORT__OBJECT__INIT;
    Crib__Report__File file = look->file;
    Crib__Denial *denial = NULL;

    crib__report__file__init(&file);
    file = look->file;
    file.base = (ProtobufCMessage)PROTOBUF_C_MESSAGE_INIT(&crib__report__file__descriptor);
    file.has_path = file.has_code = file.has_read_only = file.has_no_exec = true;
    file.has_mode = file.has_uid = file.has_gid = true;
    file.path = bytes(look->path);
    file.there = bytes(look->there ? look->there : "");
    refused.pid = 3;
    refused.number = (int)look->number;
    refused.n_args = 6;
    refused.args = (uint64_t *)look->args;
    refused.file = &file;
    refused.has_program = true;
    refused.program = bytes("cat");
    object.has_arg = look->arg >= 0;
    object.arg = (uint32_t)look->arg;
    refused.object = &object;
    assert_int_equal(plan_why(f->plan, &refused, &f->arena, &denial), 0);
    return denial;
}

/* @said: `text: answer | rule | edit`; NULL: nothing. */
static inline void must_say(struct fixture *f, const struct look *look, const char *said)
{
    const Crib__Denial *denial = denial_of(f, look);

    if (!said && denial)
        fail_msg("told for nothing: %s", denial->text);
    if (!said)
        return;
    if (!denial)
        fail_msg("not told: %s", said);
    assert_string_equal(arena_printf(&f->arena, "%s: %s | %s | %s", denial->text, denial->answer,
                                     denial->rule, denial->edit),
                        said);
    assert_int_equal(denial->by, CRIB__DENIAL__BY__files);
    assert_int_equal(denial->pid, 3);
    assert_int_equal(denial->count, 1);
    assert_int_equal(denial->number, look->number);
    assert_int_equal(denial->program.len, 3);
    assert_int_equal(denial->object.len, strlen(look->path));
}

#define OPEN(flags, ...)                                                                           \
    {                                                                                              \
        .number = SYS_openat, .arg = 1, .args = {0, 0, (flags)}, __VA_ARGS__                       \
    }
#define AT(...)    .file = {__VA_ARGS__}
#define ROOTS(m)   .mode = S_IFREG | (m), .uid = OUTSIDE, .gid = OUTSIDE
#define OWN(m)     .mode = S_IFREG | (m), .uid = 1000, .gid = 1000
#define DIR(m, id) .mode = S_IFDIR | (m), .uid = (id), .gid = (id)
#define MISSING    .code = -ENOENT

struct said {
    struct look look;
    const char *said;
};

static inline void must_say_all(struct fixture *f, const struct said *rows, size_t count)
{
    must_build(f);
    for (size_t i = 0; i < count; i++)
        must_say(f, &rows[i].look, rows[i].said);
}
#define MUST_SAY_ALL(f, rows) must_say_all(f, rows, sizeof(rows) / sizeof((rows)[0]))

#endif
