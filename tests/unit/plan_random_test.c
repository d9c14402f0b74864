/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies: what their entries say, read one by one here, against both programs, against
 * the answers that init gives, and against the running kernel for a part of them.
 * CRIB_RANDOM_ROUNDS=100000 makes it long, CRIB_RANDOM_SEED another one.
 */
#include "plan_fixture.h"

#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan/filter.h"

#define CALLS_TRIED 60

static uint64_t seed = 1;

static uint64_t next(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 24 ^ seed << 40;
}

static uint64_t below(uint64_t n)
{
    return next() % n;
}

static long setting(const char *name, long usual)
{
    const char *asked = getenv(name);

    return asked ? atol(asked) : usual;
}

/* Calls that do nothing to anybody, whatever their arguments are, and never say EPERM. */
static const struct {
    const char *name;
    const char *args[4];
} calls[] = {
    {"lseek", {"fd", "offset", "whence"}},
    {"fadvise64", {"fd", "offset", "len", "advice"}},
    {"getpriority", {"which", "who"}},
    {"sched_getscheduler", {"pid"}},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static uint64_t random_value(unsigned bits)
{
    static const uint64_t some[] = {0,          1,           2,          3,           5,
                                    0x7fffffff, 0xffffffff,  0x80000000, 0x100000005, 0x200000005,
                                    0xff,       0x100000000, 0xfffffffe, UINT64_MAX,  1ull << 63};
    uint64_t value = below(3) ? some[below(sizeof(some) / sizeof(some[0]))] + below(3) - 1
                              : (uint64_t)1 << below(64);

    if (below(8) == 0)
        value = next();
    return bits == 64 ? value : value & UINT32_MAX;
}

static unsigned bits_of(const char *call, const char *name)
{
    const struct call *known = call_by_name(call);

    for (unsigned i = 0; i < known->count; i++)
        if (strcmp(known->args[i].name, name) == 0)
            return known->args[i].bits;
    fail_msg("%s has no %s", call, name);
    return 0;
}

static void add(char *text, const char *format, uint64_t value)
{
    size_t used = strlen(text);

    snprintf(text + used, 512 - used, format, (unsigned long)value);
}

static void add_condition(char *text, const char *call, const char *name)
{
    static const char *const signs[] = {"==", "!=", "<", "<=", ">", ">="};
    unsigned bits = bits_of(call, name);
    uint64_t mask;

    strcat(text, name);
    switch (below(8)) {
    case 0:
        mask = random_value(bits) | 1;
        add(text, " & %#lx", mask);
        add(text, below(2) ? " == %#lx" : " != %#lx", random_value(bits) & mask);
        return;
    case 1:
        add(text, " in {%lu", random_value(bits));
        add(text, ", %lu", random_value(bits));
        add(text, ", %lu}", random_value(bits));
        return;
    case 2:
        add(text, " within %#lx", random_value(bits));
        return;
    default:
        strcat(text, " ");
        strcat(text, signs[below(6)]);
        add(text, " %lu", random_value(bits));
    }
}

/* An entry that is accepted, in the fixture's arena. */
static char *random_entry(struct fixture *f)
{
    static char text[512];
    struct rule rule;

    do {
        size_t call = below(CALLS), count = below(4), known = 0;

        while (known < 4 && calls[call].args[known])
            known++;
        snprintf(text, sizeof(text), "%s", calls[call].name);
        for (size_t i = 0; i < count; i++) {
            strcat(text, i ? " && " : "(");
            add_condition(text, calls[call].name, calls[call].args[below(known)]);
        }
        if (count)
            strcat(text, ")");
    } while (rule_parse(text, &f->arena, &rule, NULL) < 0);
    return arena_text(&f->arena, text);
}

static void random_policy(struct fixture *f)
{
    static const char *const codes[] = {"", "", " -> EPERM", " -> ENOTNAM", " -> EUCLEAN"};
    static const char *const always[] = {"munmap", "rt_sigreturn"};
    Crib__Syscalls *s;

    fixture_start(f);
    s = f->policy->syscalls;
    if (below(2))
        s->otherwise = (char *)"EOWNERDEAD";
    for (size_t i = 0; i < 2; i++)
        push_text(f, &s->allow, &s->n_allow, always[i]);
    for (uint64_t n = below(6); n > 0; n--)
        push_text(f, &s->allow, &s->n_allow, random_entry(f));
    for (uint64_t n = below(5); n > 0; n--)
        push_text(f, &s->deny, &s->n_deny,
                  arena_printf(&f->arena, "%s%s", random_entry(f), codes[below(5)]));
    for (uint64_t n = below(2) * below(2); n > 0; n--)
        push_text(f, &s->kill, &s->n_kill, random_entry(f));
    for (uint64_t n = below(3); n > 0; n--)
        push_text(f, &s->log, &s->n_log, random_entry(f));
}

/* What a list of the policy says, entry by entry. Return: the errno of the last that fits; -1. */
static int fitting(struct fixture *f, char *const *entries, size_t count,
                   const struct seccomp_data *call)
{
    uint64_t args[6];
    int code = -1;

    for (int i = 0; i < 6; i++)
        args[i] = call->args[i];
    for (size_t i = 0; i < count; i++) {
        struct rule rule;

        assert_int_equal(rule_parse(entries[i], &f->arena, &rule, NULL), 0);
        if (rule.call->number == call->nr && rule_fits(&rule, args))
            code = rule.code ? rule.code : EPERM;
    }
    return code;
}

enum says { LETS, LETS_LOGGED, KILLS, REFUSES };

static enum says policy_says(struct fixture *f, const struct seccomp_data *call, int *ret_code)
{
    const Crib__Syscalls *s = f->policy->syscalls;

    *ret_code = fitting(f, s->deny, s->n_deny, call);
    if (*ret_code > 0)
        return REFUSES;
    if (fitting(f, s->kill, s->n_kill, call) > 0)
        return KILLS;
    if (fitting(f, s->log, s->n_log, call) > 0)
        return LETS_LOGGED;
    *ret_code = s->otherwise ? EOWNERDEAD : EPERM;
    return fitting(f, s->allow, s->n_allow, call) > 0 ? LETS : REFUSES;
}

static bool answer_fits(const Crib__SyscallsPlan__Answer *answer, const struct seccomp_data *call)
{
    if (answer->number != (uint32_t)call->nr)
        return false;
    for (size_t i = 0; i < answer->n_matches; i++) {
        const Crib__SyscallsPlan__Match *match = answer->matches[i];

        if (((call->args[match->arg] & match->mask) == match->value) == match->differs)
            return false;
    }
    return true;
}

/* As init answers. */
static enum says init_says(const Crib__SyscallsPlan *plan, const struct seccomp_data *call,
                           int *ret_code)
{
    for (size_t i = 0; i < plan->n_answers; i++) {
        if (!answer_fits(plan->answers[i], call))
            continue;
        *ret_code = (int)plan->answers[i]->code;
        if (plan->answers[i]->action == CRIB__SYSCALLS_PLAN__ANSWER__ACTION__kill)
            return KILLS;
        return plan->answers[i]->action == CRIB__SYSCALLS_PLAN__ANSWER__ACTION__proceed
                   ? LETS_LOGGED
                   : REFUSES;
    }
    *ret_code = (int)plan->otherwise;
    return REFUSES;
}

static uint32_t run(const ProtobufCBinaryData *program, const struct seccomp_data *call)
{
    struct filter_code code = {(struct sock_filter *)program->data,
                               program->len / sizeof(struct sock_filter)};
    uint32_t answer;

    assert_int_equal(filter_run(&code, call, &answer), 0);
    return answer;
}

static void print_policy(const Crib__Syscalls *s)
{
    for (size_t i = 0; i < s->n_deny; i++)
        print_error("deny %s\n", s->deny[i]);
    for (size_t i = 0; i < s->n_kill; i++)
        print_error("kill %s\n", s->kill[i]);
    for (size_t i = 0; i < s->n_log; i++)
        print_error("log %s\n", s->log[i]);
    for (size_t i = 0; i < s->n_allow; i++)
        print_error("allow %s\n", s->allow[i]);
}

static void disagree(struct fixture *f, const struct seccomp_data *call, const char *what, long got)
{
    print_policy(f->policy->syscalls);
    fail_msg("%s says %#lx to call %d (%#lx, %#lx, %#lx, %#lx)", what, (unsigned long)got, call->nr,
             (unsigned long)call->args[0], (unsigned long)call->args[1],
             (unsigned long)call->args[2], (unsigned long)call->args[3]);
}

static void check_call(struct fixture *f, const struct seccomp_data *call)
{
    const Crib__SyscallsPlan *plan = f->plan->syscalls;
    int code, told;
    enum says says = policy_says(f, call, &code);
    const uint32_t fallback[] = {SECCOMP_RET_ALLOW, SECCOMP_RET_ALLOW, SECCOMP_RET_KILL_PROCESS,
                                 SECCOMP_RET_ERRNO | (uint32_t)code};
    uint32_t answer = run(&plan->fallback, call);

    if (answer != fallback[says])
        disagree(f, call, "the fallback", answer);
    answer = run(&plan->program, call);
    if (answer != (says == LETS ? SECCOMP_RET_ALLOW : SECCOMP_RET_USER_NOTIF))
        disagree(f, call, "the program", answer);
    if (says != LETS && (init_says(plan, call, &told) != says || (says == REFUSES && told != code)))
        disagree(f, call, "init", told);
}

static struct seccomp_data random_call(const Crib__Syscalls *s)
{
    struct seccomp_data call = {.arch = AUDIT_ARCH_X86_64};

    (void)s;
    call.nr = call_by_name(calls[below(CALLS)].name)->number;
    for (int i = 0; i < 4; i++) {
        call.args[i] = random_value(64);
        if (below(4) == 0)
            call.args[i] ^= (uint64_t)1 << below(64);
    }
    return call;
}

/* What the child tries, and what came of it; shared with it. */
struct trial {
    struct seccomp_data call[CALLS_TRIED];
    int result[CALLS_TRIED]; /* errno; 0 */
    int loaded, reached;
};

static void be_tried(struct trial *trial, const ProtobufCBinaryData *program)
{
    struct sock_fprog prog = {.len = (unsigned short)(program->len / sizeof(struct sock_filter)),
                              .filter = (struct sock_filter *)program->data};

    for (int fd = 0; fd < 3; fd++)
        close(fd);
    trial->loaded = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0;
    for (int i = 0; trial->loaded && i < CALLS_TRIED; i++) {
        const struct seccomp_data *call = &trial->call[i];

        errno = 0;
        trial->result[i] =
            syscall(call->nr, call->args[0], call->args[1], call->args[2], call->args[3], 0, 0) < 0
                ? errno
                : 0;
        trial->reached = i + 1;
    }
    syscall(SYS_exit_group, 0);
}

static void check_live(struct fixture *f, struct trial *trial)
{
    const ProtobufCBinaryData *program = &f->plan->syscalls->fallback;
    int status, killed = CALLS_TRIED;
    pid_t pid;

    trial->loaded = trial->reached = 0;
    for (int i = 0; i < CALLS_TRIED; i++)
        trial->call[i] = random_call(f->policy->syscalls);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_tried(trial, program);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(trial->loaded);
    for (int i = 0; i < CALLS_TRIED && killed == CALLS_TRIED; i++) {
        int code;
        enum says says = policy_says(f, &trial->call[i], &code);

        if (says == KILLS)
            killed = i;
        else if (says == REFUSES
                     ? trial->result[i] != code
                     : trial->result[i] == EPERM || trial->result[i] == ENOTNAM ||
                           trial->result[i] == EUCLEAN || trial->result[i] == EOWNERDEAD)
            disagree(f, &trial->call[i], "the kernel", trial->result[i]);
    }
    assert_int_equal(trial->reached, killed);
    assert_true(killed < CALLS_TRIED ? WIFSIGNALED(status) : WIFEXITED(status));
}

static void test_policy_program_init_and_kernel_agree(void **state)
{
    long rounds = setting("CRIB_RANDOM_ROUNDS", 200), refused = 0;
    struct trial *trial =
        mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char text[700];

    (void)state;
    assert_true(trial != MAP_FAILED);
    seed = (uint64_t)setting("CRIB_RANDOM_SEED", 1);
    for (long round = 0; round < rounds; round++) {
        struct fixture f;
        int r;

        random_policy(&f);
        must_build(&f);
        r = plan_compile(f.plan, &f.arena, &f.err);
        refused += r == -E2BIG;
        if (r < 0 && r != -E2BIG) {
            print_policy(f.policy->syscalls);
            fail_msg("%s", crib_error_text(&f.err, text, sizeof(text)));
        }
        for (int i = 0; r == 0 && i < 300; i++) {
            struct seccomp_data call = random_call(f.policy->syscalls);

            check_call(&f, &call);
        }
        if (r == 0 && round % 8 == 0)
            check_live(&f, trial);
        fixture_done(&f);
    }
    munmap(trial, sizeof(*trial));
    assert_true(refused <= rounds / 10);
}

/* libseccomp, given both comparisons, lets 0x100000005 pass. */
static void test_two_ordered_comparisons_of_one_argument(void **state)
{
    static const uint64_t denied[] = {0,           4,           5,           0xffffffff,
                                      0x100000004, 0x100000005, 0x100000006, 0x200000004};
    static const uint64_t passed[] = {0x200000005, 0x200000006, 0x300000000, UINT64_MAX};
    struct trial *trial =
        mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct fixture f;
    int status;
    pid_t pid;

    (void)state;
    assert_true(trial != MAP_FAILED);
    fixture_start(&f);
    push_text(&f, &f.policy->syscalls->allow, &f.policy->syscalls->n_allow, "lseek");
    push_text(&f, &f.policy->syscalls->deny, &f.policy->syscalls->n_deny,
              "lseek(offset < 0x100000005)");
    push_text(&f, &f.policy->syscalls->deny, &f.policy->syscalls->n_deny,
              "lseek(offset < 0x200000005)");
    must_build(&f);
    assert_int_equal(plan_compile(f.plan, &f.arena, &f.err), 0);
    for (int i = 0; i < CALLS_TRIED; i++) {
        trial->call[i] = (struct seccomp_data){.nr = SYS_lseek, .args = {999, 0, SEEK_SET}};
        trial->call[i].args[1] = i < 8 ? denied[i] : passed[i % 4];
    }
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_tried(trial, &f.plan->syscalls->fallback);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(trial->reached, CALLS_TRIED);
    for (int i = 0; i < CALLS_TRIED; i++)
        assert_int_equal(trial->result[i], i < 8 ? EPERM : EBADF);
    munmap(trial, sizeof(*trial));
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_program_init_and_kernel_agree),
        cmocka_unit_test(test_two_ordered_comparisons_of_one_argument),
    };

    return test_run(tests);
}
