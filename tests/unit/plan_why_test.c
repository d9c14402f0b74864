/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals of the file system, told from what init finds. */
#include "plan_why.h"

static void test_what_is_hidden(void **state)
{
    static const struct said rows[] = {
        {OPEN(O_RDONLY, AT(MISSING, DIR(0755, 1000)), .path = "/etc/ssh/ssh_config",
              .there = "/etc"),
         "openat(/etc/ssh/ssh_config) to read: no mount shows it: ENOENT |  | "
         "in the policy: mounts: [{target: /etc/ssh/ssh_config}]"},
        {OPEN(O_RDWR, AT(MISSING, DIR(0755, 1000)), .path = "/srv/a b", .there = "/"),
         "openat(/srv/a b) to read and write: no mount shows it: ENOENT |  | "
         "in the policy: mounts: [{target: \"/srv/a b\", write: true}]"},
        {{.number = SYS_stat, .arg = 0, .path = "/srv", .there = "/", AT(MISSING)},
         "stat(/srv): no mount shows it: ENOENT |  | in the policy: mounts: [{target: /srv}]"},
        {{.number = SYS_chdir, .arg = 0, .path = "/srv", .there = "/", AT(MISSING)},
         "chdir(/srv) to enter: no mount shows it: ENOENT |  | in the policy: mounts: [{target: "
         "/srv}]"},
        {{.number = SYS_execve, .arg = 0, .path = "/opt/x", .there = "/", AT(MISSING)},
         "execve(/opt/x) to run: no mount shows it: ENOENT |  | in the policy: mounts: [{target: "
         "/opt/x}]"},
        {OPEN(O_RDONLY, AT(MISSING), .path = "/dev/fuse", .there = "/dev"),
         "openat(/dev/fuse) to read: no mount shows it: ENOENT |  | "
         "in the policy: mounts: [{target: /dev/fuse, write: true, dev: true}]"},
        /* a directory that is missing is what stands in the way of making a file */
        {OPEN(O_WRONLY | O_CREAT, AT(MISSING), .path = "/var/tmp/x", .there = "/"),
         "openat(/var/tmp/x) to write: no mount shows its directory: ENOENT |  | "
         "in the policy: mounts: [{type: tmpfs, target: /var/tmp, mode: 01777}]"},
        /* what the task's own /tmp does not have, the host's may */
        {OPEN(O_RDONLY, AT(MISSING), .path = "/tmp/in.txt", .there = "/tmp"),
         "openat(/tmp/in.txt) to read: it is not in the tmpfs at /tmp: ENOENT | p.yaml:7:5 | "
         "in the policy: mounts: [{target: /tmp/in.txt}]"},
        {OPEN(O_RDONLY, AT(MISSING), .path = "/out/in.txt", .there = "/out"),
         "openat(/out/in.txt) to read: the mount at /out shows something else: ENOENT | "
         "p.yaml:5:5 | "},
        /* missing on the host too: not the policy's doing */
        {OPEN(O_RDONLY, AT(MISSING), .path = "/usr/lib/x", .there = "/usr/lib"), NULL},
        {OPEN(O_RDONLY, AT(MISSING), .path = "/proc/99", .there = "/proc"), NULL},
        {OPEN(O_RDONLY, AT(.code = -ENOTDIR), .path = "/etc/passwd/x"), NULL},
        {OPEN(O_RDONLY, AT(.code = -ELOOP), .path = "/etc/x"), NULL},
    };
    struct fixture f;

    (void)state;
    start(&f);
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

static void test_what_is_read_only(void **state)
{
    static const struct said rows[] = {
        {OPEN(O_WRONLY | O_CREAT, AT(MISSING, DIR(0755, OUTSIDE), .read_only = true),
              .path = "/usr/x", .there = "/usr"),
         "openat(/usr/x) to write: the mount at /usr is read-only: EROFS | p.yaml:3:5 | "
         "in the policy: mounts: [{target: /usr, write: true}]"},
        {OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/usr/own"),
         "openat(/usr/own) to write: the mount at /usr is read-only: EROFS | p.yaml:3:5 | "
         "in the policy: mounts: [{target: /usr/own, write: true}]"},
        {OPEN(O_RDONLY | O_TRUNC, AT(OWN(0644), .read_only = true), .path = "/out/a/b"),
         "openat(/out/a/b) to read and write: the mount at /out is read-only: EROFS | p.yaml:5:5 | "
         "in the policy: mounts: [{source: /srv/out/a/b, target: /out/a/b, write: true}]"},
        {{.number = SYS_unlink, .arg = 0, .path = "/out/a/b", AT(OWN(0644), .read_only = true)},
         "unlink(/out/a/b) to remove: the mount at /out is read-only: EROFS | p.yaml:5:5 | "
         "in the policy: mounts: [{source: /srv/out/a, target: /out/a, write: true}]"},
        {{.number = SYS_rename, .arg = 0, .path = "/usr/a", AT(OWN(0644), .read_only = true)},
         "rename(/usr/a) to remove: the mount at /usr is read-only: EROFS | p.yaml:3:5 | "
         "in the policy: mounts: [{target: /usr, write: true}]"},
        {{.number = SYS_rmdir, .arg = 0, .path = "/tmp", AT(DIR(01777, OUTSIDE))},
         "rmdir(/tmp) to remove: no mount is there, and crib's own root is read-only: EROFS |  | "},
        {{.number = SYS_rename, .arg = 1, .path = "/usr/a", AT(OWN(0644), .read_only = true)},
         "rename(/usr/a) to replace: the mount at /usr is read-only: EROFS | p.yaml:3:5 | "
         "in the policy: mounts: [{target: /usr, write: true}]"},
        {{.number = SYS_fchmodat, .arg = 1, .path = "/usr/a", AT(OWN(0644), .read_only = true)},
         "fchmodat(/usr/a) to change: the mount at /usr is read-only: EROFS | p.yaml:3:5 | "
         "in the policy: mounts: [{target: /usr/a, write: true}]"},
        {{.number = SYS_mkdir,
          .arg = 0,
          .path = "/data",
          .there = "/",
          AT(MISSING, DIR(0755, 1000), .read_only = true)},
         "mkdir(/data) to make: no mount is there, and crib's own root is read-only: EROFS |  | "
         "in the policy: mounts: [{type: tmpfs, target: /data, mode: 01777}]"},
        {{.number = SYS_symlink,
          .arg = 1,
          .path = "/data/link",
          .there = "/data",
          AT(MISSING, DIR(0755, 1000), .read_only = true)},
         "symlink(/data/link) to make: no mount is there, and crib's own root is read-only: EROFS "
         "| "
         " | in the policy: mounts: [{type: tmpfs, target: /data, mode: 01777}]"},
        {OPEN(O_WRONLY | O_CREAT, AT(MISSING, DIR(0755, 1000), .read_only = true), .path = "/etc/x",
              .there = "/etc"), /* a tmpfs would cover /etc/passwd */
         "openat(/etc/x) to write: no mount is there, and crib's own root is read-only: EROFS |  "
         "| "},
        {OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/proc/sys/x"),
         "openat(/proc/sys/x) to write: the mount at /proc is read-only: EROFS | p.yaml:8:5 | "
         "`write: true` for the mount of /proc at p.yaml:8:5"},
        {OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/job/x"),
         "openat(/job/x) to write: what is mounted at /job is read-only on the host: EROFS | "
         "p.yaml:4:5 | "},
        /* it is there already, or a directory: another errno, whatever the policy */
        {{.number = SYS_mkdir, .arg = 0, .path = "/usr", AT(DIR(0755, OUTSIDE), .read_only = true)},
         NULL},
        {OPEN(O_WRONLY | O_CREAT | O_EXCL, AT(OWN(0644), .read_only = true), .path = "/usr/a"),
         NULL},
        {OPEN(O_WRONLY, AT(DIR(0755, 1000), .read_only = true), .path = "/usr"), NULL},
        {OPEN(O_PATH | O_RDWR, AT(ROOTS(0600), .read_only = true), .path = "/usr/a"), NULL},
    };
    struct fixture f;

    (void)state;
    start(&f);
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

static void test_what_cannot_be_executed(void **state)
{
    static const struct said rows[] = {
        {{.number = SYS_execve, .arg = 0, .path = "/tmp/x", AT(OWN(0755), .no_exec = true)},
         "execve(/tmp/x) to run: the mount at /tmp lets nothing be executed: EACCES | p.yaml:7:5 | "
         "`exec: true` for the mount of /tmp at p.yaml:7:5"},
        {{.number = SYS_faccessat,
          .arg = 1,
          .args = {0, 0, X_OK},
          .path = "/tmp/x",
          AT(OWN(0755), .no_exec = true)},
         "faccessat(/tmp/x) to run: the mount at /tmp lets nothing be executed: EACCES | "
         "p.yaml:7:5 | `exec: true` for the mount of /tmp at p.yaml:7:5"},
        {{.number = SYS_execve, .arg = 0, .path = "/usr/x", AT(ROOTS(0755), .no_exec = true)},
         "execve(/usr/x) to run: the host lets nothing there be executed: EACCES | p.yaml:3:5 | "},
        {{.number = SYS_execve, .arg = 0, .path = "/usr/x", AT(ROOTS(0644))},
         "execve(/usr/x) to run: mode 0644, owner an id of outside; no policy changes that: EACCES "
         "|  | "},
    };
    struct fixture f;

    (void)state;
    start(&f);
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

static void test_permissions(void **state)
{
    static const struct said rows[] = {
        {OPEN(O_RDONLY, AT(ROOTS(0600)), .path = "/usr/secret"),
         "openat(/usr/secret) to read: mode 0600, owner an id of outside; no policy changes that: "
         "EACCES |  | "},
        /* before the mount is asked */
        {OPEN(O_WRONLY | O_CREAT, AT(ROOTS(0755), .read_only = true), .path = "/usr/bin/ls"),
         "openat(/usr/bin/ls) to write: mode 0755, owner an id of outside; no policy changes that: "
         "EACCES |  | "},
        {OPEN(O_WRONLY, AT(OWN(0400)), .path = "/job/own"),
         "openat(/job/own) to write: mode 0400, owner the task's own; no policy changes that: "
         "EACCES |  | "},
        {OPEN(O_WRONLY | O_CREAT, AT(MISSING, DIR(0755, OUTSIDE)), .path = "/job/new",
              .there = "/job"),
         "openat(/job/new) to write: /job has mode 0755, owner an id of outside; no policy "
         "changes that: EACCES |  | "},
        {{.number = SYS_stat,
          .arg = 0,
          .path = "/job/shut/x",
          .there = "/job/shut",
          AT(.code = -EACCES, DIR(0700, OUTSIDE))},
         "stat(/job/shut/x): /job/shut has mode 0700, owner an id of outside; no policy changes "
         "that: EACCES |  | "},
        {{.number = SYS_chmod, .arg = 0, .path = "/job/x", AT(ROOTS(0666))},
         "chmod(/job/x) to change: only its owner may (mode 0666, owner an id of outside); no "
         "policy changes that: EPERM |  | "},
        {{.number = SYS_unlink, .arg = 0, .path = "/job/x", AT(OWN(0644))},
         "unlink(/job/x) to remove: its directory is not the task's to change, and no policy "
         "changes that: EACCES |  | "},
        /* the bits alone would not say it: ACLs, groups that were kept */
        {OPEN(O_RDONLY, AT(ROOTS(0640)), .path = "/usr/x"),
         "openat(/usr/x) to read: mode 0640, owner an id of outside; no policy changes that: "
         "EACCES "
         "|  | "},
        {OPEN(O_WRONLY, AT(.mode = S_IFSOCK | 0666, .read_only = true), .path = "/job/sock"),
         "openat(/job/sock) to write: mode 0666, owner uid 0; no policy changes that: EACCES |  "
         "| "},
        /* nothing is wanted that permissions could refuse */
        {{.number = SYS_stat, .arg = 0, .path = "/usr/x", AT(ROOTS(0))}, NULL},
        {{.number = SYS_chmod, .arg = 0, .path = "/job/x", AT(OWN(0))}, NULL},
    };
    struct fixture f;

    (void)state;
    start(&f);
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

/* Root's task has the number by which the kernel shows all ids that it does not have. */
static void test_the_id_that_is_nobodys(void **state)
{
    static const struct said rows[] = {
        {OPEN(O_RDONLY, AT(ROOTS(0600)), .path = "/usr/secret"),
         "openat(/usr/secret) to read: mode 0600, owner an id of outside; no policy changes that: "
         "EACCES |  | "},
        {OPEN(O_RDONLY, AT(ROOTS(0640)), .path = "/usr/secret"),
         "openat(/usr/secret) to read: mode 0640, owner an id of outside; no policy changes that: "
         "EACCES |  | "},
        /* it may be the task's own file there, and then the mount is the reason */
        {OPEN(O_RDWR, AT(ROOTS(0600), .read_only = true), .path = "/job/perhaps"),
         "openat(/job/perhaps) to read and write: what is mounted at /job is read-only on the "
         "host: EROFS | p.yaml:4:5 | "},
    };
    struct fixture f;

    (void)state;
    start(&f);
    f.host->uid = f.host->gid = 0;
    f.host->privileged = true;
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

static void test_devices(void **state)
{
    static const struct said rows[] = {
        {OPEN(O_RDONLY, AT(.mode = S_IFCHR | 0666), .path = "/usr/dev/zero"),
         "openat(/usr/dev/zero) to read: the mount at /usr has no devices: EACCES | p.yaml:3:5 | "
         "in the policy: mounts: [{target: /usr/dev/zero, dev: true}]"},
        {OPEN(O_RDWR, AT(.mode = S_IFBLK | 0666), .path = "/job/disk"),
         "openat(/job/disk) to read and write: the mount at /job has no devices: EACCES | "
         "p.yaml:4:5 | in the policy: mounts: [{target: /job/disk, write: true, dev: true}]"},
        {{.number = SYS_stat, .arg = 0, .path = "/usr/dev/zero", AT(.mode = S_IFCHR | 0666)}, NULL},
    };
    struct fixture f;

    (void)state;
    start(&f);
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

/* Read-only mounts let what is written to a device through; the second wall does not. */
static void test_landlock(void **state)
{
    static const struct said rows[] = {
        {OPEN(O_WRONLY, AT(.mode = S_IFIFO | 0666, .read_only = true), .path = "/usr/fifo"),
         "openat(/usr/fifo) to write: Landlock lets nothing be written there: EACCES | p.yaml:3:5 "
         "| in the policy: mounts: [{target: /usr/fifo, write: true}]"},
        {OPEN(O_WRONLY, AT(.mode = S_IFIFO | 0600), .path = "/job/fifo"),
         "openat(/job/fifo) to write: mode 0600, owner uid 0; no policy changes that: EACCES |  "
         "| "},
        /* a socket is not opened */
        {{.number = SYS_connect,
          .arg = 1,
          .path = "/usr/sock",
          AT(.mode = S_IFSOCK | 0664, .read_only = true)},
         "connect(/usr/sock) to write: mode 0664, owner uid 0; no policy changes that: EACCES |  "
         "| "},
    };
    struct fixture f;

    (void)state;
    start(&f);
    f.policy->has_landlock = true;
    f.policy->landlock = CRIB__NEED__required;
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

static void test_the_mounts_of_the_task(void **state)
{
    static const struct said rows[] = {
        {OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/in/x"),
         "openat(/in/x) to write: the mount at /in is read-only: EROFS | --bind | `:rw` at the end "
         "of that --bind"},
        {OPEN(O_RDONLY, AT(MISSING), .path = "/scratch/x", .there = "/scratch"),
         "openat(/scratch/x) to read: it is not in the tmpfs at /scratch: ENOENT | --tmpfs | "
         "in the policy: mounts: [{target: /scratch/x}]"},
        {OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/opt/prog"),
         "openat(/opt/prog) to write: the mount at /opt/prog is read-only: EROFS |  | "
         "in the policy: mounts: [{target: /opt/prog, write: true}]"},
    };
    struct fixture f;

    (void)state;
    start(&f);
    add_path(&f, "/srv/in", A_DIR);
    add_path(&f, "/opt/prog", A_FILE)->mode = 0755;
    f.task->file = bytes("/opt/prog");
    add_mount(&f, BIND, "/srv/in", "/in");
    move_to_task(&f);
    add_mount(&f, TMPFS, NULL, "/scratch");
    move_to_task(&f);
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

static void test_where_the_mounts_are_the_hosts(void **state)
{
    static const struct said rows[] = {
        {OPEN(O_RDONLY, AT(MISSING), .path = "/nowhere", .there = "/"), NULL},
        {OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/mnt/cd"),
         "openat(/mnt/cd) to write: the host has it read-only: EROFS |  | "},
        {OPEN(O_RDONLY, AT(ROOTS(0600)), .path = "/etc/shadow"),
         "openat(/etc/shadow) to read: mode 0600, owner an id of outside; no policy changes that: "
         "EACCES |  | "},
    };
    struct fixture f;

    (void)state;
    fixture_start(&f);
    f.policy->namespaces = ARENA_NEW(&f.arena, crib__namespaces, Crib__Namespaces);
    f.policy->namespaces->has_mount = true;
    f.policy->namespaces->mount = CRIB__NAMESPACES__SPACE__host;
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

/* A later mount covers an earlier one, and the longest of them decides. */
static void test_the_last_mount_decides(void **state)
{
    static const struct said rows[] = {
        {OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/job/ro/x"),
         "openat(/job/ro/x) to write: the mount at /job/ro is read-only: EROFS | p.yaml:10:5 | "
         "in the policy: mounts: [{target: /job/ro/x, write: true}]"},
        {OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/usr/x"),
         "openat(/usr/x) to write: the mount at /usr is read-only: EROFS | p.yaml:11:5 | "
         "in the policy: mounts: [{target: /usr/x, write: true}]"},
    };
    struct fixture f;

    (void)state;
    start(&f);
    add_path(&f, "/job/ro", A_DIR);
    add_mount(&f, BIND, NULL, "/job/ro");
    origin(&f, "p.yaml:10:5");
    add_mount(&f, BIND, NULL, "/usr");
    origin(&f, "p.yaml:11:5");
    MUST_SAY_ALL(&f, rows);
    fixture_done(&f);
}

/* Where a mount was written is what a client says. */
static void test_a_hostile_place(void **state)
{
    const struct look look = OPEN(O_WRONLY, AT(OWN(0644), .read_only = true), .path = "/srv/x");
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_path(&f, "/srv", A_DIR);
    add_mount(&f, BIND, NULL, "/srv");
    origin(&f, "p.yaml\x1b[31m\n\xff:3:5");
    f.task->origins->name = (char *)"./a\x1b[31m\nb";
    must_build(&f);
    must_say(&f, &look,
             "openat(/srv/x) to write: the mount at /srv is read-only: EROFS | "
             "p.yaml?[31m??:3:5 | in ./a?[31m?b: mounts: [{target: /srv/x, write: true}]");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_hostile_place),
        cmocka_unit_test(test_what_is_hidden),
        cmocka_unit_test(test_what_is_read_only),
        cmocka_unit_test(test_what_cannot_be_executed),
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_the_id_that_is_nobodys),
        cmocka_unit_test(test_devices),
        cmocka_unit_test(test_landlock),
        cmocka_unit_test(test_the_mounts_of_the_task),
        cmocka_unit_test(test_where_the_mounts_are_the_hosts),
        cmocka_unit_test(test_the_last_mount_decides),
    };

    return test_run(tests);
}
