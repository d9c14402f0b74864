/* SPDX-License-Identifier: Apache-2.0 */
/* The view: what is there, how it is mounted, and that nothing else of the host is. */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A line of the mount table: what it may be, and which words it must have. */
struct row {
    const char *target, *type; /* NULL: as the host has it */
    const char *must, *must_not;
    bool optional; /* as the host has it */
};

static const struct row default_rows[] = {
    {"/", "tmpfs", "ro nosuid nodev", NULL, false},
    {"/usr", NULL, "ro nosuid nodev", NULL, false},
    {"/bin", NULL, "ro nosuid nodev", NULL, true},
    {"/sbin", NULL, "ro nosuid nodev", NULL, true},
    {"/lib", NULL, "ro nosuid nodev", NULL, true},
    {"/lib32", NULL, "ro nosuid nodev", NULL, true},
    {"/lib64", NULL, "ro nosuid nodev", NULL, true},
    {"/libx32", NULL, "ro nosuid nodev", NULL, true},
    {"/etc/ld.so.cache", NULL, "ro nosuid nodev", NULL, true},
    {"/etc/ld.so.conf", NULL, "ro nosuid nodev", NULL, true},
    {"/etc/ld.so.conf.d", NULL, "ro nosuid nodev", NULL, true},
    {"/etc/alternatives", NULL, "ro nosuid nodev", NULL, true},
    {"/etc/localtime", NULL, "ro nosuid nodev", NULL, true},
    {"/proc", "proc", "ro nosuid nodev noexec", NULL, false},
    {"/dev/null", NULL, "rw nosuid", "nodev", false},
    {"/dev/zero", NULL, "rw nosuid", "nodev", false},
    {"/dev/full", NULL, "rw nosuid", "nodev", false},
    {"/dev/random", NULL, "rw nosuid", "nodev", false},
    {"/dev/urandom", NULL, "rw nosuid", "nodev", false},
    {"/dev/tty", NULL, "rw nosuid", "nodev", true},
    {"/dev/shm", "tmpfs", "rw nosuid nodev", NULL, false},
    {"/tmp", "tmpfs", "rw nosuid nodev", NULL, false},
};

#define ROWS (sizeof(default_rows) / sizeof(default_rows[0]))

static bool has_option(const char *options, const char *option, size_t len)
{
    for (const char *at = options; *at; at += *at == ',') {
        size_t n = strcspn(at, ",");

        if (n == len && memcmp(at, option, len) == 0)
            return true;
        at += n;
    }
    return false;
}

static void check_options(const char *line, const char *options, const char *must, bool wanted)
{
    while (must && *must) {
        size_t n = strcspn(must, " ");

        if (has_option(options, must, n) != wanted)
            fail_msg("%s: %s '%.*s'", line, wanted ? "without" : "with", (int)n, must);
        must += n + (must[n] == ' ');
    }
}

/* Return: the row that the line is, by its target. */
static int check_line(const char *line)
{
    char target[1024], type[128], options[512], super[1024], propagation[256];

    if (sscanf(line, "%1023s %127s %511s %1023s %255s", target, type, options, super,
               propagation) != 5)
        fail_msg("not a mount: %s", line);
    if (strcmp(propagation, "private") != 0)
        fail_msg("%s: propagates", line);
    if (strcmp(target, sandbox_probe_path()) == 0) {
        check_options(line, options, "ro nosuid nodev", true);
        return -1;
    }
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &default_rows[i];

        if (strcmp(target, row->target) != 0)
            continue;
        if (row->type && strcmp(type, row->type) != 0)
            fail_msg("%s: not a %s", line, row->type);
        check_options(line, options, row->must, true);
        check_options(line, options, row->must_not, false);
        return (int)i;
    }
    fail_msg("nobody asked for this mount: %s", line);
    return -1;
}

static void test_the_mount_table_is_exact(void **state)
{
    char *out = sandbox_output(NULL, "mounts"), *rest = NULL;
    bool seen[ROWS] = {false};

    (void)state;
    for (char *line = strtok_r(out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        int row = check_line(line);

        if (row >= 0 && seen[row])
            fail_msg("twice: %s", line);
        if (row >= 0)
            seen[row] = true;
    }
    for (size_t i = 0; i < ROWS; i++)
        if (!seen[i] && !default_rows[i].optional)
            fail_msg("%s is not mounted", default_rows[i].target);
    free(out);
}

static void only_names(const char *dir, const char *allowed)
{
    char verbs[128], *out, *rest = NULL;

    snprintf(verbs, sizeof(verbs), "ls %s", dir);
    out = sandbox_output(NULL, verbs);
    for (char *name = strtok_r(out, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        char word[300];

        snprintf(word, sizeof(word), " %s ", name);
        if (!strstr(allowed, word))
            fail_msg("%s/%s: nobody asked for it", strcmp(dir, "/") ? dir : "", name);
    }
    free(out);
}

static void test_the_root_holds_only_what_was_planned(void **state)
{
    char allowed[512], first[256] = "", second[256] = "";

    (void)state;
    sscanf(sandbox_probe_path(), "/%255[^/]/%255[^/]", first, second);
    snprintf(allowed, sizeof(allowed), " bin dev etc lib lib32 lib64 libx32 proc sbin tmp usr %s ",
             first);
    only_names("/", allowed);
    only_names("/etc", " alternatives group hosts ld.so.cache ld.so.conf ld.so.conf.d localtime "
                       "passwd ");
    only_names("/dev", " fd full null random shm stderr stdin stdout tty urandom zero ");
    snprintf(allowed, sizeof(allowed), " %s ", strcmp(first, "tmp") == 0 ? second : "");
    only_names("/tmp", allowed);
}

static void test_nothing_of_the_host_is_there(void **state)
{
    char *dir = test_dir(), path[512], verbs[1024];
    struct sandbox box;

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    snprintf(path, sizeof(path), "%s/secret", dir);
    test_write(path, "secret", 6, 0666);
    snprintf(verbs, sizeof(verbs),
             "open r %s %s /etc/shadow /etc/hostname /root /home /var /run /sys /boot /srv /mnt "
             "/opt /media /proc/1/root /old_root",
             dir, path);
    sandbox_init(&box);
    sandbox_probe(&box, verbs);
    assert_null(strstr(box.out, " ok"));
    sandbox_says(box.out, path, "ENOENT");
    sandbox_says(box.out, "/etc/shadow", "ENOENT");
    sandbox_says(box.out, "/sys", "ENOENT");
    sandbox_done(&box);
    free(dir);
}

/* What is synthesised tells nothing of the host's people. */
static void test_passwd_is_made_up(void **state)
{
    char *out = sandbox_output(NULL, "cat /etc/passwd /etc/group /etc/hosts");

    (void)state;
    test_contains(out, "root:x:0:0:");
    test_contains(out, "127.0.0.1 localhost");
    assert_null(strstr(out, "/home/"));
    free(out);
}

static void test_read_only_is_read_only(void **state)
{
    char verbs[5000];
    struct sandbox box;

    (void)state;
    snprintf(verbs, sizeof(verbs),
             "open create /x /usr/x /etc/x /dev/x /usr/bin/x /proc/x , open w /etc/passwd "
             "/usr/bin/true %s , mkdir /y , unlink /etc/passwd , unlink /bin , symlink a /z , "
             "chmod 0777 /usr , chmod 0777 /etc/passwd",
             sandbox_probe_path());
    sandbox_init(&box);
    sandbox_probe(&box, verbs);
    assert_null(strstr(box.out, " ok"));
    sandbox_says_one(box.out, "/x", "EROFS");
    sandbox_says_one(box.out, "/usr/x", "EROFS");
    sandbox_says_one(box.out, "/y", "EROFS");
    sandbox_done(&box);
}

/* Not even where a policy lets a task become root of a user namespace of its own, and mount there.
 */
static void test_it_cannot_be_mounted_writable_again(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "remount /usr");
    assert_null(strstr(box.out, " ok"));
    box.rules = "extends: [default]\n"
                "syscalls: {allow: ['@mount', unshare]}\n";
    sandbox_probe(&box, "remount /usr , open create /usr/x");
    sandbox_says(box.out, "unshare", "ok");
    sandbox_says_one(box.out, "remount", "EPERM");
    sandbox_says_one(box.out, "remount_nosuid", "EPERM");
    sandbox_says_one(box.out, "umount", "EINVAL EPERM");
    sandbox_says_one(box.out, "umount_tmp", "EINVAL EPERM");
    sandbox_says(box.out, "/usr/x", "EROFS");
    sandbox_done(&box);
}

static void test_tmp_holds_its_size(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    sandbox_probe(&box, "fill /tmp/big 1000000000 , statfs /tmp");
    sandbox_says(box.out, "fill", "ENOSPC");
    assert_in_range(strtoll(sandbox_line(box.out, "wrote"), NULL, 10), 32 << 20, 64 << 20);
    sandbox_probe(&box, "fill /dev/shm/big 1000000000");
    sandbox_says(box.out, "fill", "ENOSPC");
    assert_in_range(strtoll(sandbox_line(box.out, "wrote"), NULL, 10), 8 << 20, 16 << 20);
    sandbox_probe(&box, "inodes /tmp 200000");
    sandbox_says(box.out, "inodes", "ENOSPC");
    assert_in_range(strtoll(sandbox_line(box.out, "made"), NULL, 10), 1000, 65536);
    sandbox_done(&box);
}

static void test_sizes_as_asked(void **state)
{
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.rules =
        "extends: [default]\nmounts: [{type: tmpfs, target: /scratch, size: 1M, inodes: 10}]\n";
    sandbox_probe(&box, "fill /scratch/x 5000000 , unlink /scratch/x , inodes /scratch 100");
    sandbox_says(box.out, "fill", "ENOSPC");
    assert_in_range(strtoll(sandbox_line(box.out, "wrote"), NULL, 10), 900000, 1048576);
    assert_in_range(strtoll(sandbox_line(box.out, "made"), NULL, 10), 5, 10);
    sandbox_done(&box);
}

/* The next task finds nothing of the last one's. */
static void test_nothing_stays(void **state)
{
    char *out = sandbox_output(NULL, "write /tmp/left x , write /dev/shm/left x");

    (void)state;
    sandbox_says(out, "/tmp/left", "ok");
    free(out);
    out = sandbox_output(NULL, "open r /tmp/left /dev/shm/left");
    sandbox_says(out, "/tmp/left", "ENOENT");
    sandbox_says(out, "/dev/shm/left", "ENOENT");
    free(out);
}

static void look_at_mounts(struct sandbox *box)
{
    *(char **)box->user = test_read("/proc/self/mountinfo", NULL);
}

/* Before, while and after: what happens inside propagates nowhere. */
static void test_the_hosts_mounts_do_not_change(void **state)
{
    char *before = test_read("/proc/self/mountinfo", NULL), *meanwhile = NULL, *after;
    char *dir = test_dir();
    struct crib_bind bind = {.source = dir, .target = "/box"};
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.binds = &bind;
    box.options.bind_count = 1;
    box.meanwhile = look_at_mounts;
    box.user = &meanwhile;
    sandbox_expect(&box, "sleep 100", 0);
    sandbox_done(&box);
    after = test_read("/proc/self/mountinfo", NULL);
    assert_string_equal(before, after);
    assert_non_null(meanwhile);
    assert_string_equal(before, meanwhile);
    free(before);
    free(meanwhile);
    free(after);
    free(dir);
}

/* Setuid files, devices and, where it is said, programs do not work. */
static void test_flags_are_in_force(void **state)
{
    char verbs[5000];
    struct sandbox box;

    (void)state;
    sandbox_init(&box);
    box.options.policy = "strict";
    snprintf(verbs, sizeof(verbs), "copyself /tmp/p 0755 %s , stat /tmp/p , exec /tmp/p echo ran",
             sandbox_probe_path());
    sandbox_probe(&box, verbs);
    test_contains(box.out, "/tmp/p file 0700 ");
    test_contains(box.out, "\n/tmp/p EACCES\n");
    assert_null(strstr(box.out, "ran"));
    box.options.policy = NULL;
    sandbox_probe(&box, "mknod /tmp/d 1 3");
    assert_null(strstr(box.out, " ok"));
    sandbox_done(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_mount_table_is_exact),
        cmocka_unit_test(test_the_root_holds_only_what_was_planned),
        cmocka_unit_test(test_nothing_of_the_host_is_there),
        cmocka_unit_test(test_passwd_is_made_up),
        cmocka_unit_test(test_read_only_is_read_only),
        cmocka_unit_test(test_it_cannot_be_mounted_writable_again),
        cmocka_unit_test(test_tmp_holds_its_size),
        cmocka_unit_test(test_sizes_as_asked),
        cmocka_unit_test(test_nothing_stays),
        cmocka_unit_test(test_the_hosts_mounts_do_not_change),
        cmocka_unit_test(test_flags_are_in_force),
    };

    return sandbox_test_run(tests);
}
