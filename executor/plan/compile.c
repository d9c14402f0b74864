/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: libseccomp gets equalities and masked equalities only, one for each rule,
 * since it compiles some ordered comparisons wrongly, and rules of one action only. What it makes
 * of a list is a section (filter.h); its answers are markers that no kernel knows, so that nothing
 * depends on what the running kernel can do. Programs are kept by the text of their rules.
 */
#include "plan/plan.h"

#include <errno.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "plan/filter.h"

#define KEPT 32 /* sets of programs */

/* Both programs of one set of rules. */
struct programs {
    struct filter_code listening, fallback;
};

static void release(scmp_filter_ctx *ctx)
{
    if (*ctx)
        seccomp_release(*ctx);
}

static int failed(struct crib_error *err, int code, const char *what)
{
    return fail_sys(err, code, "syscalls", -1, NULL, "libseccomp: %s", what);
}

#ifdef CRIB_SECCOMP_EXPORT_MEM
static int export_code(scmp_filter_ctx ctx, struct arena *arena, struct filter_code *ret)
{
    size_t size = 0;
    int r = seccomp_export_bpf_mem(ctx, NULL, &size);

    if (r < 0)
        return r;
    ret->code = arena_alloc(arena, size);
    ret->len = size / sizeof(*ret->code);
    return ret->code ? seccomp_export_bpf_mem(ctx, ret->code, &size) : -ENOMEM;
}
#else
/* Where executable memory files are forbidden, one has to be marked; older kernels know no mark. */
static int memory_file(void)
{
    int fd = memfd_create("crib-filter", MFD_CLOEXEC | 0x8u /* MFD_NOEXEC_SEAL */);

    return fd >= 0 ? fd : memfd_create("crib-filter", MFD_CLOEXEC);
}

static int export_code(scmp_filter_ctx ctx, struct arena *arena, struct filter_code *ret)
{
    AUTO_FD int fd = memory_file();
    AUTO_FREE char *data = NULL;
    size_t len;
    int r;

    if (fd < 0)
        return -errno;
    r = seccomp_export_bpf(ctx, fd);
    if (r < 0)
        return r;
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    r = fd_read_file(fd, FILTER_MAX * sizeof(*ret->code), &data, &len);
    if (r < 0)
        return r == -EFBIG ? -E2BIG : r;
    ret->code = (struct sock_filter *)arena_copy(arena, data, len);
    ret->len = len / sizeof(*ret->code);
    return ret->code ? 0 : -ENOMEM;
}
#endif

static int add_rule(scmp_filter_ctx ctx, const struct rule *rule)
{
    struct scmp_arg_cmp condition = {
        .arg = rule->arg,
        .op = rule->mask == UINT64_MAX ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ,
        .datum_a = rule->mask == UINT64_MAX ? rule->value : rule->mask,
        .datum_b = rule->value,
    };
    int r =
        seccomp_rule_add_array(ctx, SECTION_HIT, rule->call->number, rule->conditional, &condition);

    return r == -EEXIST ? 0 : r;
}

/* Several lists of one action as a section. */
static int compile_section(const struct filter_list *const *lists, size_t count,
                           struct arena *arena, struct filter_code *ret, struct crib_error *err)
{
    AUTO(release) scmp_filter_ctx ctx = seccomp_init(SECTION_MISS);
    int r;

    if (!ctx)
        return failed(err, -ENOMEM, "a new filter");
    r = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SECTION_ARCH);
    if (r == 0) /* a binary tree; releases that have none do without */
        seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (size_t n = 0; r == 0 && n < count; n++)
        for (size_t i = 0; r == 0 && i < lists[n]->count; i++)
            r = add_rule(ctx, &lists[n]->rules[i]);
    if (r < 0)
        return failed(err, r, "a rule");
    r = export_code(ctx, arena, ret);
    return r < 0 ? failed(err, r, "the program") : 0;
}

/* Appends the section of some lists, unless they are empty: libseccomp takes no filter without
 * rules. */
static int add_section(struct filter_section *sections, size_t *count,
                       const struct filter_list *const *lists, size_t n, uint32_t hit,
                       struct arena *arena, struct crib_error *err)
{
    size_t rules = 0;
    int r;

    for (size_t i = 0; i < n; i++)
        rules += lists[i]->count;
    if (rules == 0)
        return 0;
    r = compile_section(lists, n, arena, &sections[*count].program, err);
    if (r == 0)
        sections[(*count)++].hit = hit;
    return r;
}

static int make_listening(const struct filter_rules *rules, const struct filter_section *allow,
                          size_t n_allow, struct arena *arena, struct filter_code *ret,
                          struct crib_error *err)
{
    const struct filter_list *lists[] = {&rules->list[FILTER_DENY], &rules->list[FILTER_KILL],
                                         &rules->list[FILTER_LOG]};
    struct filter_section sections[2];
    size_t count = 0;
    int r = add_section(sections, &count, lists, 3, SECCOMP_RET_USER_NOTIF, arena, err);

    if (r < 0)
        return r;
    if (n_allow)
        sections[count++] = *allow;
    r = filter_chain(rules, sections, count, SECCOMP_RET_USER_NOTIF, arena, ret, err);
    return r < 0 ? r : filter_prove(ret, rules, true, err);
}

static int make_fallback(const struct filter_rules *rules, const struct filter_section *allow,
                         size_t n_allow, struct arena *arena, struct filter_code *ret,
                         struct crib_error *err)
{
    static const uint32_t hits[] = {SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_KILL_PROCESS,
                                    SECCOMP_RET_ALLOW};
    struct filter_section sections[FILTER_LISTS];
    size_t count = 0;
    int r = 0;

    for (int name = FILTER_DENY; r == 0 && name < FILTER_ALLOW; name++) {
        const struct filter_list *list = &rules->list[name];

        r = add_section(sections, &count, &list, 1, hits[name], arena, err);
    }
    if (r < 0)
        return r;
    if (n_allow)
        sections[count++] = *allow;
    r = filter_chain(rules, sections, count, SECCOMP_RET_ERRNO | EPERM, arena, ret, err);
    return r < 0 ? r : filter_prove(ret, rules, false, err);
}

/* The allow section is the large one, and the same in both. */
static int make_programs(const Crib__SyscallsPlan *plan, struct arena *arena, struct programs *ret,
                         struct crib_error *err)
{
    struct filter_section allow;
    struct filter_rules rules;
    const struct filter_list *list = &rules.list[FILTER_ALLOW];
    size_t n_allow = 0;
    int r = filter_read(plan, arena, &rules, err);

    if (r == 0)
        r = add_section(&allow, &n_allow, &list, 1, SECCOMP_RET_ALLOW, arena, err);
    if (r == 0)
        r = make_listening(&rules, &allow, n_allow, arena, &ret->listening, err);
    if (r == 0)
        r = make_fallback(&rules, &allow, n_allow, arena, &ret->fallback, err);
    return r;
}

/* What was made, newest first; kept until the process ends. */
static struct kept {
    char *key;
    struct arena arena;
    struct programs programs;
} kept[KEPT];
static unsigned next_kept;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int append_list(struct buf *key, char mark, char *const *texts, size_t count)
{
    int r = buf_append(key, &mark, 1);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = buf_printf(key, "%s\n", texts[i]);
    return r;
}

static int make_key(const Crib__SyscallsPlan *plan, struct buf *key)
{
    int r = append_list(key, 'd', plan->deny, plan->n_deny);

    if (r == 0)
        r = append_list(key, 'k', plan->kill, plan->n_kill);
    if (r == 0)
        r = append_list(key, 'l', plan->log, plan->n_log);
    if (r == 0)
        r = append_list(key, 'a', plan->allow, plan->n_allow);
    return r < 0 ? r : buf_append(key, "", 1);
}

/* Under the lock. */
static const struct programs *find(const char *key)
{
    for (unsigned i = 0; i < KEPT; i++)
        if (kept[i].key && strcmp(kept[i].key, key) == 0)
            return &kept[i].programs;
    return NULL;
}

/* Under the lock; @arena has the programs, and is taken. */
static const struct programs *keep(const char *key, const struct programs *programs,
                                   struct arena *arena)
{
    struct kept *slot = &kept[next_kept];
    char *copy = strdup(key);

    if (!copy)
        return NULL;
    next_kept = (next_kept + 1) % KEPT;
    free(slot->key);
    arena_done(&slot->arena);
    *slot = (struct kept){copy, *arena, *programs};
    *arena = (struct arena){0};
    return &slot->programs;
}

static const struct programs *find_or_make(const char *key, const Crib__SyscallsPlan *plan,
                                           struct crib_error *err, int *ret_code)
{
    AUTO(arena_done) struct arena arena;
    const struct programs *found = find(key);
    struct programs made;

    arena_init(&arena, 0);
    if (found)
        return found;
    *ret_code = make_programs(plan, &arena, &made, err);
    if (*ret_code < 0)
        return NULL;
    found = keep(key, &made, &arena);
    if (!found)
        *ret_code = fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    return found;
}

static int hand_over(Crib__SyscallsPlan *plan, const struct programs *programs, struct arena *arena,
                     struct crib_error *err)
{
    const struct filter_code *used = plan->listener ? &programs->listening : &programs->fallback;
    size_t size = sizeof(struct sock_filter);

    plan->program = arena_bytes(arena, used->code, used->len * size);
    plan->fallback = arena_bytes(arena, programs->fallback.code, programs->fallback.len * size);
    if (!plan->program.data || !plan->fallback.data)
        return fail_sys(err, -ENOMEM, "syscalls", -1, NULL, NULL);
    plan->has_program = plan->has_fallback = plan->has_instructions = true;
    plan->instructions = (uint32_t)used->len;
    return 0;
}

int plan_compile(Crib__Plan *plan, struct arena *arena, struct crib_error *err)
{
    AUTO(buf_done) struct buf key = {0};
    const struct programs *programs;
    int r;

    if (!plan->syscalls)
        return 0;
    r = make_key(plan->syscalls, &key);
    if (r < 0)
        return fail_sys(err, r, "syscalls", -1, NULL, NULL);
    pthread_mutex_lock(&lock);
    programs = find_or_make((const char *)key.data, plan->syscalls, err, &r);
    if (programs)
        r = hand_over(plan->syscalls, programs, arena, err);
    pthread_mutex_unlock(&lock);
    return r;
}
