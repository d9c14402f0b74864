/* SPDX-License-Identifier: Apache-2.0 */
/* Which groups a task gets and what is written into them, on made-up hosts of both versions. */
#include "plan_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

static const char *const all[] = {"memory", "pids", "cpu", "cpuset", "io", "cpuacct"};

#define ALL (sizeof(all) / sizeof(all[0]))

static void start(struct fixture *f, unsigned version)
{
    fixture_start(f);
    f->host->cpus_online = "0-3,6";
    f->policy->limits = ARENA_NEW(&f->arena, crib__limits, Crib__Limits);
    for (size_t i = 0; i < ALL; i++) {
        Crib__HostController *found =
            add_controller(f, all[i], version,
                           version == 2 ? "/cg" : arena_printf(&f->arena, "/cg/%s/own", all[i]));

        if (strcmp(all[i], "io") == 0)
            found->file = version == 2 ? "io.weight" : "blkio.bfq.weight";
        if (strcmp(all[i], "cpuset") == 0 && version == 1)
            found->mems = "0-1";
    }
}

/* Every setting in order: `DIR FILE=VALUE (limit)`. */
static const char *settings(struct fixture *f)
{
    const Crib__CgroupPlan *cgroup = f->plan->cgroup;
    char *text = arena_text(&f->arena, "");

    for (size_t i = 0; cgroup && i < cgroup->n_groups; i++)
        for (size_t k = 0; k < cgroup->groups[i]->n_settings; k++) {
            const Crib__CgroupPlan__Setting *s = cgroup->groups[i]->settings[k];

            text = arena_printf(&f->arena, "%s%s %s=%s (%s)\n", text,
                                (char *)cgroup->groups[i]->dir.data, s->file, s->value, s->limit);
        }
    return text;
}

static void ask_for_everything(struct fixture *f)
{
    Crib__Limits *limits = f->policy->limits;

    limits->has_memory = limits->has_swap = limits->has_pids = limits->has_cpus = true;
    limits->has_io_weight = limits->has_cpu_time = true;
    limits->memory = 64 << 20;
    limits->swap = 1 << 20;
    limits->pids = 10;
    limits->cpus = 1500;
    limits->cpuset = "0-1";
    limits->io_weight = 500;
    limits->cpu_time = 1500;
}

static void test_version_two_has_one_group(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 2);
    ask_for_everything(&f);
    must_build(&f);
    assert_string_equal(settings(&f), "/cg memory.max=67108864 (memory)\n"
                                      "/cg memory.swap.max=1048576 (swap)\n"
                                      "/cg memory.oom.group=1 (memory)\n"
                                      "/cg pids.max=12 (pids)\n"
                                      "/cg cpu.max=150000 100000 (cpus)\n"
                                      "/cg cpuset.cpus=0-1 (cpuset)\n"
                                      "/cg io.weight=500 (io_weight)\n");
    assert_int_equal(f.plan->cgroup->n_groups, 1);
    assert_int_equal(f.plan->cgroup->cpu_time, 1500);
    assert_true(f.plan->cgroup->pids);
    assert_int_equal(f.plan->cgroup->own_pids, 2);
    assert_string_equal(receipt_of(&f, "limits.memory"),
                        "67108864 -> 67108864 bytes, whole task, cgroup v2");
    assert_string_equal(receipt_of(&f, "limits.cpus"), "1.500 -> 1.500, whole task, cgroup v2");
    fixture_done(&f);
}

static void test_version_one_has_a_group_in_each_hierarchy(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 1);
    ask_for_everything(&f);
    must_build(&f);
    assert_string_equal(settings(&f), "/cg/memory/own memory.limit_in_bytes=67108864 (memory)\n"
                                      "/cg/memory/own memory.memsw.limit_in_bytes=68157440 (swap)\n"
                                      "/cg/pids/own pids.max=12 (pids)\n"
                                      "/cg/cpu/own cpu.cfs_period_us=100000 (cpus)\n"
                                      "/cg/cpu/own cpu.cfs_quota_us=150000 (cpus)\n"
                                      "/cg/cpuset/own cpuset.mems=0-1 (cpuset)\n"
                                      "/cg/cpuset/own cpuset.cpus=0-1 (cpuset)\n"
                                      "/cg/io/own blkio.bfq.weight=500 (io_weight)\n");
    assert_int_equal(f.plan->cgroup->n_groups, 6);
    fixture_done(&f);
}

/* The kernel would round as well, and say nothing. */
static void test_parts_of_pages_are_none(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 2);
    f.policy->limits->has_memory = f.policy->limits->has_swap = true;
    f.policy->limits->memory = (64 << 20) + 1;
    f.policy->limits->swap = 1;
    must_build(&f);
    assert_string_equal(settings(&f), "/cg memory.max=67108864 (memory)\n"
                                      "/cg memory.swap.max=0 (swap)\n"
                                      "/cg memory.oom.group=1 (memory)\n");
    assert_string_equal(receipt_of(&f, "limits.memory"),
                        "67108865 -> 67108864 bytes, whole task, cgroup v2");
    assert_string_equal(receipt_of(&f, "limits.swap"), "1 -> 0 bytes, whole task, cgroup v2");
    fixture_done(&f);
}

static void test_memory_without_a_word_of_swap_has_none(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 1);
    f.policy->limits->has_memory = true;
    f.policy->limits->memory = 4 << 20;
    must_build(&f);
    test_contains(settings(&f), "memory.memsw.limit_in_bytes=4194304");
    fixture_done(&f);
}

static void test_no_limit_makes_no_group(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 2);
    f.policy->limits->has_wall_time = f.policy->limits->has_open_files = true;
    f.policy->limits->wall_time = 1000;
    f.policy->limits->open_files = 100;
    must_build(&f);
    assert_null(f.plan->cgroup);
    assert_false(plan_wants_controllers(f.policy));
    fixture_done(&f);
}

/* A group for the figures, and no wall. */
static void test_unlimited_is_counted_and_not_limited(void **state)
{
    struct fixture f;

    (void)state;
    for (unsigned version = 1; version <= 2; version++) {
        start(&f, version);
        f.policy->limits->has_memory = f.policy->limits->has_pids = true;
        f.policy->limits->memory = f.policy->limits->pids = UINT64_MAX;
        must_build(&f);
        test_contains(settings(&f), version == 2 ? "memory.max=max" : "limit_in_bytes=-1");
        test_contains(settings(&f), "pids.max=max");
        assert_false(f.plan->cgroup->pids || f.plan->cgroup->memory);
        assert_string_equal(receipt_of(&f, "limits.pids"),
                            version == 2 ? "unlimited -> unlimited, whole task, cgroup v2"
                                         : "unlimited -> unlimited, whole task, cgroup v1");
        fixture_done(&f);
    }
}

static void test_quotas_are_exact(void **state)
{
    static const struct {
        uint64_t cpus;
        const char *text;
    } rows[] = {
        {1, "cpu.max=1000 1000000"},       {9, "cpu.max=9000 1000000"},
        {10, "cpu.max=1000 100000"},       {1000, "cpu.max=100000 100000"},
        {64000, "cpu.max=6400000 100000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;

        start(&f, 2);
        f.policy->limits->has_cpus = true;
        f.policy->limits->cpus = rows[i].cpus;
        must_build(&f);
        test_contains(settings(&f), rows[i].text);
        fixture_done(&f);
    }
}

static void test_what_cannot_be_meant_is_refused(void **state)
{
    static const struct {
        const char *field;
        uint64_t value;
        const char *sentence;
    } rows[] = {
        {"memory", 0,
         "limits memory: 0 bytes is too little: no program could be started in less than 2M"},
        {"memory", 65536,
         "limits memory: 65536 bytes is too little: no program could be started in less than 2M"},
        {"pids", 0, "limits pids: 0 is too little: the program is a process"},
        {"pids", 4194303,
         "limits pids: 4194303 is more than a kernel has (4194302); write `unlimited`"},
        {"cpus", 0, "limits cpus: 0.000 would stand still"},
        {"cpus", UINT64_MAX - 1, "limits cpus: 18446744073709551.614 is more than any host has"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const ProtobufCFieldDescriptor *field;
        struct fixture f;

        start(&f, 2);
        field = protobuf_c_message_descriptor_get_field_by_name(&crib__limits__descriptor,
                                                                rows[i].field);
        *(protobuf_c_boolean *)((char *)f.policy->limits + field->quantifier_offset) = true;
        *(uint64_t *)((char *)f.policy->limits + field->offset) = rows[i].value;
        must_refuse(&f, -EINVAL, rows[i].sentence);
        fixture_done(&f);
    }
}

static void test_a_cpuset_must_be_there(void **state)
{
    struct fixture f;

    (void)state;
    start(&f, 2);
    f.policy->limits->cpuset = "3,5";
    must_refuse(&f, -EINVAL, "limits cpuset: processor 5 is not there: this host has 0-3,6");
    f.policy->limits->cpuset = "3,6";
    must_build(&f);
    test_contains(settings(&f), "cpuset.cpus=3,6");
    fixture_done(&f);
}

/* Of every limit that cgroups hold: refused with the reason, or told of when it is preferred. */
static void test_without_a_controller(void **state)
{
    static const char *const names[] = {"memory",    "swap",     "pids",  "cpus",
                                        "io_weight", "cpu_time", "cpuset"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field_by_name(&crib__limits__descriptor, names[i]);
        char sentence[256], mechanism[64];
        Crib__Limits limits;
        struct fixture f;

        start(&f, 2);
        ask_for_everything(&f);
        limits = *f.policy->limits;
        crib__limits__init(f.policy->limits);
        if (field->type == PROTOBUF_C_TYPE_STRING)
            f.policy->limits->cpuset = limits.cpuset;
        else
            memcpy((char *)f.policy->limits + field->offset, (char *)&limits + field->offset,
                   field->type == PROTOBUF_C_TYPE_UINT64 ? 8 : 4);
        if (field->type != PROTOBUF_C_TYPE_STRING)
            *(protobuf_c_boolean *)((char *)f.policy->limits + field->quantifier_offset) = true;
        for (size_t k = 0; k < f.host->n_controllers; k++) {
            f.host->controllers[k]->has_dir = false;
            f.host->controllers[k]->why = "it is raining";
        }
        snprintf(sentence, sizeof(sentence),
                 "limits %s: no cgroup can hold it: it is raining; or name it in limits.preferred",
                 names[i]);
        must_refuse(&f, -EOPNOTSUPP, sentence);
        push_text(&f, &f.policy->limits->preferred, &f.policy->limits->n_preferred, names[i]);
        must_build(&f);
        assert_null(f.plan->cgroup);
        snprintf(mechanism, sizeof(mechanism), "limits.%s", names[i]);
        test_contains(receipt_of(&f, mechanism), "-> not available: it is raining");
        fixture_done(&f);
    }
}

static void test_what_stands_in_for_a_controller(void **state)
{
    static const char *const wishes[] = {"memory", "pids", "cpus", "swap", "io_weight", "cpu_time"};
    struct fixture f;

    (void)state;
    start(&f, 2);
    f.host->n_controllers = 0;
    ask_for_everything(&f);
    f.policy->limits->cpuset = NULL;
    for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++)
        push_text(&f, &f.policy->limits->preferred, &f.policy->limits->n_preferred, wishes[i]);
    must_build(&f);
    assert_int_equal(f.plan->life->sampled->memory, 64 << 20);
    assert_int_equal(f.plan->life->sampled->cpu_time, 1500);
    for (size_t i = 0; i < f.plan->n_limits; i++)
        if (f.plan->limits[i]->resource == RLIMIT_NPROC)
            assert_int_equal(f.plan->limits[i]->soft, 12);
    test_contains(receipt_of(&f, "limits.pids"), "RLIMIT_NPROC refuses more");
    f.task->has_detached = f.task->detached = true;
    must_build(&f);
    assert_null(f.plan->life->sampled);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_two_has_one_group),
        cmocka_unit_test(test_version_one_has_a_group_in_each_hierarchy),
        cmocka_unit_test(test_parts_of_pages_are_none),
        cmocka_unit_test(test_memory_without_a_word_of_swap_has_none),
        cmocka_unit_test(test_no_limit_makes_no_group),
        cmocka_unit_test(test_unlimited_is_counted_and_not_limited),
        cmocka_unit_test(test_quotas_are_exact),
        cmocka_unit_test(test_what_cannot_be_meant_is_refused),
        cmocka_unit_test(test_a_cpuset_must_be_there),
        cmocka_unit_test(test_without_a_controller),
        cmocka_unit_test(test_what_stands_in_for_a_controller),
    };

    return test_run(tests);
}
