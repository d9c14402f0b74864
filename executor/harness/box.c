/* SPDX-License-Identifier: Apache-2.0 */
#include "harness/box.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "plan/plan.h"

#define FILE_MODE 0644
#define DIR_MODE  0755

extern const char prober_image[], prober_image_end[];

void boxes_init(struct boxes *boxes)
{
    *boxes = (struct boxes){.dir = -1};
}

static char *new_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    char *path = NULL;

    if (asprintf(&path, "%s/crib-test-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp") < 0)
        return NULL;
    if (mkdtemp(path))
        return path;
    free(path);
    return NULL;
}

static int open_boxes(struct boxes *boxes, struct crib_error *err)
{
    if (boxes->dir >= 0)
        return 0;
    boxes->path = new_dir();
    if (!boxes->path)
        return fail_sys(err, -errno, "files", -1, NULL, "make a directory for the cases' files");
    boxes->dir = open(boxes->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (boxes->dir < 0)
        return fail_sys(err, -errno, "files", -1, boxes->path, NULL);
    return 0;
}

/* For tasks whose id may enter nothing of ours. */
static int write_prober(const char *path)
{
    AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
    int r = fd < 0 ? -errno : 0;

    if (r == 0)
        r = fd_write_all(fd, prober_image, (size_t)(prober_image_end - prober_image));
    if (r == 0 && fchmod(fd, 0755) < 0)
        r = -errno;
    return r;
}

int boxes_prober(struct boxes *boxes, const char **ret, struct crib_error *err)
{
    AUTO_FREE char *dir = NULL;
    int r;

    if (!boxes->prober) {
        dir = new_dir();
        if (!dir || asprintf(&boxes->prober, "%s/prober", dir) < 0) {
            boxes->prober = NULL;
            return fail_sys(err, -errno, "prober", -1, NULL, "make a directory for it");
        }
        r = chmod(dir, 0755) < 0 ? -errno : write_prober(boxes->prober);
        if (r < 0)
            return fail_sys(err, r, "prober", -1, boxes->prober, NULL);
    }
    *ret = boxes->prober;
    return 0;
}

static int remove_path(const char *path)
{
    AUTO_FREE char *parent = strdup(path);
    AUTO_FD int dir = -1;
    char *slash = parent ? strrchr(parent, '/') : NULL;

    if (!slash)
        return -ENOMEM;
    *slash = '\0';
    dir = open(parent[0] ? parent : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -errno : remove_tree(dir, slash + 1);
}

int boxes_close(struct boxes *boxes)
{
    int r = boxes->path ? remove_path(boxes->path) : 0;

    fd_close(&boxes->dir);
    if (boxes->prober) {
        *strrchr(boxes->prober, '/') = '\0';
        (void)remove_path(boxes->prober);
        free(boxes->prober);
        boxes->prober = NULL;
    }
    if (r == 0) {
        free(boxes->path);
        boxes->path = NULL;
    }
    return r;
}

/* For the task: what a privileged caller makes is not the task's otherwise. */
static int give(int fd, uint32_t mode)
{
    if (geteuid() == 0 && fchown(fd, PLAN_TASK_ID, PLAN_TASK_ID) < 0)
        return -errno;
    return fchmod(fd, mode) < 0 ? -errno : 0;
}

/* Makes a directory where there is none. Return: an fd; negative errno. */
static int enter(int parent, const char *name, uint32_t mode)
{
    bool made = mkdirat(parent, name, 0700) == 0;
    int fd, r;

    if (!made && errno != EEXIST)
        return -errno;
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    r = fd < 0 ? -errno : made ? give(fd, mode) : 0;
    if (r < 0) {
        fd_close(&fd);
        return r;
    }
    return fd;
}

/* Makes the directories on the way. Return: an fd of the last; negative errno. */
static int open_parent(int dir, const char *path, const char **ret_leaf)
{
    char name[256];
    int at = fd_copy(dir, 3);

    for (const char *slash; at >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        int inner;

        snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
        inner = enter(at, name, DIR_MODE);
        fd_close(&at);
        at = inner;
    }
    *ret_leaf = path;
    return at;
}

static int make_file(int dir, const Crib__Case__File *file)
{
    const char *leaf;
    AUTO_FD int parent = open_parent(dir, (const char *)file->path.data, &leaf);
    AUTO_FD int fd = -1;
    int r;

    if (parent < 0)
        return parent;
    if (file->has_dir && file->dir) {
        fd = enter(parent, leaf, file->has_mode ? file->mode : DIR_MODE);
        return fd < 0 ? fd : 0;
    }
    fd = openat(parent, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    r = fd < 0 ? -errno : fd_write_all(fd, file->content.data, file->content.len);
    return r < 0 ? r : give(fd, file->has_mode ? file->mode : FILE_MODE);
}

int box_open(struct boxes *boxes, struct box *box, Crib__Case__File *const *files, size_t count,
             struct crib_error *err)
{
    int r = open_boxes(boxes, err);

    *box = (struct box){.dir = -1, .boxes = boxes};
    if (r < 0)
        return r;
    snprintf(box->name, sizeof(box->name), "%lu", boxes->next++);
    box->dir = enter(boxes->dir, box->name, 0700);
    if (box->dir < 0 || asprintf(&box->path, "%s/%s", boxes->path, box->name) < 0) {
        r = box->dir < 0 ? box->dir : -ENOMEM;
        box->path = NULL;
        box_close(box);
        return fail_sys(err, r, "files", -1, boxes->path, NULL);
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = make_file(box->dir, files[i]);
        if (r < 0)
            fail_sys(err, r, "files", (int)i, (const char *)files[i]->path.data, NULL);
    }
    if (r < 0)
        box_close(box);
    return r;
}

void box_close(struct box *box)
{
    if (box->dir < 0)
        return;
    fd_close(&box->dir);
    (void)remove_tree(box->boxes->dir, box->name); /* boxes_close() tells what stays behind */
    free(box->path);
    box->path = NULL;
}

int box_read(const struct box *box, const char *path, char **ret_data, size_t *ret_len,
             uint32_t *ret_mode)
{
    struct open_how how = {
        .flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
    };
    AUTO_FD int fd = (int)syscall(SYS_openat2, box->dir, path, &how, sizeof(how));
    struct stat st;

    if (fd < 0)
        return errno == ENOTDIR ? -ENOENT : -errno;
    if (fstat(fd, &st) < 0)
        return -errno;
    *ret_mode = st.st_mode & 07777;
    return fd_read_file(fd, BOX_MAX_FILE, ret_data, ret_len);
}
