/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Policies cut down to a ceiling: each field by examples, then random pairs of policies, whose
 * result must be within both, and must decide about calls as both together do.
 */
#include "policy_within.h"

#include "base/buf.h"
#include "plan/filter.h"
#include "policy/intersect.h"
#include "policy/origins.h"
#include "text/text.h"

#include <linux/audit.h>
#include <stdlib.h>

/* The yaml of the result, or what is wrong; static. */
static const char *cut(const char *policy, const char *ceiling, enum own own)
{
    static char said[8192];
    struct crib_error err = {0};
    struct buf out = {0};
    struct arena arena;
    Crib__Policy *result;
    int r;

    arena_init(&arena, 0);
    r = policy_intersect(within_read(policy, &arena), within_read(ceiling, &arena), own >= OWN_READ,
                         own == OWN_WRITE, &arena, &result, &err);
    if (r < 0) {
        crib_error_text(&err, said, sizeof(said));
    } else {
        assert_int_equal(text_write_yaml(&result->base, &out), 0);
        snprintf(said, sizeof(said), "%.*s", (int)out.len, (const char *)out.data);
        buf_done(&out);
    }
    arena_done(&arena);
    return said;
}

static void assert_cut(const char *policy, const char *ceiling, const char *result)
{
    const char *said = cut(policy, ceiling, OWN_NONE);
    char canonical[8192];

    snprintf(canonical, sizeof(canonical), "%s", cut(result, result, OWN_NONE));
    if (strcmp(said, canonical) != 0)
        fail_msg("`%s` under `%s` is\n%s, and not\n%s", policy, ceiling, said, canonical);
}

static void test_syscalls(void **state)
{
    (void)state;
    assert_cut("syscalls: {allow: [read, write, socket]}", "syscalls: {allow: [socket, read]}",
               "syscalls: {allow: [read, socket]}");
    /* what is allowed under conditions, is under those of both */
    assert_cut("syscalls: {allow: [socket(domain == AF_UNIX)]}",
               "syscalls: {allow: [socket(type == SOCK_STREAM)]}",
               "syscalls: {allow: ['socket(domain == AF_UNIX, type == SOCK_STREAM)']}");
    assert_cut("syscalls: {allow: [socket]}", "syscalls: {allow: [socket(type == SOCK_STREAM)]}",
               "syscalls: {allow: [socket(type == SOCK_STREAM)]}");
    /* no call is in both */
    assert_cut("syscalls: {allow: [read, socket(domain == AF_UNIX)]}",
               "syscalls: {allow: [read, socket(domain == AF_INET)]}", "syscalls: {allow: [read]}");
    /* what follows is left out */
    assert_cut("syscalls: {allow: ['kill(sig in {1, 2, 15})']}",
               "syscalls: {allow: ['kill(sig == 15, pid > 1)', kill(sig == 9)]}",
               "syscalls: {allow: ['kill(sig == 15, pid > 1)']}");
    /* deny and kill are those of both; the policy's own errno comes last */
    assert_cut("syscalls: {allow: [read], deny: [ptrace -> ENOSYS], kill: [mount]}",
               "syscalls: {allow: [read, ptrace], deny: [ptrace -> EACCES], kill: [bpf]}",
               "syscalls: {allow: [read], deny: [ptrace -> EACCES, ptrace -> ENOSYS], kill: [bpf, "
               "mount]}");
    /* what one of them logs is logged */
    assert_cut("syscalls: {allow: [socket(domain == AF_UNIX)]}",
               "syscalls: {allow: [socket], log: [socket(type == SOCK_DGRAM)]}",
               "syscalls: {allow: [socket(domain == AF_UNIX)], log: ['socket(domain == AF_UNIX, "
               "type == SOCK_DGRAM)']}");
    assert_cut("syscalls: {log: [read]}", "syscalls: {allow: [read]}", "syscalls: {log: [read]}");
    assert_cut("syscalls: {log: [read]}", "syscalls: {log: [read, write]}",
               "syscalls: {log: [read]}");
    /* a group that the ceiling lets through whole stays one */
    assert_cut("syscalls: {allow: ['@basic-io', read]}", "syscalls: {allow: ['@basic-io']}",
               "syscalls: {allow: ['@basic-io', read]}");
    /* no filter at all */
    assert_cut("syscalls: {filter: off}", "syscalls: {allow: [read]}", "syscalls: {allow: [read]}");
    assert_cut("syscalls: {allow: [read]}", "syscalls: {filter: off}", "syscalls: {allow: [read]}");
    assert_cut("{}", "syscalls: {allow: [read]}", "{}");
}

static void test_what_cannot_be_said(void **state)
{
    (void)state;
    /* nine conditions */
    test_contains(
        cut("syscalls: {allow: ['mmap(len > 1, prot & 1 == 0, prot & 8 == 0, prot & 16 == 0, flags "
            "& 1 == 1)']}",
            "syscalls: {allow: ['mmap(len < 99, prot & 32 == 0, prot & 64 == 0, flags & 2 == 2, "
            "flags & 64 == 0)']}",
            OWN_NONE),
        "syscalls.allow[0] mmap(");
    test_contains(cut("net: {connect_ports: [80]}", "net: {connect_ports: [81]}", OWN_NONE),
                  "net.connect_ports: the ceiling has none of these ports");
}

static void test_fields(void **state)
{
    (void)state;
    assert_cut("ids: {groups: off}", "ids: {groups: required}", "ids: {groups: required}");
    assert_cut("ids: {groups: off}", "{}", "ids: {groups: preferred}");
    assert_cut("{}", "ids: {own: required}", "ids: {groups: preferred, own: required}");
    assert_cut("ids: {own: preferred}", "ids: {groups: required}",
               "ids: {groups: required, own: preferred}");
    assert_cut("landlock: required", "landlock: preferred", "landlock: required");
    assert_cut("{}", "landlock: preferred", "landlock: preferred");
    assert_cut("namespaces: {net: host, ipc: host}", "namespaces: {net: host}",
               "namespaces: {net: host, ipc: new}");
    assert_cut("{}", "namespaces: {net: host}", "{}");
    assert_cut("net: {connect_ports: [1, 2]}", "net: {connect_ports: [2, 3], bind_ports: [4]}",
               "net: {connect_ports: [2], bind_ports: [4]}");
    assert_cut("net: {abstract_sockets: true}", "net: {loopback: false}",
               "net: {loopback: false, abstract_sockets: false}");
    assert_cut("env: {pass: [PATH, LC_*, HOME], set: [A=b]}",
               "env: {pass: [LC_ALL, LC_CTYPE, P*, X], set: [B=c]}",
               "env: {pass: [PATH, LC_ALL, LC_CTYPE], set: [A=b]}");
    assert_cut("ceiling: true", "ceiling: true", "{}");
}

/* What the one has in common with the other, each once, in the policy's order. */
static void test_listen(void **state)
{
    char one[8192] = "listen: [", other[8192] = "listen: [";

    (void)state;
    assert_cut("listen: ['tcp:127.0.0.1:80', 'tcp:*:443', 'unix:/run/a']",
               "listen: ['tcp:127.0.0.1:*', 'unix:/run/*']",
               "listen: ['tcp:127.0.0.1:80', 'tcp:127.0.0.1:443', unix:/run/a]");
    assert_cut("listen: ['tcp:*:*']", "listen: ['tcp:[::1]:8000-8999', 'udp:*:53']",
               "listen: ['tcp:[::1]:8000-8999']");
    assert_cut("listen: ['tcp:127.0.0.1:8000-8999']", "listen: ['tcp:*:8500-9500']",
               "listen: ['tcp:127.0.0.1:8500-8999']");
    assert_cut("listen: ['unix:/run/*', unix:/run/a]", "listen: [unix:/run/a, 'unix:/run/*']",
               "listen: [unix:/run/a, 'unix:/run/*']");
    assert_cut("listen: ['tcp:*:80']", "{}", "{}");
    assert_cut("{}", "listen: ['tcp:*:80']", "{}");
    assert_cut("{listen: ['tcp:*:80'], landlock: off}",
               "{listen: ['tcp:*:81'], landlock: required}", "landlock: required");
    /* 16 hosts and 17 ranges come to 272; one that is wider makes it be cut down */
    for (int i = 0; i < 17; i++) {
        size_t len[2] = {strlen(one), strlen(other)};

        if (i < 16)
            snprintf(one + len[0], sizeof(one) - len[0], "'tcp:127.0.0.%d:*',", i + 1);
        snprintf(other + len[1], sizeof(other) - len[1], "'tcp:*:%d-%d',", 10 * i + 1, 10 * i + 9);
    }
    strcat(one, "]");
    strcat(other, "]");
    assert_string_equal(cut(one, other, OWN_NONE),
                        "listen: together with the ceiling it comes to more than 256 addresses");
}

static void test_caps(void **state)
{
    (void)state;
    assert_cut("caps: {keep: [CAP_KILL, CAP_CHOWN]}", "caps: {keep: [CAP_CHOWN, CAP_SYS_TIME]}",
               "caps: {keep: [CAP_CHOWN]}");
    /* over a new namespace a capability has power, over the host's it has none */
    assert_cut("caps: {keep: [CAP_NET_ADMIN]}",
               "{namespaces: {net: host}, caps: {keep: [CAP_NET_ADMIN]}}", "{}");
    assert_cut("{namespaces: {net: host}, caps: {keep: [CAP_NET_ADMIN]}}",
               "caps: {keep: [CAP_NET_ADMIN]}", "namespaces: {net: new}");
}

static void test_limits(void **state)
{
    (void)state;
    assert_cut("limits: {memory: 2G, pids: 3}", "limits: {memory: 1G, wall_time: 5s}",
               "limits: {memory: 1G, pids: 3, wall_time: 5s}");
    assert_cut("limits: {memory: 1G, preferred: [memory]}", "{}",
               "limits: {memory: 1G, preferred: [memory]}");
    assert_cut("limits: {memory: 1G, preferred: [memory]}", "limits: {memory: 2G}",
               "limits: {memory: 1G}");
    assert_cut("limits: {memory: 2G}", "limits: {memory: 1G, preferred: [memory]}",
               "limits: {memory: 1G}");
    assert_cut("limits: {core: true}", "{}", "limits: {core: false}");
    assert_cut("limits: {stack: unlimited}", "limits: {stack: 8M}", "limits: {stack: 8M}");
    assert_cut("limits: {preferred: [core]}", "limits: {core: true}",
               "limits: {preferred: [core]}");
    assert_cut(
        "limits: {cpus: 2, output: 1M, tmpfs_size: 4M, tmpfs_inodes: 7}",
        "limits: {cpus: 0.5, output: 2M, output_total: 3M, tmpfs_size: 1M}",
        "limits: {cpus: 0.5, output: 1M, output_total: 3M, tmpfs_size: 1M, tmpfs_inodes: 7}");
    assert_cut("limits: {memory: unlimited, cpu_time: 2s}", "limits: {pids: 5}",
               "limits: {memory: unlimited, cpu_time: 2s, pids: 5}");
}

/* Left out, they are numbers all the same. */
static void test_swap_and_weight(void **state)
{
    (void)state;
    assert_cut("limits: {memory: 1G, swap: 1G}", "limits: {memory: 2G}",
               "limits: {memory: 1G, swap: 0}");
    assert_cut("limits: {memory: 1G, swap: 1G}", "limits: {memory: 2G, swap: 512M}",
               "limits: {memory: 1G, swap: 512M}");
    assert_cut("limits: {memory: 1G}", "limits: {swap: 1G}", "limits: {memory: 1G, swap: 0}");
    assert_cut("limits: {swap: 1G}", "limits: {pids: 3}", "limits: {swap: 1G, pids: 3}");
    assert_cut("{}", "limits: {memory: 1G}", "limits: {memory: 1G}");
    assert_cut("limits: {io_weight: 500}", "{}", "limits: {io_weight: 100}");
    assert_cut("{}", "limits: {io_weight: 500}", "limits: {io_weight: 100}");
    assert_cut("limits: {io_weight: 50, preferred: [io_weight]}", "{}",
               "limits: {io_weight: 50, preferred: [io_weight]}");
    assert_cut("limits: {io_weight: 300}", "limits: {io_weight: 200, preferred: [io_weight]}",
               "limits: {io_weight: 200}");
}

static void test_cpusets(void **state)
{
    (void)state;
    assert_cut("limits: {cpuset: '0-3,6'}", "limits: {cpuset: 2-6}", "limits: {cpuset: '2-3,6'}");
    assert_cut("{}", "limits: {cpuset: 2-6}", "limits: {cpuset: 2-6}");
    assert_cut("limits: {cpuset: 1, preferred: [cpuset]}", "{}",
               "limits: {cpuset: 1, preferred: [cpuset]}");
    assert_cut("limits: {cpuset: 1, preferred: [cpuset]}", "limits: {cpuset: 0-1}",
               "limits: {cpuset: 1}");
    assert_string_equal(cut("limits: {cpuset: 0-3}", "limits: {cpuset: 4-7}", OWN_NONE),
                        "limits.cpuset: the ceiling has none of the processors 0-3, it has 4-7");
}

static void test_mounts(void **state)
{
    (void)state;
    assert_cut("mounts: [{target: /srv, write: true}, {target: /usr}]",
               "mounts: [{target: /usr, exec: false}, {target: /srv}]",
               "mounts: [{target: /srv, write: false}, {target: /usr, exec: false}]");
    assert_cut("mounts: [{source: /dev/null, target: /n, dev: true, write: true}]",
               "mounts: [{target: /dev/null, write: true}]",
               "mounts: [{source: /dev/null, target: /n, dev: false, write: true}]");
    /* the host's whole tree becomes what the ceiling shows */
    assert_cut("namespaces: {mount: host}", "mounts: [{target: /usr}, {type: tmpfs, target: /tmp}]",
               "{namespaces: {mount: new}, mounts: [{target: /usr}, {type: tmpfs, target: /tmp}]}");
    assert_cut("mounts: [{target: /usr, write: true}]", "namespaces: {mount: host}",
               "mounts: [{target: /usr, write: true}]");
    /* what the ceiling does not show cannot be cut down: it is refused by name */
    assert_string_equal(
        cut("mounts: [{target: /usr}, {target: /etc}]", "mounts: [{target: /usr}]", OWN_NONE),
        "mounts[1] /etc: the widest policy does not show this source; of a source that it shows, a "
        "part cannot be shown alone");
    test_contains(cut("mounts: [{type: proc, target: /proc}]", "{}", OWN_NONE),
                  "mounts[0] /proc: the widest policy shows no proc");
    test_contains(cut("mounts: [{type: tmpfs, target: /tmp, size: 2M}]",
                      "mounts: [{type: tmpfs, target: /tmp, size: 1M}]", OWN_NONE),
                  "mounts[0] /tmp: all tmpfs together hold");
    /* a part that the ceiling covers */
    test_contains(cut("mounts: [{target: /srv}]",
                      "mounts: [{target: /srv}, {type: tmpfs, target: /srv/secret}]", OWN_NONE),
                  "covers it, or a part of it");
    /* what whoever asks can open himself */
    test_contains(cut("mounts: [{target: /home/me, write: true}]", "{}", OWN_WRITE), "write: true");
    test_contains(cut("mounts: [{target: /home/me, write: true}]", "{}", OWN_READ),
                  "mounts[0] /home/me");
}

/* Two policies that are the same have that one in common; each shipped one with each other. */
static void test_shipped(void **state)
{
    const char *const *names = policy_shipped();

    (void)state;
    for (size_t i = 0; names[i]; i++)
        for (size_t n = 0; names[n]; n++) {
            struct crib_error err = {0};
            Crib__Policy *one, *other, *both;
            struct arena arena;
            char said[1024];

            arena_init(&arena, 0);
            assert_int_equal(policy_load(names[i], NULL, &arena, &one, NULL, &err), 0);
            assert_int_equal(policy_load(names[n], NULL, &arena, &other, NULL, &err), 0);
            if (policy_intersect(one, other, false, false, &arena, &both, &err) < 0) {
                crib_error_text(&err, said, sizeof(said));
                /* only what cannot be cut down */
                if (strncmp(said, "mounts[", 7) != 0)
                    fail_msg("%s under %s: %s", names[i], names[n], said);
            }
            arena_done(&arena);
        }
}

/* --- random pairs --- */

static uint64_t seed = 7;

static unsigned below(unsigned n)
{
    return within_random(&seed, n);
}

static const char *const args[][4] = {
    {"socket", "domain", "type", "protocol"},
    {"kill", "pid", "sig", NULL},
    {"lseek", "fd", "offset", "whence"},
    {"getpid", NULL, NULL, NULL},
};

static const unsigned long long values[] = {0, 1, 2, 3, 5, 15, 16, 0x7fffffff, 0xfffffffe};

static unsigned long long value(void)
{
    return values[below(sizeof(values) / sizeof(values[0]))];
}

static void add_condition(char *text, const char *arg)
{
    static const char *const signs[] = {"==", "!=", "<", "<=", ">", ">=", "within"};
    char *end = text + strlen(text);
    unsigned long long mask = value();

    if (below(4) == 0)
        sprintf(end, "%s & %llu %s %llu", arg, mask, below(2) ? "==" : "!=", value() & mask);
    else if (below(4) == 0)
        sprintf(end, "%s in {%llu, %llu, %llu}", arg, value(), value(), value());
    else
        sprintf(end, "%s %s %llu", arg, signs[below(7)], value());
}

static char *random_entry(struct arena *arena)
{
    char text[1024];
    struct rule rule;

    do {
        unsigned call = below(4), count = call == 3 ? 0 : below(4);

        strcpy(text, args[call][0]);
        for (unsigned i = 0; i < count; i++) {
            const char *arg = args[call][1 + below(3)];

            strcat(text, i ? ", " : "(");
            add_condition(text, arg ? arg : args[call][1]);
        }
        strcat(text, count ? ")" : "");
    } while (rule_parse(text, arena, &rule, NULL) < 0);
    return arena_text(arena, text);
}

static Crib__Policy *random_policy(struct arena *arena)
{
    Crib__Policy *policy = ARENA_NEW(arena, crib__policy, Crib__Policy);
    Crib__Syscalls *s = ARENA_NEW(arena, crib__syscalls, Crib__Syscalls);
    struct {
        char ***list;
        size_t *count;
        unsigned most;
    } lists[] = {
        {&s->allow, &s->n_allow, 5},
        {&s->deny, &s->n_deny, 2},
        {&s->kill, &s->n_kill, 2},
        {&s->log, &s->n_log, 3},
    };

    for (size_t i = 0; i < 4; i++)
        for (unsigned n = below(lists[i].most + 1); n > 0; n--)
            assert_int_equal(arena_push(arena, lists[i].list, lists[i].count, random_entry(arena)),
                             0);
    policy->syscalls = s;
    return policy;
}

static void read_rules(const Crib__Policy *policy, struct arena *arena, struct filter_rules *ret)
{
    static const enum syscalls_list lists[FILTER_LISTS] = {LIST_DENY, LIST_KILL, LIST_LOG,
                                                           LIST_ALLOW};

    memset(ret, 0, sizeof(*ret));
    for (int i = 0; i < FILTER_LISTS; i++) {
        size_t count;
        char *const *entries = syscalls_entries(policy->syscalls, lists[i], &count);
        struct crib_error err = {0};

        if (rules_expand(entries, count, arena, &ret->list[i].rules, &ret->list[i].count, &err) < 0)
            fail_msg("%s: %s", entries[err.index], err.detail);
    }
}

/* 0: it is not let through; 1: it is, and logged; 2: it is. */
static int decide(const struct filter_rules *rules, const struct seccomp_data *call)
{
    if (filter_decide(rules, false, call) != SECCOMP_RET_ALLOW)
        return 0;
    /* logged, where it goes to a listener and is no denial */
    return filter_decide(rules, true, call) == SECCOMP_RET_ALLOW ? 2 : 1;
}

static void compare(const Crib__Policy *const policies[3], struct arena *arena)
{
    struct filter_rules rules[3];

    for (int i = 0; i < 3; i++)
        read_rules(policies[i], arena, &rules[i]);
    for (int n = 0; n < 300; n++) {
        struct seccomp_data call = {.arch = AUDIT_ARCH_X86_64,
                                    .nr = call_by_name(args[below(4)][0])->number};
        int both, one, other;

        for (int i = 0; i < 6; i++)
            call.args[i] = value() + below(3) - 1 + (below(8) ? 0 : 1ull << 32);
        one = decide(&rules[0], &call);
        other = decide(&rules[1], &call);
        both = decide(&rules[2], &call);
        if (both != (one < other ? one : other))
            fail_msg("%s(%llx, %llx, %llx): %d and %d give %d", call_by_number(call.nr)->name,
                     (unsigned long long)call.args[0], (unsigned long long)call.args[1],
                     (unsigned long long)call.args[2], one, other, both);
    }
}

static void show(const Crib__Policy *policy)
{
    struct buf out = {0};

    if (text_write_yaml(&policy->base, &out) == 0)
        print_message("%.*s\n", (int)out.len, (const char *)out.data);
    buf_done(&out);
}

static void test_random_calls(void **state)
{
    const char *asked = getenv("CRIB_RANDOM_ROUNDS");
    long rounds = asked ? atol(asked) : 1500, done = 0;

    (void)state;
    for (long i = 0; i < rounds; i++) {
        struct crib_error err = {0};
        Crib__Policy *one, *other, *both;
        struct arena arena;
        char said[1024];
        int r;

        arena_init(&arena, 0);
        one = random_policy(&arena);
        other = random_policy(&arena);
        r = policy_intersect(one, other, false, false, &arena, &both, &err);
        if (r == 0) {
            compare((const Crib__Policy *const[]){one, other, both}, &arena);
            done++;
        } else if (r != -E2BIG) {
            show(one);
            show(other);
            fail_msg("round %ld: %s", i, crib_error_text(&err, said, sizeof(said)));
        }
        arena_done(&arena);
    }
    assert_true(done > rounds * 9 / 10);
}

static const char *one_of(const char *const *words, unsigned count)
{
    return words[below(count)];
}

#define ONE_OF(...)                                                                                \
    one_of((const char *const[]){__VA_ARGS__},                                                     \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void random_text(char *text, size_t size)
{
    snprintf(text, size,
             "{ids: {groups: %s}, landlock: %s, namespaces: {net: %s, ipc: %s}, "
             "caps: {keep: [%s%s]}, limits: {%s%s%s core: %s, preferred: [%s]}, "
             "net: {connect_ports: [%s], loopback: %s, abstract_sockets: %s}, "
             "env: {pass: [%s]}, listen: [%s%s%s], mounts: [%s%s%s]}",
             ONE_OF("required", "preferred", "off"), ONE_OF("required", "preferred", "off"),
             ONE_OF("new", "host"), ONE_OF("new", "host"), ONE_OF("", "CAP_KILL, "),
             ONE_OF("", "CAP_CHOWN, "), ONE_OF("", "memory: 1G,", "memory: 2G,"),
             ONE_OF("", "pids: 3,", "pids: 4,"),
             ONE_OF("", "stack: unlimited,", "stack: 8M,", "stack: 9M,"), ONE_OF("true", "false"),
             ONE_OF("", "memory, pids", "core", "stack", "memory, core"),
             ONE_OF("", "80", "80, 443", "22, 80"), ONE_OF("true", "false"),
             ONE_OF("true", "false"), ONE_OF("", "A*", "AB", "'*'"),
             ONE_OF("", "'tcp:*:*',", "'tcp:[::1]:*',", "'tcp:127.0.0.1:5-9',"),
             ONE_OF("", "'tcp:*:7-8',", "'tcp:[::1]:0',", "'tcp:127.0.0.1:8-10',"),
             ONE_OF("", "'unix:/*',", "'unix:/a',", "'udp:*:7',"),
             ONE_OF("", "{target: /usr},", "{target: /usr, write: true},",
                    "{target: /usr, exec: false},"),
             ONE_OF("", "{target: /srv, write: true, dev: true},", "{target: /srv, dev: true},"),
             ONE_OF("", "{type: tmpfs, target: /tmp},", "{type: proc, target: /proc},"));
}

static void test_random_fields(void **state)
{
    long done = 0;

    (void)state;
    for (long i = 0; i < 4000; i++) {
        char one[1024], other[1024];
        const char *said;

        random_text(one, sizeof(one));
        random_text(other, sizeof(other));
        said = cut(one, other, OWN_NONE);
        if (strncmp(said, "mounts[", 7) == 0 || strncmp(said, "net.connect_ports", 17) == 0)
            continue;
        /* the result is text again: policy_intersect() has held it against both */
        if (strncmp(said, "ids:", 4) != 0 && strncmp(said, "namespaces:", 11) != 0)
            fail_msg("`%s` under `%s`: %s", one, other, said);
        done++;
    }
    assert_true(done > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syscalls),      cmocka_unit_test(test_what_cannot_be_said),
        cmocka_unit_test(test_fields),        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_swap_and_weight),
        cmocka_unit_test(test_cpusets),       cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_shipped),       cmocka_unit_test(test_random_calls),
        cmocka_unit_test(test_random_fields), cmocka_unit_test(test_listen),
    };

    return test_run(tests);
}
