/* SPDX-License-Identifier: Apache-2.0 */
/* What `crib doctor` reads from files, against made-up trees. */
#include "support/support.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/facts.h"

#define PLACE(name) CRIB__SURVEY__PLACE__KIND__##name

/* Writes a file below a made-up root, with the directories on the way. */
static void write_fact(const char *root, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", root, name);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(path, 0755);
        *slash = '/';
    }
    test_write(path, text, strlen(text), 0644);
}

struct tree {
    char *root;
    struct arena arena;
    Crib__Survey *survey;
};

static void tree_init(struct tree *tree)
{
    tree->root = test_dir();
    arena_init(&tree->arena, 0);
    tree->survey = ARENA_NEW(&tree->arena, crib__survey, Crib__Survey);
    assert_non_null(tree->survey);
}

static void tree_done(struct tree *tree)
{
    arena_done(&tree->arena);
    free(tree->root);
}

#define PROC "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
#define ROOT "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"

static void test_covers_are_named(void **state)
{
    static const struct {
        const char *mountinfo;
        bool proc;
        size_t count;
        const char *first;
    } rows[] = {
        {ROOT PROC, true, 0, NULL},
        {ROOT, false, 0, NULL},
        {ROOT PROC "30 22 0:40 / /proc/acpi ro,relatime - tmpfs tmpfs ro\n"
                   "31 22 0:41 /null /proc/kcore rw,nosuid - devtmpfs dev rw\n",
         true, 2, "/proc/acpi"},
        {ROOT PROC "30 22 0:21 /sys /proc/sys ro,relatime - proc proc rw\n", true, 1, "/proc/sys"},
        {ROOT PROC "30 22 0:40 / /proc/a\\040b\\011c ro shared:1 master:2 - tmpfs t ro\n", true, 1,
         "/proc/a b\tc"},
        /* twice over the same place */
        {ROOT PROC
         "30 22 0:40 / /proc/sys ro - tmpfs t ro\n31 30 0:41 / /proc/sys ro - tmpfs t ro\n",
         true, 1, "/proc/sys"},
        /* directories that are always empty uncover nothing */
        {ROOT PROC "30 22 0:40 / /proc/sys/fs/binfmt_misc rw - autofs systemd-1 rw\n"
                   "31 22 0:42 / /proc/fs/nfsd rw - nfsd nfsd rw\n",
         true, 0, NULL},
        /* of a proc only a part, and none at all */
        {ROOT "22 27 0:21 / /proc rw,relatime - proc proc rw,hidepid=invisible,subset=pid\n", false,
         0, NULL},
        {ROOT "22 27 0:21 /self /proc rw,relatime - proc proc rw\n", false, 0, NULL},
        {ROOT PROC "30 22 0:40 / /proc rw - tmpfs tmpfs rw\n", false, 0, NULL},
        /* what looks alike */
        {ROOT PROC
         "30 27 0:40 / /process rw - tmpfs t rw\n31 27 0:41 / /srv/proc/sys rw - tmpfs t rw\n",
         true, 0, NULL},
        {ROOT PROC "30 22 0:40 / /proc/cut\n\n30\n", true, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tree tree;

        tree_init(&tree);
        write_fact(tree.root, "proc/self/mountinfo", rows[i].mountinfo);
        assert_int_equal(facts_covers(tree.root, &tree.arena, tree.survey), 0);
        if (tree.survey->proc != rows[i].proc || tree.survey->n_covers != rows[i].count)
            fail_msg("row %zu: proc %d, %zu covers", i, tree.survey->proc, tree.survey->n_covers);
        if (rows[i].first)
            assert_string_equal((char *)tree.survey->covers[0].data, rows[i].first);
        tree_done(&tree);
    }
}

static void test_without_mountinfo_there_is_no_proc(void **state)
{
    struct tree tree;

    (void)state;
    tree_init(&tree);
    assert_int_equal(facts_covers(tree.root, &tree.arena, tree.survey), 0);
    assert_false(tree.survey->proc);
    assert_int_equal(tree.survey->n_covers, 0);
    tree_done(&tree);
}

static void test_each_place_has_its_signs(void **state)
{
    static const struct {
        const char *file, *text;
        const char *env;
        Crib__Survey__Place__Kind kind; /* 0: none */
    } rows[] = {
        {"proc/1/cmdline", "crib-init", NULL, PLACE(crib)},
        {"proc/1/cmdline", "/sbin/init", NULL, 0},
        {"proc/1/cmdline", "crib-initial", NULL, 0},
        {"var/run/secrets/kubernetes.io/token", "", NULL, PLACE(kubernetes)},
        {"proc/self/cgroup", "0::/kubepods.slice/x\n", NULL, PLACE(kubernetes)},
        {"etc/none", "", "KUBERNETES_SERVICE_HOST=10.0.0.1", PLACE(kubernetes)},
        {".dockerenv", "", NULL, PLACE(docker)},
        {"proc/self/cgroup", "4:memory:/docker/0123\n", NULL, PLACE(docker)},
        {"run/.containerenv", "", NULL, PLACE(podman)},
        {"etc/none", "", "container=podman", PLACE(podman)},
        {"etc/none", "", "container=lxc", PLACE(lxc)},
        {"dev/lxd/sock", "", NULL, PLACE(lxc)},
        {"run/systemd/container", "systemd-nspawn\n", NULL, PLACE(nspawn)},
        {"run/host/container-manager", "systemd-nspawn\n", NULL, PLACE(nspawn)},
        {"etc/none", "", "container=somewhat", PLACE(container)},
        {"etc/none", "", "container=", 0},
        {"etc/none", "", "containers=lxc", 0},
        {"proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n", NULL, PLACE(wsl)},
        {"proc/sys/kernel/osrelease", "6.1.0-13-amd64\n", NULL, 0},
        {"proc/self/cgroup", "0::/user.slice/user-1000.slice\n", NULL, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *const env[] = {(char *)"HOME=/", (char *)rows[i].env, NULL};
        struct tree tree;

        tree_init(&tree);
        write_fact(tree.root, rows[i].file, rows[i].text);
        write_fact(tree.root, "proc/self/mountinfo", ROOT);
        assert_int_equal(facts_places(tree.root, env, &tree.arena, tree.survey), 0);
        if (tree.survey->n_places != (rows[i].kind != 0) ||
            (rows[i].kind && tree.survey->places[0]->kind != rows[i].kind))
            fail_msg("row %zu (%s %s): %zu places", i, rows[i].file, rows[i].env ? rows[i].env : "",
                     tree.survey->n_places);
        tree_done(&tree);
    }
}

/* A chroot's root is no mount; a place is told once, however many signs it has, the innermost
 * first. */
static void test_places_add_up(void **state)
{
    char *const env[] = {(char *)"container=docker", (char *)"KUBERNETES_SERVICE_HOST=::1", NULL};
    struct tree tree;

    (void)state;
    tree_init(&tree);
    write_fact(tree.root, "proc/self/mountinfo", PROC "28 27 0:9 / /srv / - ext4 /dev/a rw\n");
    write_fact(tree.root, "proc/self/cgroup", "0::/docker/0123\n");
    write_fact(tree.root, ".dockerenv", "");
    assert_int_equal(facts_places(tree.root, env, &tree.arena, tree.survey), 0);
    assert_int_equal(tree.survey->n_places, 3);
    assert_int_equal(tree.survey->places[0]->kind, PLACE(docker));
    assert_string_equal(tree.survey->places[0]->sign, "/.dockerenv");
    assert_int_equal(tree.survey->places[1]->kind, PLACE(kubernetes));
    assert_int_equal(tree.survey->places[2]->kind, PLACE(chroot));
    tree_done(&tree);
}

static void test_switches(void **state)
{
    struct tree tree;

    (void)state;
    tree_init(&tree);
    facts_switches(tree.root, &tree.arena, tree.survey);
    assert_false(tree.survey->filtered);
    assert_false(tree.survey->no_new_privs);
    assert_false(tree.survey->has_memfd_noexec);
    assert_null(tree.survey->lsm);
    assert_null(tree.survey->core_pattern);
    write_fact(tree.root, "proc/self/status", "Name:\tx\nNoNewPrivs:\t1\nSeccomp:\t2\n");
    write_fact(tree.root, "proc/sys/vm/memfd_noexec", "2\n");
    write_fact(tree.root, "sys/kernel/security/lsm", "capability,yama,apparmor");
    write_fact(tree.root, "proc/sys/kernel/core_pattern", "|/usr/share/apport %p\n");
    facts_switches(tree.root, &tree.arena, tree.survey);
    assert_true(tree.survey->filtered);
    assert_true(tree.survey->no_new_privs);
    assert_int_equal(tree.survey->memfd_noexec, 2);
    assert_string_equal(tree.survey->lsm, "capability,yama,apparmor");
    assert_string_equal(tree.survey->core_pattern, "|/usr/share/apport %p");
    tree_done(&tree);
}

static void test_texts_are_bounded(void **state)
{
    struct tree tree;
    char long_name[600];

    (void)state;
    tree_init(&tree);
    write_fact(tree.root, "long", "0123456789");
    assert_string_equal(facts_text(tree.root, "long", 4, &tree.arena), "0123");
    assert_string_equal(facts_text(tree.root, "long", 100, &tree.arena), "0123456789");
    assert_null(facts_text(tree.root, "missing", 4, &tree.arena));
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    assert_null(facts_text(tree.root, long_name, 4, &tree.arena));
    tree_done(&tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_covers_are_named),
        cmocka_unit_test(test_without_mountinfo_there_is_no_proc),
        cmocka_unit_test(test_each_place_has_its_signs),
        cmocka_unit_test(test_places_add_up),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_texts_are_bounded),
    };

    return test_run(tests);
}
