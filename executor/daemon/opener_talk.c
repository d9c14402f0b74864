/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/opener_talk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/auto.h"
#include "daemon/opener_child.h"
#include "opener.pb-c.h"
#include "wire/rights.h"

#define STEP       "opener"
#define HEAD       8           /* bytes that a field takes besides its text, at most */
#define COPIES     (12u << 20) /* bytes: OPENER_MAX_PATHS texts of PATH_MAX, and the files' */
#define ROOM       (PACKET_MAX_BYTES - 64)
#define FILE_FLAGS (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW)

_Static_assert(OPENER_MAX_FILES <= OPENER_FDS, "the files of a request come with one packet");

static bool flags_valid(int flags)
{
    return flags == O_RDONLY || flags == (O_RDONLY | O_NOFOLLOW) || flags == (O_WRONLY | O_CREAT | O_TRUNC) ||
           flags == (O_WRONLY | O_CREAT | O_APPEND);
}

static int copy_path(struct opener_talk *talk, const char *path, char **ret, struct crib_error *err)
{
    if (path[0] != '/')
        return fail_text(err, -EINVAL, STEP, -1, path, "not an absolute path");
    if (strnlen(path, PATH_MAX) == PATH_MAX)
        return fail_sys(err, -ENAMETOOLONG, STEP, -1, path, NULL);
    *ret = arena_text(&talk->copies, path);
    return *ret ? 0 : fail_sys(err, -ENOMEM, STEP, -1, NULL, NULL);
}

static int copy_paths(struct opener_talk *talk, const char *const *paths, size_t count,
                      struct crib_error *err)
{
    int r = 0;

    talk->paths = arena_alloc(&talk->copies, (count + 1) * sizeof(*talk->paths));
    if (!talk->paths)
        return fail_sys(err, -ENOMEM, STEP, -1, NULL, NULL);
    for (; r == 0 && talk->count < count; talk->count++)
        r = copy_path(talk, paths[talk->count], &talk->paths[talk->count], err);
    return r;
}

static int copy_files(struct opener_talk *talk, const struct opener_file *files, size_t count,
                      struct crib_error *err)
{
    int r = 0;

    talk->files = arena_alloc(&talk->copies, (count + 1) * sizeof(*talk->files));
    if (!talk->files)
        return fail_sys(err, -ENOMEM, STEP, -1, NULL, NULL);
    for (; r == 0 && talk->n_files < count; talk->n_files++) {
        struct opener_file *copy = &talk->files[talk->n_files];
        char *path = NULL;

        *copy = files[talk->n_files];
        if (!flags_valid(copy->flags))
            return fail_text(err, -EINVAL, STEP, -1, copy->path, "flags that no stdio file has");
        r = copy_path(talk, copy->path, &path, err);
        copy->path = path;
        talk->files_bytes += 2 * HEAD + (path ? strlen(path) : 0);
    }
    if (r == 0 && talk->files_bytes > ROOM)
        r = fail_text(err, -E2BIG, STEP, -1, NULL, "the paths of the files are too long together");
    return r;
}

int opener_talk_init(struct opener_talk *talk, const char *const *paths, size_t count,
                     const struct opener_file *files, size_t n_files, struct arena *arena,
                     Crib__Host *host, struct crib_error *err)
{
    int r;

    *talk = (struct opener_talk){.arena = arena, .host = host, .first = host->n_paths};
    talk->answer.failed_file = -1;
    arena_init(&talk->copies, COPIES);
    if (count > OPENER_MAX_PATHS || n_files > OPENER_MAX_FILES)
        return fail_text(err, -E2BIG, STEP, -1, NULL, "%zu paths and %zu files; at most %d and %d",
                         count, n_files, OPENER_MAX_PATHS, OPENER_MAX_FILES);
    r = copy_paths(talk, paths, count, err);
    if (r == 0)
        r = copy_files(talk, files, n_files, err);
    if (r < 0)
        return r;
    talk->answer.fds.fd = calloc(count ? count : 1, sizeof(int));
    talk->answer.files = calloc(n_files ? n_files : 1, sizeof(int));
    if (!talk->answer.fds.fd || !talk->answer.files)
        return fail_sys(err, -ENOMEM, STEP, -1, NULL, NULL);
    return 0;
}

/* Return: how many paths go into the next ask; *room is what they leave. */
static size_t choose(const struct opener_talk *talk, ProtobufCBinaryData *list, size_t *room)
{
    size_t n = 0;

    for (; n < OPENER_FDS && talk->told + n < talk->count; n++) {
        char *path = talk->paths[talk->told + n];
        size_t len = strlen(path);

        if (len + HEAD > *room)
            break;
        *room -= len + HEAD;
        list[n] = (ProtobufCBinaryData){.len = len, .data = (uint8_t *)path};
    }
    return n;
}

static void fill_files(const struct opener_talk *talk, Crib__OpenerFile *file)
{
    for (size_t i = 0; i < talk->n_files; i++) {
        char *path = (char *)talk->files[i].path;

        crib__opener_file__init(&file[i]);
        file[i].has_path = file[i].has_flags = 1;
        file[i].path = (ProtobufCBinaryData){.len = strlen(path), .data = (uint8_t *)path};
        file[i].flags = (uint32_t)talk->files[i].flags & FILE_FLAGS;
    }
}

size_t opener_talk_ask(struct opener_talk *talk, uint8_t *packet)
{
    Crib__OpenerAsk ask = CRIB__OPENER_ASK__INIT;
    Crib__OpenerFile file[OPENER_MAX_FILES], *files[OPENER_MAX_FILES];
    ProtobufCBinaryData paths[OPENER_FDS];
    size_t room = ROOM;

    ask.paths = paths;
    ask.n_paths = choose(talk, paths, &room);
    talk->asked = talk->told + ask.n_paths;
    talk->asked_files = talk->asked == talk->count && talk->files_bytes <= room;
    if (talk->asked_files) {
        fill_files(talk, file);
        for (size_t i = 0; i < talk->n_files; i++)
            files[i] = &file[i];
        ask.files = files;
        ask.n_files = talk->n_files;
    }
    return crib__opener_ask__pack(&ask, packet);
}

static bool is_kind(bool there, Crib__HostPath__Kind kind)
{
    return !there ||
           (kind >= CRIB__HOST_PATH__KIND__missing && kind <= CRIB__HOST_PATH__KIND__device);
}

/* Is this about that path, and does it say of it what can be said? */
static bool is_about(const Crib__HostPath *fact, const char *path, bool opened)
{
    if (fact->base.n_unknown_fields > 0 || !fact->has_path || !fact->has_kind)
        return false;
    if (fact->path.len != strlen(path) || memcmp(fact->path.data, path, fact->path.len) != 0)
        return false;
    if (!is_kind(fact->has_kind, fact->kind) || !is_kind(fact->has_end, fact->end))
        return false;
    if (fact->has_real && (fact->real.len == 0 || fact->real.data[0] != '/'))
        return false;
    return opened == (fact->has_real && fact->has_dev && fact->has_ino);
}

static bool is_answer(const struct opener_talk *talk, const Crib__OpenerTold *told, size_t nfds)
{
    const Crib__Host *host = told->host;
    size_t wanted = told->files_done ? talk->n_files : 0;

    if (!host || host->n_paths != told->n_opened || host->n_paths > talk->asked - talk->told)
        return false;
    for (size_t i = 0; i < host->n_paths; i++) {
        if (!is_about(host->paths[i], talk->paths[talk->told + i], told->opened[i]))
            return false;
        wanted += told->opened[i] ? 1 : 0;
    }
    if (told->files_done && (!talk->asked_files || talk->told + host->n_paths != talk->count))
        return false;
    return wanted == nfds;
}

static bool is_failure(const struct opener_talk *talk, const Crib__OpenerTold *told, size_t nfds)
{
    if (told->code < -4095 || nfds > 0)
        return false;
    return !told->has_failed_file || (talk->asked_files && told->failed_file < talk->n_files);
}

static int keep(struct opener_talk *talk, const Crib__OpenerTold *told, const int *fds)
{
    size_t used = 0;

    for (size_t i = 0; i < told->host->n_paths; i++) {
        talk->answer.fds.fd[talk->answer.fds.count++] = told->opened[i] ? fds[used++] : -1;
        talk->told++;
    }
    for (size_t i = 0; told->files_done && i < talk->n_files; i++)
        talk->answer.files[talk->answer.n_files++] = fds[used++];
    for (size_t i = 0; i < told->host->n_paths; i++)
        if (arena_push(talk->arena, &talk->host->paths, &talk->host->n_paths,
                       told->host->paths[i]) < 0)
            return -ENOMEM;
    return 0;
}

static bool is_complete(const struct opener_talk *talk)
{
    return talk->told == talk->count && talk->answer.n_files == talk->n_files;
}

int opener_talk_take(struct opener_talk *talk, const uint8_t *packet, size_t len, const int *fds,
                     size_t nfds)
{
    size_t before = talk->told;
    const Crib__OpenerTold *told = crib__opener_told__unpack(&talk->arena->pb, len, packet);
    int r;

    if (told && told->code < 0 && is_failure(talk, told, nfds)) {
        opener_talk_fail(talk, told->code);
        talk->answer.failed_file = told->has_failed_file ? (int)told->failed_file : -1;
        return 1;
    }
    if (!told || told->code != 0 || !is_answer(talk, told, nfds)) {
        rights_close(fds, nfds);
        return -EPROTO;
    }
    r = keep(talk, told, fds);
    if (r < 0)
        return r;
    if (is_complete(talk))
        return 1;
    /* One that tells nothing new would be asked for ever. */
    return talk->told > before ? 0 : -EPROTO;
}

static void drop(struct opener_talk *talk)
{
    host_fds_done(&talk->answer.fds);
    if (talk->answer.files)
        rights_close(talk->answer.files, talk->answer.n_files);
    free(talk->answer.files);
    talk->answer = (struct opener_answer){.failed_file = -1};
}

void opener_talk_fail(struct opener_talk *talk, int code)
{
    drop(talk);
    talk->host->n_paths = talk->first;
    talk->answer.code = code;
}

struct opener_answer opener_talk_answer(struct opener_talk *talk)
{
    struct opener_answer answer = talk->answer;

    talk->answer = (struct opener_answer){.failed_file = -1};
    return answer;
}

void opener_talk_done(struct opener_talk *talk)
{
    drop(talk);
    arena_done(&talk->copies);
}
