/* SPDX-License-Identifier: Apache-2.0 */
#include "api/stdio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/error.h"
#include "supervise/stream.h"

#define LOWEST 3 /* of our own fds */

/* Return: 1 it can be given; 0 it is closed; -EISDIR. */
static int look(int from, int fd, struct crib_error *err)
{
    struct stat st;

    if (from < 0 || fstat(from, &st) < 0)
        return 0;
    if (S_ISDIR(st.st_mode))
        return fail_text(err, -EISDIR, "stdio", fd, NULL,
                         "fd %d is a directory: a task could open what is in it", from);
    return 1;
}

static int check_stream(const crib_stream *stream, int fd, struct crib_error *err)
{
    if (!stream)
        return fail_text(err, -EINVAL, "stdio", fd, NULL, "no stream to join");
    if (stream->fd < 0 || stream->closing)
        return fail_text(err, -EBADF, "stdio", fd, NULL, "the stream to join is closed or taken");
    if (stream->terminal)
        return fail_text(err, -EINVAL, "stdio", fd, NULL,
                         "the stream to join is a terminal's, and those cannot be joined");
    if (stream->meter)
        return fail_text(err, -EBUSY, "stdio", fd, NULL,
                         "the stream to join has a limit on output, and is counted here");
    if (stream->used)
        return fail_text(err, -EBUSY, "stdio", fd, NULL,
                         "the stream to join has been read from or written to");
    if (fd <= 2 && stream->writes == (fd == 0))
        return fail_text(err, -EINVAL, "stdio", fd, NULL, "the stream to join can only be %s",
                         stream->writes ? "written to" : "read from");
    return 0;
}

int stdio_kind(const struct crib_stdio *entry, int fd, Crib__Stdio__Kind *ret_kind,
               struct crib_error *err)
{
    static const Crib__Stdio__Kind kinds[] = {
        [CRIB_NULL] = CRIB__STDIO__KIND__null,       [CRIB_PIPE] = CRIB__STDIO__KIND__pipe,
        [CRIB_INHERIT] = CRIB__STDIO__KIND__inherit, [CRIB_FD] = CRIB__STDIO__KIND__given,
        [CRIB_STREAM] = CRIB__STDIO__KIND__pipe,     [CRIB_CHANNEL] = CRIB__STDIO__KIND__channel,
        [CRIB_PTY] = CRIB__STDIO__KIND__pty,
    };
    int from = entry->kind == CRIB_INHERIT ? fd : entry->from, r;

    if ((unsigned)entry->kind >= sizeof(kinds) / sizeof(kinds[0]))
        return fail_text(err, -EINVAL, "stdio", fd, NULL, "%d is no kind of fd", (int)entry->kind);
    *ret_kind = kinds[entry->kind];
    if (entry->kind == CRIB_STREAM)
        return check_stream(entry->stream, fd, err);
    if (entry->kind != CRIB_INHERIT && entry->kind != CRIB_FD)
        return 0;
    r = look(from, fd, err);
    if (r != 0)
        return r < 0 ? r : 0;
    if (entry->kind == CRIB_FD || fd > 2)
        return fail_text(err, -EBADF, "stdio", fd, NULL, "fd %d is not open here", from);
    *ret_kind = CRIB__STDIO__KIND__null; /* as Node has it */
    return 0;
}

/* Two connected fds, both above 2. */
static int make_pair(bool channel, int *ret_one, int *ret_other)
{
    AUTO_FD int one = -1, other = -1;
    int pair[2];
    int r =
        channel ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) : pipe2(pair, O_CLOEXEC);

    if (r < 0)
        return -errno;
    one = pair[0];
    other = pair[1];
    if (one >= LOWEST && other >= LOWEST) {
        *ret_one = fd_take(&one);
        *ret_other = fd_take(&other);
        return 0;
    }
    *ret_one = fd_copy(one, LOWEST);
    if (*ret_one < 0)
        return *ret_one;
    *ret_other = fd_copy(other, LOWEST);
    if (*ret_other < 0)
        fd_close(ret_one);
    return *ret_other < 0 ? *ret_other : 0;
}

static int make_end(const struct crib_stdio *entry, struct stdio_end *end)
{
    int read_end = -1, write_end = -1;
    int r = make_pair(entry->kind == CRIB_CHANNEL, &read_end, &write_end);

    if (r < 0)
        return r;
    end->is_channel = entry->kind == CRIB_CHANNEL;
    end->writes = end->number == 0 && !end->is_channel;
    end->theirs = end->writes ? read_end : write_end;
    end->ours = end->writes ? write_end : read_end;
    end->own = true;
    return 0;
}

static int open_end(const struct crib_stdio *entry, struct stdio_end *end)
{
    switch (entry->kind) {
    case CRIB_NULL:
    case CRIB_PTY: /* made inside; init is sent something to hold the place */
        break;
    case CRIB_PIPE:
    case CRIB_CHANNEL:
        return make_end(entry, end);
    case CRIB_INHERIT:
        end->theirs = end->number;
        break;
    case CRIB_FD:
        end->theirs = entry->from;
        break;
    case CRIB_STREAM:
        end->theirs = entry->stream->fd;
        end->joined = entry->stream;
        break;
    }
    return 0;
}

static bool is_pipe(const struct crib_stdio *entries, size_t count, size_t fd)
{
    return fd < count && entries[fd].kind == CRIB_PIPE;
}

int stdio_terminal(const struct crib_stdio *entries, size_t count, int *ret_writer, int *ret_reader,
                   struct crib_error *err)
{
    *ret_writer = *ret_reader = -1;
    for (size_t i = 0; i < count && *ret_reader < 0; i++)
        if (entries[i].kind == CRIB_PTY)
            *ret_reader = is_pipe(entries, count, 1) ? 2 : 1;
    if (*ret_reader < 0)
        return 0;
    if (is_pipe(entries, count, (size_t)*ret_reader))
        return fail_text(err, -EINVAL, "stdio", *ret_reader, NULL,
                         "a pipe here and at 1 leaves no number to read the terminal by");
    *ret_writer = is_pipe(entries, count, 0) ? -1 : 0;
    return 0;
}

int stdio_open(const struct crib_stdio *entries, size_t count, struct stdio_set *ret,
               struct crib_error *err)
{
    int code = stdio_terminal(entries, count, &ret->writer, &ret->reader, err);

    ret->count = 0;
    ret->null = -1;
    if (code < 0)
        return code;
    for (size_t i = 0; i < count; i++) {
        struct stdio_end *end = &ret->end[i];
        int r;

        *end = (struct stdio_end){.number = (int)i, .theirs = -1, .ours = -1, .relay = -1};
        r = open_end(&entries[i], end);
        if (r < 0) {
            stdio_done(ret);
            return fail_sys(err, r, "stdio", (int)i, NULL, "make the pipe");
        }
        ret->count = i + 1;
    }
    return 0;
}

bool stdio_mode(int fd, Crib__Stdio__Mode *ret)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || (flags & O_ACCMODE) == O_RDWR)
        return false;
    *ret = (flags & O_ACCMODE) == O_WRONLY ? CRIB__STDIO__MODE__write : CRIB__STDIO__MODE__read;
    return true;
}

/* Return: whether two fds are one open file, as `2>&1` makes them. */
static bool is_same(int one, int other)
{
    struct stat a, b;
    long r = syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, one, other);

    if (r >= 0)
        return r == 0;
    /* Not to be known everywhere. Of what has no offset it makes no difference. */
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino && !S_ISREG(a.st_mode);
}

static struct stdio_end *find_relay(struct stdio_set *set, int to)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->end[i].relay >= 0 && is_same(set->end[i].relay, to))
            return &set->end[i];
    return NULL;
}

static int relay(struct stdio_set *set, struct stdio_end *end)
{
    struct stdio_end *other = find_relay(set, end->theirs);
    int to = end->theirs, r;

    if (other) {
        end->theirs = other->theirs;
        return 0;
    }
    r = make_pair(false, &end->ours, &end->theirs);
    if (r < 0)
        return r;
    end->own = true;
    end->relay = to;
    return 0;
}

int stdio_relay(struct stdio_set *set, const Crib__OutputPlan *plan, struct crib_error *err)
{
    for (size_t i = 0; plan && i < plan->n_relayed; i++) {
        uint32_t fd = plan->relayed[i];
        int r = fd < set->count && set->end[fd].theirs >= 0 && !set->end[fd].own
                    ? relay(set, &set->end[fd])
                    : -EBADF;

        if (r < 0)
            return fail_sys(err, r, "stdio", (int)fd, NULL, "make a pipe to count its output");
    }
    return 0;
}

static int open_null(struct stdio_set *set)
{
    AUTO_FD int fd = -1;

    if (set->null >= 0)
        return set->null;
    fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    set->null = fd >= LOWEST ? fd_take(&fd) : fd_copy(fd, LOWEST);
    return set->null;
}

static int find(const struct stdio_set *set, uint32_t number)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->end[i].number == (int)number)
            return set->end[i].theirs;
    return -1;
}

void stdio_share(const struct stdio_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->end[i].own && !set->end[i].is_channel && fchmod(set->end[i].theirs, 0666) < 0)
            return; /* by number they work all the same */
}

/* An ordinary caller cannot give them away. */
void stdio_own(const struct stdio_set *set, const Crib__IdsPlan *ids)
{
    if (!ids || (ids->uid == geteuid() && ids->gid == getegid()))
        return;
    for (size_t i = 0; i < set->count; i++)
        if (set->end[i].own && !set->end[i].is_channel &&
            fchown(set->end[i].theirs, ids->uid, ids->gid) < 0) {
            stdio_share(set);
            return;
        }
}

int stdio_list(struct stdio_set *set, const Crib__Program *program, int *ret_fds,
               struct crib_error *err)
{
    for (size_t i = 0; i < program->n_stdio; i++) {
        const Crib__Stdio *entry = program->stdio[i];

        ret_fds[i] = entry->kind == CRIB__STDIO__KIND__null ? -1 : find(set, entry->fd);
        if (ret_fds[i] < 0)
            ret_fds[i] = open_null(set);
        if (ret_fds[i] < 0)
            return fail_sys(err, ret_fds[i], "stdio", (int)entry->fd, "/dev/null", "open");
    }
    return 0;
}

void stdio_given(struct stdio_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        int fd = set->end[i].joined ? stream_take(set->end[i].joined) : -1;

        fd_close(&fd);
    }
}

void stdio_done(struct stdio_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        fd_close(&set->end[i].ours);
        if (set->end[i].own)
            fd_close(&set->end[i].theirs);
    }
    fd_close(&set->null);
}
