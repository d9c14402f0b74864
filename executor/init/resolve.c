/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a path leads a caller, and whether what it wants of it will be granted.
 *
 * Theory of operation: the path is made absolute as text (the caller's directories are links in our
 * /proc), and the kernel resolves it: our root is the task's. O_PATH opens nothing, so that a FIFO
 * or a device is not touched; links that are no text, as in /proc/PID/fd, are not followed, and
 * such a path is not looked at. All of it is done with the task's ids for files and without a
 * capability that it has not, which this thread takes on for that long: so permission bits, ACLs,
 * read-only and noexec mounts are what the kernel says they are, and whatever happens to the path
 * meanwhile, nothing is seen that the task could not see by stat(2). /proc/self
 * is who looks: it is put as the caller's number before, and back afterwards.
 *
 * All this may be another file than the one that the call will find; it is for people to read.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/auto.h"
#include "init/init.h"
#include "init/look.h"

#define LINKS 8 /* that lead nowhere, one to the next */

#define SELF "/proc/self"

#define PASSES_OVER (1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH)

/* What a call needs. */
struct wish {
    int access; /* R_OK, W_OK, X_OK of the file */
    bool write; /* the mount must not be read-only, whatever the permissions */
    bool make, remove;
    bool open;   /* a device must be let be one */
    bool enter;  /* no right of Landlock */
    bool stay;   /* a symlink as the last part is meant itself */
    bool inside; /* a directory is taken for the root: not looked at */
};

/* What this thread was. */
struct rights {
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
    uid_t uid;
    gid_t gid;
};

struct path {
    char text[PATH_MAX];
    char own[32]; /* /proc/NUMBER of the caller */
};

/* What is there: the file, or the last directory on the way to it. */
struct place {
    int fd;
    char path[PATH_MAX];
};

static struct wish wish_of_flags(uint64_t flags)
{
    static const int access[] = {R_OK, W_OK, R_OK | W_OK, R_OK | W_OK};
    struct wish wish = {.stay = flags & O_NOFOLLOW || (flags & O_CREAT && flags & O_EXCL)};

    if (flags & O_PATH)
        return wish;
    wish.open = true;
    wish.access = access[flags & O_ACCMODE];
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        wish.access = W_OK | X_OK;
        return wish;
    }
    if (flags & O_TRUNC)
        wish.access |= W_OK;
    wish.make = flags & O_CREAT;
    return wish;
}

static struct wish wish_of_how(const struct seccomp_notif *request, const struct look_row *row)
{
    struct open_how how = {0};
    struct iovec here = {&how, sizeof(how)};
    struct iovec there = {(void *)(uintptr_t)request->data.args[row->last], sizeof(how)};
    struct wish wish;

    (void)process_vm_readv((pid_t)request->pid, &here, 1, &there, 1, 0);
    wish = wish_of_flags(how.flags);
    wish.inside = how.resolve & RESOLVE_IN_ROOT;
    return wish;
}

static struct wish wish_of(const struct seccomp_notif *request, const struct look_row *row)
{
    static const struct wish plain[] = {
        [LOOK_READ] = {.access = R_OK},
        [LOOK_WRITE] = {.access = W_OK},
        [LOOK_CHANGE] = {.write = true},
        [LOOK_EXEC] = {.access = X_OK},
        [LOOK_ENTER] = {.access = X_OK, .enter = true},
        [LOOK_ACCESS] = {.enter = true},
        [LOOK_MAKE] = {.make = true},
        [LOOK_REMOVE] = {.remove = true},
        [LOOK_CREATE] = {.access = W_OK, .make = true, .open = true},
        [LOOK_HOW] = {0},
    };
    const __u64 *args = request->data.args;
    struct wish wish;

    if (row->want == LOOK_OPEN)
        return wish_of_flags(args[row->last]);
    if (row->want == LOOK_HOW)
        return wish_of_how(request, row);
    wish = plain[row->want];
    if (row->want == LOOK_ACCESS)
        wish.access = (int)(args[row->arg + 1] & (R_OK | W_OK | X_OK));
    wish.stay = row->last == LOOK_STAY || (row->last >= 0 && args[row->last] & AT_SYMLINK_NOFOLLOW);
    return wish;
}

/* The text of a link of our /proc. Return: whether it is an absolute path. */
static bool read_link(const struct looker *looker, const char *name, char *text)
{
    ssize_t n = looker->proc < 0 ? -1 : readlinkat(looker->proc, name, text, PATH_MAX - 1);

    if (n <= 0)
        return false;
    text[n] = '\0';
    return text[0] == '/';
}

static bool has_our_root(const struct looker *looker, uint32_t pid)
{
    char name[32], text[PATH_MAX];

    snprintf(name, sizeof(name), "%u/root", pid);
    return read_link(looker, name, text) && strcmp(text, "/") == 0;
}

/* The mounts of init's own process: this thread may have had to take a copy. */
static bool has_our_mounts(const struct looker *looker, uint32_t pid)
{
    char name[32], own[64] = "", others[64] = "";

    snprintf(name, sizeof(name), "%u/ns/mnt", (unsigned)getpid());
    if (readlinkat(looker->proc, name, own, sizeof(own) - 1) <= 0)
        return false;
    snprintf(name, sizeof(name), "%u/ns/mnt", pid);
    return readlinkat(looker->proc, name, others, sizeof(others) - 1) > 0 &&
           strcmp(own, others) == 0;
}

/* Return: whether a path means the same to the caller and to us. Without /proc we believe it: other
 * roots and mounts are for those with capabilities. */
static bool sees_as_we_do(const struct looker *looker, uint32_t pid)
{
    return looker->proc < 0 || (has_our_root(looker, pid) && has_our_mounts(looker, pid));
}

/* What a relative path starts from. */
static bool find_base(const struct looker *looker, const struct seccomp_notif *request,
                      const struct look_row *row, char *base)
{
    int fd = row->second < 0 ? AT_FDCWD : (int)request->data.args[row->second];
    char name[48];

    if (fd == AT_FDCWD)
        snprintf(name, sizeof(name), "%u/cwd", request->pid);
    else
        snprintf(name, sizeof(name), "%u/fd/%d", request->pid, fd);
    return read_link(looker, name, base);
}

/* Replaces a beginning that ends with a component. Return: false: the room is too small. */
static bool replace(char *text, const char *beginning, const char *by)
{
    size_t old = strlen(beginning), new = strlen(by), len = strlen(text);

    if (strncmp(text, beginning, old) != 0 || (text[old] != '\0' && text[old] != '/'))
        return true;
    if (len - old + new >= PATH_MAX)
        return false;
    memmove(text + new, text + old, len - old + 1);
    memcpy(text, by, new);
    return true;
}

static bool make_absolute(const struct looker *looker, const struct seccomp_notif *request,
                          const struct look_row *row, const char *path, struct path *ret)
{
    int n;

    ret->text[0] = '\0';
    if (path[0] != '/' && !find_base(looker, request, row, ret->text))
        return false;
    n = snprintf(ret->text + strlen(ret->text), sizeof(ret->text) - strlen(ret->text), "%s%s",
                 path[0] == '/' ? "" : "/", path);
    if (n < 0 || strlen(ret->text) + 1 >= sizeof(ret->text))
        return false;
    snprintf(ret->own, sizeof(ret->own), "/proc/%u", request->pid);
    return replace(ret->text, "/proc/thread-self", ret->own) && replace(ret->text, SELF, ret->own);
}

/* Return: an O_PATH fd; negative errno. */
static int reach(const char *path, uint64_t flags)
{
    struct open_how how = {
        .flags = O_PATH | O_CLOEXEC | flags,
        .resolve = RESOLVE_NO_MAGICLINKS,
    };
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

    return fd < 0 ? -errno : fd;
}

static bool set_caps(const struct __user_cap_data_struct *caps)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capset, &header, caps) == 0;
}

static bool get_caps(struct __user_cap_data_struct *caps)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

    return syscall(SYS_capget, &header, caps) == 0;
}

/* Of the task's rights those that count for files; in this thread alone. Return: whether all of
 * that was possible; to be given back in any case. */
static bool take_rights(const struct looker *looker, struct rights *own)
{
    const Crib__IdsPlan *ids = looker->init->plan->ids;
    const Crib__CapsPlan *caps = looker->init->plan->caps;
    struct __user_cap_data_struct less[_LINUX_CAPABILITY_U32S_3];

    own->gid = (gid_t)setfsgid(ids->gid);
    own->uid = (uid_t)setfsuid(ids->uid);
    memcpy(less, own->caps, sizeof(less));
    less[0].effective &= ~PASSES_OVER | (caps ? (uint32_t)caps->mask : 0);
    return set_caps(less) && (uid_t)setfsuid(ids->uid) == ids->uid &&
           (gid_t)setfsgid(ids->gid) == ids->gid;
}

static void give_back(const struct rights *own)
{
    setfsuid(own->uid);
    setfsgid(own->gid);
    set_caps(own->caps);
}

/* Return: whether the kernel will not let the task. */
static bool is_refused(int fd, int access)
{
    return access && syscall(SYS_faccessat2, fd, "", access, AT_EMPTY_PATH | AT_EACCESS) < 0;
}

static bool is_below(const char *path, const ProtobufCBinaryData *dir)
{
    size_t len = dir->len;

    while (len > 0 && dir->data[len - 1] == '/')
        len--;
    return strncmp(path, (const char *)dir->data, len) == 0 &&
           (path[len] == '/' || path[len] == '\0');
}

/* Return: whether no rule of Landlock grants this to what is at @path. */
static bool is_outside(const struct looker *looker, const char *path, int access)
{
    const Crib__LandlockPlan *plan = looker->init->plan->landlock;
    int granted = 0;

    if (!plan || plan->abi == 0 || access == 0)
        return false;
    for (size_t i = 0; i < plan->n_rules; i++) {
        const Crib__LandlockPlan__Rule *rule = plan->rules[i];

        if (is_below(path, &rule->path))
            granted |= R_OK | (rule->write ? W_OK : 0) | (rule->exec ? X_OK : 0);
    }
    return access & ~granted;
}

/* Where an fd really is, with the caller's own number put back. */
static bool name_of(const struct looker *looker, int fd, const struct path *path, char *text)
{
    char name[48];

    snprintf(name, sizeof(name), "thread-self/fd/%d", fd);
    if (!read_link(looker, name, text))
        return false;
    return replace(text, path->own, SELF) &&
           (strncmp(path->text, "/proc/1", 7) == 0 || replace(text, "/proc/1", SELF));
}

/* Return: whether devices on its mount are none. */
static bool describe(int fd, struct sighting_file *file)
{
    struct statfs fs = {0};
    struct stat st;

    if (fstat(fd, &st) == 0) {
        file->mode = st.st_mode;
        file->uid = st.st_uid;
        file->gid = st.st_gid;
    }
    if (fstatfs(fd, &fs) == 0) {
        file->read_only = fs.f_flags & ST_RDONLY;
        file->no_exec = fs.f_flags & ST_NOEXEC;
    }
    return fs.f_flags & ST_NODEV;
}

static size_t keep(char *to, const char *text)
{
    size_t len = strlen(text);

    if (len > SIGHTING_TEXT)
        return 0;
    memcpy(to, text, len);
    return len;
}

/* Cuts the last part off. Return: false: there was but the root. */
static bool cut(char *text)
{
    size_t len = strlen(text);
    char *slash;

    while (len > 1 && text[len - 1] == '/')
        text[--len] = '\0';
    slash = strrchr(text, '/');
    if (!slash || !slash[1])
        return false;
    slash[slash == text] = '\0';
    return true;
}

/* The nearest directory on the way that the task can reach. Return: how many parts were cut off. */
static unsigned find_nearest(const struct path *path, struct place *place)
{
    char text[PATH_MAX];
    unsigned parts = 0;

    memcpy(text, path->text, sizeof(text));
    while (cut(text)) {
        int fd = reach(text, O_DIRECTORY);

        parts++;
        if (fd >= 0) {
            place->fd = fd;
            memcpy(place->path, text, PATH_MAX);
            return parts;
        }
    }
    return 0;
}

/* The text of a symlink that leads nowhere replaces it. Return: whether there was one. */
static bool follow(struct path *path)
{
    char target[PATH_MAX];
    AUTO_FD int fd = reach(path->text, O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof(target) - 1);
    char *slash = strrchr(path->text, '/');
    size_t keep_len = slash && n > 0 && target[0] != '/' ? (size_t)(slash - path->text) + 1 : 0;

    if (n <= 0 || keep_len + (size_t)n >= sizeof(path->text))
        return false;
    memcpy(path->text + keep_len, target, (size_t)n);
    path->text[keep_len + (size_t)n] = '\0';
    return replace(path->text, SELF, path->own);
}

/* Whether its directory does not let a name go. */
static bool must_stay(const struct looker *looker, const struct path *path, const char *text)
{
    struct place parent = {.fd = -1};
    bool bad;

    find_nearest(path, &parent);
    bad = parent.fd >= 0 && (is_refused(parent.fd, W_OK | X_OK) || is_outside(looker, text, W_OK));
    fd_close(&parent.fd);
    return bad;
}

/* The file is there. */
static bool look_there(const struct looker *looker, const struct path *path,
                       const struct wish *wish, int fd, struct sighting_file *file)
{
    char text[PATH_MAX];
    bool no_devices;

    if (!name_of(looker, fd, path, text))
        memcpy(text, path->text, sizeof(text));
    no_devices = describe(fd, file) && (S_ISCHR(file->mode) || S_ISBLK(file->mode));
    file->path_len = keep(file->path, text);
    return is_refused(fd, wish->access) ||
           is_outside(looker, text, wish->enter ? 0 : wish->access) || (wish->open && no_devices) ||
           (wish->write && (file->read_only || is_outside(looker, text, W_OK))) ||
           (wish->remove && must_stay(looker, path, text));
}

/* It is not, or not for the task. */
static bool look_before(const struct looker *looker, const struct path *path,
                        const struct wish *wish, struct sighting_file *file)
{
    struct place place = {.fd = -1};
    unsigned parts = find_nearest(path, &place);
    char text[PATH_MAX];
    bool bad = true;

    file->path_len = keep(file->path, path->text);
    if (place.fd < 0)
        return true;
    if (!name_of(looker, place.fd, path, text))
        memcpy(text, place.path, sizeof(text));
    describe(place.fd, file);
    file->there_len = keep(file->there, text);
    if (strlen(text) + strlen(path->text + strlen(place.path)) + 2 < sizeof(text)) {
        const char *rest = path->text + strlen(place.path);
        size_t len = strlen(text);

        rest += strspn(rest, "/");
        snprintf(text + len, sizeof(text) - len, "%s%s", len > 1 ? "/" : "", rest);
        file->path_len = keep(file->path, text);
    }
    if (wish->make && file->code == -ENOENT && parts == 1)
        bad = is_refused(place.fd, W_OK | X_OK) || is_outside(looker, text, W_OK);
    fd_close(&place.fd);
    return bad;
}

/* What a process may see of itself, it sees whatever the permissions. */
static bool is_own(const struct path *path)
{
    size_t len = strlen(path->own);

    return strncmp(path->text, path->own, len) == 0 &&
           (path->text[len] == '/' || path->text[len] == '\0');
}

/* Whether nothing can be said: a link that is no text, ourselves without means, itself. */
static bool is_unknown(int fd, const struct path *path)
{
    return fd == -ELOOP || fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM ||
           (fd == -EACCES && is_own(path));
}

/* With the task's rights. */
static bool look(const struct looker *looker, const struct wish *wish, struct path *path,
                 struct sighting_file *file)
{
    uint64_t flags = wish->stay ? O_NOFOLLOW : 0;
    AUTO_FD int fd = -1;

    for (int links = 0; links < LINKS; links++) {
        fd = reach(path->text, flags);
        if (fd != -ENOENT || flags || !follow(path))
            break;
    }
    if (is_unknown(fd, path))
        return false;
    memset(file, 0, offsetof(struct sighting_file, path));
    file->known = true;
    file->code = fd < 0 ? fd : 0;
    return fd < 0 ? look_before(looker, path, wish, file)
                  : look_there(looker, path, wish, fd, file);
}

static bool is_all(const struct looker *looker)
{
    const Crib__SyscallsPlan *plan = looker->init->plan->syscalls;

    return plan && plan->trace == CRIB__TRACE__all;
}

/* Whoever learns wants to know through which symlinks a path leads: it is told as it was said. */
static bool keep_as_said(struct path *path, struct sighting_file *file)
{
    memset(file, 0, offsetof(struct sighting_file, path));
    file->there_len = file->path_len = 0;
    if (replace(path->text, path->own, SELF))
        file->path_len = keep(file->path, path->text);
    file->known = file->path_len > 0;
    return false;
}

bool look_resolve(const struct looker *looker, const struct seccomp_notif *request,
                  const struct look_row *row, const char *path, struct sighting_file *file)
{
    struct wish wish = wish_of(request, row);
    struct rights own;
    struct path at;
    bool bad;

    if (wish.inside || !sees_as_we_do(looker, request->pid) ||
        !make_absolute(looker, request, row, path, &at))
        return false;
    if (is_all(looker))
        return keep_as_said(&at, file);
    if (!get_caps(own.caps))
        return false;
    bad = take_rights(looker, &own) && look(looker, &wish, &at, file);
    give_back(&own);
    return bad;
}
