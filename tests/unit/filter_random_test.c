/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random policies: what their entries say, read one by one here, against both programs, against
 * the answers that init gives, and against the running kernel for a part of them. A policy that
 * disagrees is printed with the seed that makes it: CRIB_RANDOM_SEED=SEED CRIB_RANDOM_ROUNDS=1.
 */
#include "plan_fixture.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plan/filter.h"

#define CALLS_TRIED 60  /* by the kernel */
#define CALLS_RUN   200 /* by the evaluator */
#define LIVE        8   /* one policy of so many is tried by the kernel */

static uint64_t seed;

static uint64_t next(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return seed >> 24 ^ seed << 40;
}

static uint64_t below(uint64_t n)
{
    return next() % n;
}

static uint64_t setting(const char *name, uint64_t usual)
{
    const char *asked = getenv(name);

    return asked ? strtoull(asked, NULL, 0) : usual;
}

/* Calls that do nothing to anybody whose fds are closed, whatever their arguments are, and never
 * say EPERM. */
static const struct {
    const char *name;
    const char *args[4];
} calls[] = {
    {"lseek", {"fd", "offset", "whence"}},
    {"fadvise64", {"fd", "offset", "len", "advice"}},
    {"fallocate", {"fd", "mode", "offset", "len"}},
    {"fchmod", {"fd", "mode"}},
    {"getpriority", {"which", "who"}},
    {"sched_getscheduler", {"pid"}},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* Errnos that none of these calls has a reason for. */
static const char *const codes[] = {"EPERM", "ENOTNAM", "EUCLEAN", "EOWNERDEAD", "ERFKILL"};
static const int numbers[] = {EPERM, ENOTNAM, EUCLEAN, EOWNERDEAD, ERFKILL};

#define CODES (sizeof(codes) / sizeof(codes[0]))

static uint64_t random_value(unsigned bits)
{
    static const uint64_t some[] = {0,          1,           2,          3,           5,
                                    0x7fffffff, 0xffffffff,  0x80000000, 0x100000005, 0x200000005,
                                    0xff,       0x100000000, 0xfffffffe, UINT64_MAX,  1ull << 63};
    uint64_t value = below(3) ? some[below(sizeof(some) / sizeof(some[0]))] + below(3) - 1
                              : (uint64_t)1 << below(64);

    if (below(8) == 0)
        value = next();
    return bits == 64 ? value : value & ((1ull << bits) - 1);
}

static const struct call_arg *argument(const char *call, const char *name, unsigned *ret_index)
{
    const struct call *known = call_by_name(call);

    for (unsigned i = 0; i < known->count; i++)
        if (strcmp(known->args[i].name, name) == 0) {
            *ret_index = i;
            return &known->args[i];
        }
    fail_msg("%s has no %s", call, name);
    return NULL;
}

static void add(char *text, const char *format, uint64_t value)
{
    size_t used = strlen(text);

    snprintf(text + used, 512 - used, format, (unsigned long)value);
}

static void add_values(char *text, unsigned bits)
{
    add(text, " in {%lu", random_value(bits));
    for (uint64_t n = 1 + below(4); n > 0; n--)
        add(text, ", %lu", random_value(bits));
    strcat(text, "}");
}

static void add_condition(char *text, const char *call, const char *name)
{
    static const char *const signs[] = {"==", "!=", "<", "<=", ">", ">="};
    unsigned index, bits = argument(call, name, &index)->bits;
    uint64_t mask;

    if (below(8)) {
        strcat(text, name);
    } else {
        add(text, "arg%lu", index);
        add(text, "/%lu", bits);
    }
    switch (below(8)) {
    case 0:
        mask = random_value(bits) | 1;
        add(text, " & %#lx", mask);
        add(text, below(2) ? " == %#lx" : " != %#lx", random_value(bits) & mask);
        return;
    case 1:
        add_values(text, bits);
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

/* Entry by entry, in their order. */
struct lists {
    struct rule rules[FILTER_LISTS][16];
    size_t count[FILTER_LISTS];
    int otherwise;
};

/* An entry that is accepted, in the fixture's arena. */
static void add_entry(struct fixture *f, struct lists *lists, enum filter_list_name name,
                      char ***texts, size_t *count)
{
    char text[512];
    struct rule *rule = &lists->rules[name][lists->count[name]++];

    do {
        size_t call = below(CALLS), conditions = below(4), known = 0;

        while (known < 4 && calls[call].args[known])
            known++;
        snprintf(text, sizeof(text), "%s", calls[call].name);
        for (size_t i = 0; i < conditions; i++) {
            strcat(text, i ? (below(2) ? " && " : ", ") : "(");
            add_condition(text, calls[call].name, calls[call].args[below(known)]);
        }
        if (conditions)
            strcat(text, ")");
        if (name == FILTER_DENY && below(2)) {
            strcat(text, " -> ");
            strcat(text, codes[below(CODES)]);
        }
    } while (rule_parse(text, &f->arena, rule, NULL) < 0);
    push_text(f, texts, count, arena_text(&f->arena, text));
}

static void random_policy(struct fixture *f, struct lists *lists)
{
    static const char *const always[] = {"munmap", "rt_sigreturn"};
    Crib__Syscalls *s;

    fixture_start(f);
    memset(lists->count, 0, sizeof(lists->count));
    s = f->policy->syscalls;
    lists->otherwise = EPERM;
    if (below(2)) {
        uint64_t code = below(CODES);

        s->otherwise = (char *)codes[code];
        lists->otherwise = numbers[code];
    }
    for (size_t i = 0; i < 2; i++)
        push_text(f, &s->allow, &s->n_allow, always[i]);
    for (uint64_t n = below(6); n > 0; n--)
        add_entry(f, lists, FILTER_ALLOW, &s->allow, &s->n_allow);
    for (uint64_t n = below(5); n > 0; n--)
        add_entry(f, lists, FILTER_DENY, &s->deny, &s->n_deny);
    for (uint64_t n = below(2) * below(2); n > 0; n--)
        add_entry(f, lists, FILTER_KILL, &s->kill, &s->n_kill);
    for (uint64_t n = below(3); n > 0; n--)
        add_entry(f, lists, FILTER_LOG, &s->log, &s->n_log);
}

/* Return: the last rule of a list that fits; NULL. */
static const struct rule *fitting(const struct lists *lists, enum filter_list_name name,
                                  const struct seccomp_data *call)
{
    const struct rule *last = NULL;
    uint64_t args[6];

    for (int i = 0; i < 6; i++)
        args[i] = call->args[i];
    for (size_t i = 0; i < lists->count[name]; i++)
        if (lists->rules[name][i].call->number == call->nr &&
            rule_fits(&lists->rules[name][i], args))
            last = &lists->rules[name][i];
    return last;
}

enum says { LETS, LETS_LOGGED, KILLS, REFUSES };

static enum says policy_says(const struct lists *lists, const struct seccomp_data *call,
                             int *ret_code)
{
    const struct rule *denied = fitting(lists, FILTER_DENY, call);

    *ret_code = denied && denied->code ? denied->code : EPERM;
    if (denied)
        return REFUSES;
    if (fitting(lists, FILTER_KILL, call))
        return KILLS;
    if (fitting(lists, FILTER_LOG, call))
        return LETS_LOGGED;
    *ret_code = lists->otherwise;
    return fitting(lists, FILTER_ALLOW, call) ? LETS : REFUSES;
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

static void print_list(const char *name, char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_error("%s %s\n", name, texts[i]);
}

static uint64_t policy_seed; /* of the policy that is being tried */

static void print_policy(const Crib__Syscalls *s)
{
    print_error("CRIB_RANDOM_SEED=%#lx:\n", (unsigned long)policy_seed);
    print_list("deny", s->deny, s->n_deny);
    print_list("kill", s->kill, s->n_kill);
    print_list("log", s->log, s->n_log);
    print_list("allow", s->allow, s->n_allow);
}

static void disagree(struct fixture *f, const struct seccomp_data *call, const char *what, long got)
{
    print_policy(f->policy->syscalls);
    fail_msg("%s says %#lx to call %d (%#lx, %#lx, %#lx, %#lx)", what, (unsigned long)got, call->nr,
             (unsigned long)call->args[0], (unsigned long)call->args[1],
             (unsigned long)call->args[2], (unsigned long)call->args[3]);
}

static void check_call(struct fixture *f, const struct lists *lists,
                       const struct seccomp_data *call)
{
    const Crib__SyscallsPlan *plan = f->plan->syscalls;
    int code, told;
    enum says says = policy_says(lists, call, &code);
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

/* Half of them near a value of a rule of the call. */
static struct seccomp_data random_call(const struct lists *lists)
{
    struct seccomp_data call = {.arch = AUDIT_ARCH_X86_64};

    call.nr = call_by_name(calls[below(CALLS)].name)->number;
    for (int i = 0; i < 4; i++)
        call.args[i] = random_value(64);
    for (int name = 0; name < FILTER_LISTS; name++)
        for (size_t i = 0; i < lists->count[name]; i++) {
            const struct rule *rule = &lists->rules[name][i];

            if (rule->call->number != call.nr || below(2))
                continue;
            for (size_t c = 0; c < rule->count; c++)
                call.args[rule->conditions[c].arg] = rule->conditions[c].value + below(3) - 1;
        }
    if (below(3) == 0)
        call.args[below(4)] ^= (uint64_t)1 << below(64);
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

    close_range(0, ~0u, 0);
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

/* Whether only a filter gives this answer. */
static bool is_ours(int code)
{
    for (size_t i = 0; i < CODES; i++)
        if (numbers[i] == code)
            return true;
    return false;
}

static void check_live(struct fixture *f, const struct lists *lists, struct trial *trial)
{
    const ProtobufCBinaryData *program = &f->plan->syscalls->fallback;
    int status, killed = CALLS_TRIED;
    pid_t pid;

    trial->loaded = trial->reached = 0;
    for (int i = 0; i < CALLS_TRIED; i++)
        trial->call[i] = random_call(lists);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_tried(trial, program);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(trial->loaded);
    for (int i = 0; i < CALLS_TRIED && killed == CALLS_TRIED; i++) {
        int code;
        enum says says = policy_says(lists, &trial->call[i], &code);

        if (says == KILLS)
            killed = i;
        else if (says == REFUSES ? trial->result[i] != code : is_ours(trial->result[i]))
            disagree(f, &trial->call[i], "the kernel", trial->result[i]);
    }
    assert_int_equal(trial->reached, killed);
    assert_true(killed < CALLS_TRIED ? WIFSIGNALED(status) : WIFEXITED(status));
}

/* Return: 1 it was tried; 0 it was refused, as too large. */
static int check_policy(bool live, struct trial *trial)
{
    static struct lists lists;
    struct fixture f;
    char text[700];
    int r;

    random_policy(&f, &lists);
    r = plan_build(f.task, f.host, &f.arena, &f.plan, &f.err);
    if (r == 0)
        r = plan_compile(f.plan, &f.arena, &f.err);
    if (r < 0 && r != -E2BIG) {
        print_policy(f.policy->syscalls);
        fail_msg("%s", crib_error_text(&f.err, text, sizeof(text)));
    }
    for (int i = 0; r == 0 && i < CALLS_RUN; i++) {
        struct seccomp_data call = random_call(&lists);

        check_call(&f, &lists, &call);
    }
    if (r == 0 && live)
        check_live(&f, &lists, trial);
    fixture_done(&f);
    return r == 0;
}

static void test_policy_program_init_and_kernel_agree(void **state)
{
    uint64_t usual = getenv("CRIB_TESTS_LONG") ? ROUNDS_LONG : ROUNDS;
    uint64_t rounds = setting("CRIB_RANDOM_ROUNDS", usual), tried = 0, live = 0;
    uint64_t first = setting("CRIB_RANDOM_SEED", 1);
    struct trial *trial =
        mmap(NULL, sizeof(*trial), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    (void)state;
    assert_true(trial != MAP_FAILED);
    for (uint64_t round = 0; round < rounds; round++) {
        policy_seed = seed = rounds == 1 ? first : (first << 32 | round) * 0x9e3779b97f4a7c15u;
        live += round % LIVE == 0;
        tried += (uint64_t)check_policy(round % LIVE == 0, trial);
    }
    munmap(trial, sizeof(*trial));
    print_message("%lu policies, %lu of them on the kernel; %lu more were too large\n",
                  (unsigned long)tried, (unsigned long)live, (unsigned long)(rounds - tried));
    assert_true(rounds - tried <= rounds / 10 + 1);
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
