/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/learnt_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/say.h"
#include "learn/book.h"
#include "policy/load.h"

static int fail(int code, const char *path, struct crib_error *err)
{
    return fail_sys(err, code, NULL, -1, path, NULL);
}

/* A file that is not there has nothing. */
static int read_old(const char *path, char **ret, size_t *ret_len, struct crib_error *err)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    int r;

    *ret = NULL;
    *ret_len = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : fail(-errno, path, err);
    r = fd_read_file(fd, POLICY_MAX_BYTES, ret, ret_len);
    return r < 0 ? fail(r, path, err) : 0;
}

/* A symlink stays one: what it leads to is replaced. */
static int open_new(struct learnt_file *file, const char *path, struct crib_error *err)
{
    AUTO_FREE char *real = realpath(path, NULL);
    mode_t mask = umask(0);

    (void)umask(mask);
    file->path = path;
    if (asprintf(&file->new_path, "%s.new-XXXXXX", real ? real : path) < 0) {
        file->new_path = NULL;
        return fail(-ENOMEM, path, err);
    }
    file->fd = mkostemp(file->new_path, O_CLOEXEC);
    if (file->fd >= 0 && fchmod(file->fd, 0666 & ~mask) == 0)
        return 0;
    return fail(-errno, path, err);
}

int learnt_file_open(struct learnt_file *file, const char *path, bool force, struct needs *needs,
                     struct arena *arena, struct crib_error *err)
{
    AUTO_FREE char *old = NULL;
    size_t len;
    int r;

    *file = (struct learnt_file){.fd = -1};
    if (!path)
        return needs_init(needs, arena) < 0 ? fail(-ENOMEM, NULL, err) : 0;
    r = read_old(path, &old, &len, err);
    if (r < 0)
        return r;
    if (len && !book_is_ours(old, len) && !force)
        return fail_text(err, -EEXIST, NULL, -1, path,
                         "was not learnt: it names no run. Give another file, or --force to "
                         "overwrite it");
    r = open_new(file, path, err);
    if (r < 0)
        return r;
    if (len && book_is_ours(old, len))
        return book_read(needs, path, old, len, arena, err);
    return needs_init(needs, arena) < 0 ? fail(-ENOMEM, path, err) : 0;
}

int learnt_file_write(struct learnt_file *file, struct needs *needs, struct crib_error *err)
{
    AUTO(buf_done) struct buf text = {0};
    AUTO_FREE char *real = file->path ? realpath(file->path, NULL) : NULL;
    int r = book_write(needs, &text);

    if (r < 0)
        return fail(r, file->path, err);
    if (!file->path)
        return say_out((const char *)text.data, text.len);
    r = fd_write_all(file->fd, text.data, text.len);
    if (r == 0 && rename(file->new_path, real ? real : file->path) < 0)
        r = -errno;
    if (r < 0)
        return fail(r, file->path, err);
    file->new_path[0] = '\0';
    return 0;
}

void learnt_file_close(struct learnt_file *file)
{
    if (file->fd >= 0 && file->new_path[0])
        (void)unlink(file->new_path);
    fd_close(&file->fd);
    free(file->new_path);
    file->new_path = NULL;
}
