/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of ids, out of files of which every line may be anything. */
#include "support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/subids.h"

/* Made-up files, and programs that stand for newuidmap. */
struct places {
    char *dir;
    char uids[512], gids[512], proc[512];
    struct subids_places at;
};

static void put(const char *path, const char *text)
{
    test_write(path, text, strlen(text), 0644);
}

/* @uids, @gids: NULL: there is no such file. /bin/true is root's, and has no bit. */
static void places_init(struct places *p, const char *uids, const char *gids)
{
    p->dir = test_dir();
    snprintf(p->uids, sizeof(p->uids), "%s/subuid", p->dir);
    snprintf(p->gids, sizeof(p->gids), "%s/subgid", p->dir);
    snprintf(p->proc, sizeof(p->proc), "%s/proc", p->dir);
    if (uids)
        put(p->uids, uids);
    if (gids)
        put(p->gids, gids);
    p->at = (struct subids_places){p->uids, p->gids, "/bin/su", "/bin/su", p->proc};
}

static Crib__Host *look(const struct places *p, struct arena *arena, const char *name,
                        bool privileged)
{
    Crib__Host *host = ARENA_NEW(arena, crib__host, Crib__Host);

    host->uid = host->gid = privileged ? 0 : 1000;
    host->privileged = privileged;
    assert_int_equal(subids_look(&p->at, name, arena, host), 0);
    return host;
}

/* `u100000+10 g5+1`, or why there are none. */
static const char *told(const Crib__Host *host, struct arena *arena)
{
    const char *text = host->sub_ids_why ? host->sub_ids_why : "";

    for (size_t i = 0; i < host->n_sub_ids; i++)
        text = arena_printf(arena, "%s%s%c%u+%u", text, i ? " " : "",
                            host->sub_ids[i]->groups ? 'g' : 'u', host->sub_ids[i]->first,
                            host->sub_ids[i]->count);
    return text;
}

static void test_lines_of_this_user(void **state)
{
    static const struct {
        const char *uids, *told;
    } rows[] = {
        {"user:100000:10\n", "u100000+10 g7+1"},
        {"1000:100000:10\n", "u100000+10 g7+1"},
        {"user:100000:10", "u100000+10 g7+1"},
        /* several, in any order, also such that lie in one another */
        {"user:300:5\nother:1:9\n1000:100:5\n", "u100+5 u300+5 g7+1"},
        {"user:100:10\nuser:105:10\n", "u100+10 u110+5 g7+1"},
        {"user:100:10\nuser:100:10\nuser:102:2\n", "u100+10 g7+1"},
        /* nobody's: root, the caller, the kernel's nobody */
        {"user:0:5\n", "u1+4 g7+1"},
        {"user:998:5\n", "u998+2 u1001+2 g7+1"},
        {"user:65530:10\n", "u65530+4 u65536+4 g7+1"},
        {"user:4294967290:5\n", "u4294967290+5 g7+1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct places p;
        struct arena arena;

        places_init(&p, rows[i].uids, "user:7:1\n");
        arena_init(&arena, 0);
        assert_string_equal(told(look(&p, &arena, "user", false), &arena), rows[i].told);
        arena_done(&arena);
        free(p.dir);
    }
}

static void test_lines_that_say_nothing(void **state)
{
    static const char *const rows[] = {
        "",
        "\n\n\n",
        "other:100000:10\n",
        "User:100000:10\n",
        "use:100000:10\nusers:100000:10\n:100000:10\n",
        "#user:100000:10\n",
        " user:100000:10\n",
        "user:100000\n",
        "user\n",
        "user:100000:10:5\n",
        "user:-1:10\n",
        "user:100000:-10\n",
        "user:+100000:10\n",
        "user: 100000:10\n",
        "user:0x1000:10\n",
        "user:100000:0\n",
        "user:100000:\n",
        "user::10\n",
        "user:4294967295:1\n",
        "user:4294967290:6\n",
        "user:1:4294967295\n",
        "user:99999999999:1\n",
        "user:18446744073709551617:10\n",
        "user:1000:1\n",
        "user:0:1\n",
        "1000x:100000:10\n01001:100000:10\n4294968296:100000:10\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct places p;
        struct arena arena;
        Crib__Host *host;

        places_init(&p, rows[i], "user:7:1\n");
        arena_init(&arena, 0);
        host = look(&p, &arena, "user", false);
        if (host->n_sub_ids)
            fail_msg("%s: %s", rows[i], told(host, &arena));
        test_contains(host->sub_ids_why, "user has no range of ids in ");
        test_contains(host->sub_ids_why, "usermod --add-subuids");
        arena_done(&arena);
        free(p.dir);
    }
}

/* A line past the bound, one with a NUL, and more ranges than are kept. */
static void test_large_and_odd_files(void **state)
{
    struct places p;
    struct arena arena;
    char *text = calloc(1, 1 << 20), *at = text;
    Crib__Host *host;

    (void)state;
    memset(at, 'x', 100000);
    at += 100000;
    at += snprintf(at, 64, ":1:1\nuser:5:2\n");
    for (int i = 0; i < 200; i++)
        at += snprintf(at, 64, "user:%d:1\n", 2000 + 2 * i);
    places_init(&p, text, "user:7:100\n");
    arena_init(&arena, 0);
    host = look(&p, &arena, "user", false);
    assert_int_equal(host->n_sub_ids, 32 + 1);
    assert_int_equal(host->sub_ids[0]->first, 5);
    assert_int_equal(subids_pairs(host), 33);
    memcpy(text, "user:5:2\n\0user:9:2\n", 20);
    test_write(p.uids, text, 20, 0644);
    host = look(&p, &arena, "user", false);
    assert_int_equal(host->n_sub_ids, 0);
    /* no file: a directory, a FIFO, nothing */
    assert_int_equal(unlink(p.uids), 0);
    assert_int_equal(look(&p, &arena, "user", false)->n_sub_ids, 0);
    assert_int_equal(mkfifo(p.uids, 0644), 0);
    assert_int_equal(look(&p, &arena, "user", false)->n_sub_ids, 0);
    assert_int_equal(unlink(p.uids), 0);
    assert_int_equal(mkdir(p.uids, 0755), 0);
    assert_int_equal(look(&p, &arena, "user", false)->n_sub_ids, 0);
    arena_done(&arena);
    free(text);
    free(p.dir);
}

static void test_both_kinds_are_needed_and_a_name(void **state)
{
    struct places p;
    struct arena arena;

    (void)state;
    places_init(&p, "user:100:10\n", NULL);
    arena_init(&arena, 0);
    test_contains(told(look(&p, &arena, "user", false), &arena), "/subgid");
    put(p.gids, "user:200:10\n");
    assert_string_equal(told(look(&p, &arena, "user", false), &arena), "u100+10 g200+10");
    test_contains(told(look(&p, &arena, NULL, false), &arena), "uid 1000 has no line in passwd");
    arena_done(&arena);
    free(p.dir);
}

static void test_programs_that_cannot(void **state)
{
    struct places p;
    struct arena arena;
    char own[600];

    (void)state;
    places_init(&p, "user:100:10\n", "user:200:10\n");
    arena_init(&arena, 0);
    p.at.newgidmap = "/nowhere/newgidmap";
    test_contains(told(look(&p, &arena, "user", false), &arena),
                  "/nowhere/newgidmap is not there: install the package `uidmap`");
    p.at.newgidmap = "/bin";
    test_contains(told(look(&p, &arena, "user", false), &arena), "/bin is not there");
    p.at.newgidmap = "/bin/true";
    test_contains(told(look(&p, &arena, "user", false), &arena),
                  "/bin/true has neither the setuid bit nor a capability");
    snprintf(own, sizeof(own), "%s/own", p.dir);
    test_write(own, "", 0, 04777);
    assert_int_equal(chmod(own, 04777), 0);
    p.at.newgidmap = own;
    test_contains(told(look(&p, &arena, "user", false), &arena), "written by others than root");
    arena_done(&arena);
    free(p.dir);
}

/* A privileged caller has what was configured, where its user namespace has it. */
static void test_the_configured_range(void **state)
{
    struct places p;
    struct arena arena;
    char path[600];

    (void)state;
    places_init(&p, NULL, NULL);
    arena_init(&arena, 0);
    assert_string_equal(told(look(&p, &arena, NULL, true), &arena),
                        "u2130706432+65536 g2130706432+65536");
    assert_int_equal(mkdir(p.proc, 0755), 0);
    snprintf(path, sizeof(path), "%s/self", p.proc);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/self/uid_map", p.proc);
    put(path, "0 0 4294967295\n");
    assert_int_equal(look(&p, &arena, NULL, true)->n_sub_ids, 2);
    put(path, "0 100000 65536\n");
    assert_string_equal(told(look(&p, &arena, NULL, true), &arena),
                        "the ids 2130706432 to 2130771967 are not in this user namespace: map "
                        "them, or build crib with others (CRIB_OWN_IDS_FIRST)");
    put(path, "0 0 2130771967\n");
    assert_int_equal(look(&p, &arena, NULL, true)->n_sub_ids, 0);
    put(path, "0 0 2130771968\n");
    assert_int_equal(look(&p, &arena, NULL, true)->n_sub_ids, 2);
    arena_done(&arena);
    free(p.dir);
}

/* The n-th uid goes with the n-th gid, over all ranges, and no further. */
static void test_pairs(void **state)
{
    struct places p;
    struct arena arena;
    uint32_t uid, gid;
    Crib__Host *host;

    (void)state;
    places_init(&p, "user:100:2\nuser:200:5\n", "user:300:1\nuser:400:3\n");
    arena_init(&arena, 0);
    host = look(&p, &arena, "user", false);
    assert_int_equal(subids_pairs(host), 4);
    assert_true(subids_pair(host, 1, &uid, &gid));
    assert_int_equal(uid, 101);
    assert_int_equal(gid, 400);
    assert_true(subids_pair(host, 3, &uid, &gid));
    assert_int_equal(uid, 201);
    assert_int_equal(gid, 402);
    assert_false(subids_pair(host, 4, &uid, &gid));
    put(p.uids, "user:100000:4000000000\n");
    put(p.gids, "user:100000:4000000000\n");
    assert_int_equal(subids_pairs(look(&p, &arena, "user", false)), SUBIDS_MOST);
    arena_done(&arena);
    free(p.dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_this_user),
        cmocka_unit_test(test_lines_that_say_nothing),
        cmocka_unit_test(test_large_and_odd_files),
        cmocka_unit_test(test_both_kinds_are_needed_and_a_name),
        cmocka_unit_test(test_programs_that_cannot),
        cmocka_unit_test(test_the_configured_range),
        cmocka_unit_test(test_pairs),
    };

    return test_run(tests);
}
