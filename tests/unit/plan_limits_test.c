/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

#include <errno.h>
#include <sys/resource.h>

static Crib__Limits *add_limits(struct fixture *f)
{
    f->policy->limits = ARENA_NEW(&f->arena, crib__limits, Crib__Limits);
    return f->policy->limits;
}

static void prefer(struct fixture *f, const char *name)
{
    push_text(f, &f->policy->limits->preferred, &f->policy->limits->n_preferred, name);
}

static const Crib__LimitPlan *limit_of(struct fixture *f, const char *name)
{
    for (size_t i = 0; i < f->plan->n_limits; i++)
        if (strcmp(f->plan->limits[i]->name, name) == 0)
            return f->plan->limits[i];
    return NULL;
}

static void must_hold(struct fixture *f, const char *name, int resource, uint64_t soft,
                      uint64_t hard)
{
    const Crib__LimitPlan *limit = limit_of(f, name);

    assert_non_null(limit);
    assert_int_equal(limit->resource, resource);
    assert_int_equal(limit->soft, soft);
    assert_int_equal(limit->hard, hard);
}

static void test_each_limit_has_its_resource(void **state)
{
    struct fixture f;
    Crib__Limits *limits;

    (void)state;
    fixture_start(&f);
    limits = add_limits(&f);
    limits->has_file_size = limits->has_open_files = limits->has_stack = true;
    limits->has_address_space = limits->has_locked_memory = true;
    limits->file_size = 0;
    limits->open_files = 64;
    limits->stack = 8388608;
    limits->address_space = UINT64_MAX;
    limits->locked_memory = 65536;
    must_build(&f);
    must_hold(&f, "file_size", RLIMIT_FSIZE, 0, 0);
    must_hold(&f, "open_files", RLIMIT_NOFILE, 64, 64);
    must_hold(&f, "stack", RLIMIT_STACK, 8388608, 8388608);
    must_hold(&f, "address_space", RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY);
    must_hold(&f, "locked_memory", RLIMIT_MEMLOCK, 65536, 65536);
    assert_string_equal(receipt_of(&f, "limits.open_files"), "64 -> 64 each process");
    fixture_done(&f);
}

/* Behind the clock of the whole task, which is exact. */
static void test_cpu_time_of_each_process_comes_a_second_later(void **state)
{
    static const uint64_t rows[][2] = {{1, 2}, {999, 2}, {1000, 2}, {1001, 3}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        Crib__Limits *limits;

        fixture_start(&f);
        add_controller(&f, "cpuacct", 2, "/sys/fs/cgroup");
        limits = add_limits(&f);
        limits->has_cpu_time = true;
        limits->cpu_time = rows[i][0];
        must_build(&f);
        must_hold(&f, "cpu_time", RLIMIT_CPU, rows[i][1], rows[i][1] + 1);
        assert_int_equal(f.plan->cgroup->cpu_time, rows[i][0]);
        limits->cpu_time = UINT64_MAX;
        must_build(&f);
        must_hold(&f, "cpu_time", RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY);
        fixture_done(&f);
    }
}

static void test_too_little_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *name;
        uint64_t value;
        const char *sentence;
    } rows[] = {
        {"cpu_time", 0, "limits cpu_time: 0 is too little: no program could be started in it"},
        {"open_files", 0, "limits open_files: 0 is too little: the task gets fd 2"},
        {"open_files", 2, "limits open_files: 2 is too little: the task gets fd 2"},
        {"open_files", 5,
         "limits open_files: 5 is too little: the task gets 3 fds, and its start takes 3 more"},
        {"stack", 131071,
         "limits stack: 131071 is too little: the kernel needs as much to start a program"},
        {"address_space", 1048575,
         "limits address_space: 1048575 is too little: no program could be started in less"},
        {"wall_time", 0,
         "limits wall_time: 0 would end every task before it starts: leave it out for no limit"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fixture f;
        const ProtobufCFieldDescriptor *field;
        char *limits;

        fixture_start(&f);
        limits = (char *)add_limits(&f);
        field = protobuf_c_message_descriptor_get_field_by_name(&crib__limits__descriptor,
                                                                rows[i].name);
        assert_non_null(field);
        *(protobuf_c_boolean *)(limits + field->quantifier_offset) = true;
        *(uint64_t *)(limits + field->offset) = rows[i].value;
        must_refuse(&f, -EINVAL, rows[i].sentence);
        fixture_done(&f);
    }
}

static void test_open_files_must_reach_the_highest_fd(void **state)
{
    struct fixture f;
    Crib__Limits *limits;

    (void)state;
    fixture_start(&f);
    limits = add_limits(&f);
    limits->has_open_files = true;
    limits->open_files = 200;
    add_stdio(&f, 200, CRIB__STDIO__KIND__pipe);
    must_refuse(&f, -EINVAL, "limits open_files: 200 is too little: the task gets fd 200");
    limits->open_files = 201;
    must_build(&f);
    fixture_done(&f);
}

static void test_over_the_callers_hard_limit(void **state)
{
    struct fixture f;
    Crib__Limits *limits;

    (void)state;
    fixture_start(&f);
    add_hard(&f, RLIMIT_NOFILE, 512);
    add_hard(&f, RLIMIT_CPU, 10);
    limits = add_limits(&f);
    limits->has_open_files = true;
    limits->open_files = 513;
    must_refuse(&f, -EOPNOTSUPP,
                "limits open_files: 513 is over the caller's own hard limit, 512: ask for less, "
                "raise the caller's, or name it in limits.preferred");
    limits->open_files = 512;
    must_build(&f);
    must_hold(&f, "open_files", RLIMIT_NOFILE, 512, 512);
    limits->open_files = 513;
    limits->has_cpu_time = true;
    limits->cpu_time = 10001;
    add_controller(&f, "cpuacct", 2, "/sys/fs/cgroup");
    prefer(&f, "open_files");
    prefer(&f, "cpu_time");
    must_build(&f);
    must_hold(&f, "open_files", RLIMIT_NOFILE, 512, 512);
    must_hold(&f, "cpu_time", RLIMIT_CPU, 9, 10);
    assert_string_equal(receipt_of(&f, "limits.open_files"),
                        "513 -> 512, the caller's own hard limit");
    limits->cpu_time = 10000;
    must_build(&f);
    must_hold(&f, "cpu_time", RLIMIT_CPU, 10, 10);
    fixture_done(&f);
}

static void test_preferred_names_must_be_limits(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    add_limits(&f);
    prefer(&f, "memory");
    prefer(&f, "memroy");
    must_refuse(&f, -EINVAL, "limits.preferred[1] memroy: no limit has this name");
    fixture_done(&f);
}

static void test_core_dumps(void **state)
{
    struct fixture f;

    (void)state;
    fixture_start(&f);
    must_build(&f);
    must_hold(&f, "core", RLIMIT_CORE, 1, 1);
    assert_string_equal(receipt_of(&f, "limits.core"), "no -> none");
    add_hard(&f, RLIMIT_CORE, 4096);
    must_build(&f);
    must_hold(&f, "core", RLIMIT_CORE, 1, 1);
    add_limits(&f)->has_core = true;
    f.policy->limits->core = true;
    must_build(&f);
    must_hold(&f, "core", RLIMIT_CORE, 4096, 4096);
    assert_string_equal(receipt_of(&f, "limits.core"), "yes -> up to the caller's own hard limit");
    f.host->limits[0]->hard = 0;
    f.policy->limits->core = false;
    must_build(&f);
    must_hold(&f, "core", RLIMIT_CORE, 0, 0);
    assert_string_equal(receipt_of(&f, "limits.core"),
                        "no -> 0, the caller's own hard limit; a core_pattern that is a pipe "
                        "still gets them");
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_limit_has_its_resource),
        cmocka_unit_test(test_cpu_time_of_each_process_comes_a_second_later),
        cmocka_unit_test(test_too_little_is_refused_with_the_reason),
        cmocka_unit_test(test_open_files_must_reach_the_highest_fd),
        cmocka_unit_test(test_over_the_callers_hard_limit),
        cmocka_unit_test(test_preferred_names_must_be_limits),
        cmocka_unit_test(test_core_dumps),
    };

    return test_run(tests);
}
