/* SPDX-License-Identifier: Apache-2.0 */
/*
 * System calls: what one policy lets through, another does. The thousands of random pairs are
 * judged by an evaluator of this file, which knows nothing of rules but what a person reads in
 * them.
 */
#include "policy_within.h"

#include <stdlib.h>

static void test_rules(void **state)
{
    static const struct within_row rows[] = {
        {"syscalls: {allow: [read]}", "syscalls: {allow: ['@basic-io']}", NULL, 0},
        {"syscalls: {allow: ['socket(domain == AF_UNIX)']}", "syscalls: {allow: [socket]}", NULL,
         0},
        {"syscalls: {allow: ['socket(domain == AF_UNIX)']}",
         "syscalls: {allow: ['socket(domain == AF_UNIX)']}", NULL, 0},
        {"syscalls: {allow: ['clone(flags & 3 == 1)']}",
         "syscalls: {allow: ['clone(flags & 1 == 1)']}", NULL, 0},
        {"syscalls: {allow: ['clone(flags & 1 == 1)']}",
         "syscalls: {allow: ['clone(flags & 3 == 1)']}",
         "syscalls.allow[0] clone(flags & 1 == 1): the widest policy lets through no more than "
         "clone(flags & 3 == 1)",
         0},
        {"syscalls: {allow: [read, socket]}",
         "syscalls: {allow: ['@basic-io', 'socket(domain == AF_UNIX)', 'socket(domain == "
         "AF_INET)']}",
         "syscalls.allow[1] socket: the widest policy lets through no more than socket(domain == "
         "AF_UNIX), socket(domain == AF_INET)",
         0},
        {"syscalls: {allow: ['@basic-io', '@debug']}",
         "extends: [default]\nlandlock: off\nlimits: {open_files: unlimited}",
         "syscalls.allow[1] ptrace: the widest policy does not let ptrace through at all", 0},
        {"syscalls: {log: [ptrace]}", "syscalls: {allow: [read]}",
         "syscalls.log[0] ptrace: the widest policy does not let ptrace through at all", 0},
        /* conditions on another argument say nothing */
        {"syscalls: {allow: ['socket(type == SOCK_STREAM)']}",
         "syscalls: {allow: ['socket(domain == AF_UNIX)']}",
         "syscalls.allow[0] socket(type == SOCK_STREAM): the widest policy lets through no more "
         "than "
         "socket(domain == AF_UNIX)",
         0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_what_is_taken_away(void **state)
{
    static const struct within_row rows[] = {
        {"syscalls: {allow: [read]}", "syscalls: {allow: [read], deny: [read]}",
         "syscalls.allow[0] read: the widest policy denies or kills read: deny it too", 0},
        {"syscalls: {allow: [read], deny: [read]}", "syscalls: {allow: [read], deny: [read]}", NULL,
         0},
        {"syscalls: {allow: [read], kill: [read]}", "syscalls: {allow: [read], deny: [read]}", NULL,
         0},
        {"syscalls: {allow: [read], deny: [read]}", "syscalls: {allow: [read], kill: [read]}", NULL,
         0},
        {"syscalls: {allow: [write]}", "syscalls: {allow: ['@basic-io'], kill: [read]}", NULL, 0},
        {"syscalls: {allow: [ioctl]}",
         "syscalls: {allow: [ioctl], deny: ['ioctl(cmd == TIOCSTI)']}",
         "syscalls.allow[0] ioctl: the widest policy denies or kills ioctl(cmd == TIOCSTI): deny "
         "it "
         "too",
         0},
        {"syscalls: {allow: ['ioctl(cmd == TCGETS)']}",
         "syscalls: {allow: [ioctl], deny: ['ioctl(cmd == TIOCSTI)']}", NULL, 0},
        {"syscalls: {allow: [ioctl], deny: ['ioctl(cmd & 0xff == 0x12)']}",
         "syscalls: {allow: [ioctl], deny: ['ioctl(cmd == 0x5412)']}", NULL, 0},
        {"syscalls: {allow: [ioctl], deny: ['ioctl(cmd == 0x5412)']}",
         "syscalls: {allow: [ioctl], deny: ['ioctl(cmd & 0xff == 0x12)']}",
         "syscalls.allow[0] ioctl: the widest policy denies or kills ioctl(cmd & 0xff == 0x12): "
         "deny "
         "it too",
         0},
        {"syscalls: {allow: ['@process'], deny: [kill]}", "syscalls: {allow: ['@process']}", NULL,
         0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_what_is_logged(void **state)
{
    static const struct within_row rows[] = {
        {"syscalls: {log: [read]}", "syscalls: {allow: [read]}", NULL, 0},
        {"syscalls: {log: [read]}", "syscalls: {log: [read]}", NULL, 0},
        {"syscalls: {deny: [read]}", "syscalls: {log: [read]}", NULL, 0},
        {"{}", "syscalls: {log: [read]}", NULL, 0},
        {"syscalls: {allow: [write, read]}", "syscalls: {allow: [write], log: [read]}",
         "syscalls.allow[1] read: the widest policy lets it through only logged: put it into `log`",
         0},
        {"syscalls: {allow: [write, read]}", "syscalls: {allow: [write, read], log: [read]}",
         "syscalls.allow[1] read: the widest policy logs read: log or deny it too", 0},
        {"syscalls: {allow: [read], log: [read]}", "syscalls: {log: [read]}", NULL, 0},
        {"syscalls: {log: [read]}", "syscalls: {log: [read], kill: [read]}",
         "syscalls.log[0] read: the widest policy denies or kills read: deny it too", 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

static void test_filters_off(void **state)
{
    static const struct within_row rows[] = {
        {"syscalls: {filter: off}", "syscalls: {filter: off}", NULL, 0},
        {"syscalls: {allow: ['@debug']}", "syscalls: {filter: off, deny: [ptrace]}", NULL, 0},
        {"syscalls: {filter: off}", "syscalls: {filter: on, allow: ['@debug']}",
         "syscalls.filter: `off` is wider than `on`, as the widest policy has it", 0},
        {"syscalls: {filter: off}", "{}",
         "syscalls.filter: `off` is wider than `on`, as the widest policy has it", 0},
    };

    (void)state;
    ASSERT_WITHIN_ROWS(rows);
}

/* More than can be compared in a moment is refused in one. */
static void test_many_conditions(void **state)
{
    const size_t size = 1 << 17;
    char *text = malloc(size);
    size_t len = (size_t)snprintf(text, size, "syscalls:\n allow:\n");

    (void)state;
    for (unsigned i = 0; i < WITHIN_MAX_CONDITIONS; i++)
        len += (size_t)snprintf(text + len, size - len, " - ioctl(cmd == %u)\n", i);
    assert_within(text, "syscalls: {allow: [ioctl]}", OWN_NONE);
    snprintf(text + len, size - len, " - ioctl(cmd == 0xffff)\n");
    assert_wider(text, "syscalls: {allow: [ioctl]}", OWN_NONE,
                 "syscalls: more than 2048 conditions cannot be compared");
    free(text);
}

/* ---- random pairs ---- */

#define ENTRIES_MAX 6
#define PAIRS       20000
#define VALUES      8 /* of an argument: all that masks of three bits tell apart */

enum { DENY, KILL, LOG, ALLOW, LISTS };

static const char *const calls[] = {"socket", "ioctl", "fsync", "syncfs"};
static const char *const arguments[] = {"domain", "type", "fd", "cmd"};

/* An entry; the call 4 is the group @sync, of which fsync and syncfs are part. */
struct entry {
    unsigned call, mask, value;
    unsigned arg; /* 0 or 1; mask 0: no condition */
};

struct sample {
    struct entry entries[LISTS][ENTRIES_MAX];
    size_t count[LISTS];
};

static struct entry random_entry(uint64_t *seed)
{
    struct entry entry = {.call = within_random(seed, 5)};

    if (entry.call < 2 && within_random(seed, 4)) {
        entry.arg = within_random(seed, 2);
        entry.mask = 1 + within_random(seed, 7);
        entry.value = within_random(seed, 8) & entry.mask;
    }
    return entry;
}

static void random_sample(uint64_t *seed, struct sample *ret)
{
    static const unsigned most[LISTS] = {3, 2, 3, 6};

    memset(ret, 0, sizeof(*ret));
    for (int list = 0; list < LISTS; list++) {
        ret->count[list] = within_random(seed, most[list] + 1);
        for (size_t i = 0; i < ret->count[list]; i++)
            ret->entries[list][i] = random_entry(seed);
    }
}

/* Half of the changes tighten, so that there is something to be within. */
static void change(uint64_t *seed, struct sample *sample)
{
    int list = (int)within_random(seed, LISTS);
    size_t n = sample->count[list];
    struct entry *entry = n ? &sample->entries[list][within_random(seed, (unsigned)n)] : NULL;

    switch (within_random(seed, 4)) {
    case 0:
        if (n)
            *entry = sample->entries[list][--sample->count[list]];
        break;
    case 1:
        if (n < ENTRIES_MAX)
            sample->entries[list][sample->count[list]++] = random_entry(seed);
        break;
    case 2: /* into another list */
        if (n && sample->count[(list + 1) % LISTS] < ENTRIES_MAX) {
            sample->entries[(list + 1) % LISTS][sample->count[(list + 1) % LISTS]++] = *entry;
            *entry = sample->entries[list][--sample->count[list]];
        }
        break;
    default: /* one more bit */
        if (n && entry->call < 2) {
            unsigned bit = 1u << within_random(seed, 3);

            entry->mask |= bit;
            entry->value = (entry->value & ~bit) | (within_random(seed, 2) ? bit : 0);
        }
    }
}

static bool fits(const struct entry *entry, unsigned call, const unsigned args[2])
{
    if (entry->call == 4)
        return call >= 2;
    return entry->call == call && (args[entry->arg] & entry->mask) == entry->value;
}

/* Return: the list that decides; LISTS: none, which denies. */
static int decide(const struct sample *sample, unsigned call, const unsigned args[2])
{
    for (int list = 0; list < LISTS; list++)
        for (size_t i = 0; i < sample->count[list]; i++)
            if (fits(&sample->entries[list][i], call, args))
                return list;
    return LISTS;
}

/* What may stand in the policy where the widest decides so. */
static bool may(int asked, int most)
{
    if (asked == ALLOW)
        return most == ALLOW;
    return asked != LOG || most == ALLOW || most == LOG;
}

/* Return: whether the evaluator finds nothing that is wider. */
static bool judge(const struct sample *asked, const struct sample *most)
{
    for (unsigned call = 0; call < 4; call++)
        for (unsigned n = 0; n < VALUES * VALUES; n++) {
            const unsigned args[2] = {n % VALUES, n / VALUES};

            if (!may(decide(asked, call, args), decide(most, call, args)))
                return false;
        }
    return true;
}

static void write_entry(const struct entry *entry, char text[64])
{
    if (entry->call == 4)
        snprintf(text, 64, "@sync");
    else if (!entry->mask)
        snprintf(text, 64, "%s", calls[entry->call]);
    else
        snprintf(text, 64, "%s(%s & %u == %u)", calls[entry->call],
                 arguments[2 * entry->call + entry->arg], entry->mask, entry->value);
}

/* A policy with these lists, in static memory for @side 0 and 1. */
static const Crib__Policy *write_sample(const struct sample *sample, int side)
{
    static char texts[2][LISTS][ENTRIES_MAX][64];
    static char *lists[2][LISTS][ENTRIES_MAX];
    static Crib__Syscalls syscalls[2];
    static Crib__Policy policies[2];
    Crib__Syscalls *s = &syscalls[side];

    crib__syscalls__init(s);
    crib__policy__init(&policies[side]);
    for (int list = 0; list < LISTS; list++)
        for (size_t i = 0; i < sample->count[list]; i++) {
            write_entry(&sample->entries[list][i], texts[side][list][i]);
            lists[side][list][i] = texts[side][list][i];
        }
    s->deny = lists[side][DENY];
    s->n_deny = sample->count[DENY];
    s->kill = lists[side][KILL];
    s->n_kill = sample->count[KILL];
    s->log = lists[side][LOG];
    s->n_log = sample->count[LOG];
    s->allow = lists[side][ALLOW];
    s->n_allow = sample->count[ALLOW];
    policies[side].syscalls = s;
    return &policies[side];
}

static void print_sample(const char *name, const struct sample *sample)
{
    static const char *const names[] = {"deny", "kill", "log", "allow"};
    char text[64];

    for (int list = 0; list < LISTS; list++)
        for (size_t i = 0; i < sample->count[list]; i++) {
            write_entry(&sample->entries[list][i], text);
            print_message("%s: %s %s\n", name, names[list], text);
        }
}

static void test_random_pairs(void **state)
{
    uint64_t seed = 20240711;
    unsigned within = 0, judged = 0;

    (void)state;
    for (unsigned pair = 0; pair < PAIRS; pair++) {
        struct sample asked, most;
        struct crib_error err = {0};
        int r;

        random_sample(&seed, &most);
        asked = most;
        for (unsigned n = within_random(&seed, 5); n; n--)
            change(&seed, &asked);
        if (pair % 4 == 0)
            random_sample(&seed, &asked);
        r = policy_within(write_sample(&asked, 0), write_sample(&most, 1), false, false, &err);
        assert_true(r == 0 || r == -EACCES);
        within += r == 0;
        judged += judge(&asked, &most);
        if (r < 0 || judge(&asked, &most))
            continue;
        print_sample("policy", &asked);
        print_sample("widest", &most);
        fail_msg("pair %u: policy_within() says yes, the evaluator no", pair);
    }
    print_message("%u pairs: %u within, the evaluator says %u\n", PAIRS, within, judged);
    /* it must say yes often enough to be tested, and may not be much stricter than is right */
    assert_true(within > PAIRS / 4);
    assert_true(within > judged - judged / 5);
}

/* What one entry lets through, and another does not; both ways for what is stricter. */
static void test_conditions_are_compared(void **state)
{
    static const struct {
        const char *policy, *widest;
        bool within, back;
    } rows[] = {
        {"read(fd < 3)", "read(fd < 5)", true, false},
        {"read(fd < 3)", "read(fd <= 2)", true, true},
        {"read(fd in {1, 2})", "read(fd != 3)", true, false},
        {"read(fd in {1, 3})", "read(fd != 3)", false, false},
        {"read(fd == 1)", "read(fd in {1, 2})", true, false},
        {"read(fd == 1, count < 9)", "read(fd == 1)", true, false},
        {"read(fd > 7)", "read(fd >= 7, fd != 7)", true, true},
        {"read(fd != 3, fd != 4)", "read(fd != 3)", true, false},
        {"mmap(prot within PROT_READ)", "mmap(prot within PROT_READ|PROT_WRITE)", true, false},
        {"mmap(prot within PROT_READ|PROT_WRITE)", "mmap(prot & PROT_EXEC == 0)", true, false},
        {"mmap(prot == 0)", "mmap(prot within 3)", true, false},
        {"lseek(offset < 0x100000005)", "lseek(offset < 0x200000005)", true, false},
        {"read(fd == 1)", "read(count == 1)", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char one[256], other[256];

        snprintf(one, sizeof(one), "syscalls:\n  allow:\n  - %s\n", rows[i].policy);
        snprintf(other, sizeof(other), "syscalls:\n  allow:\n  - %s\n", rows[i].widest);
        if (rows[i].within)
            assert_within(one, other, OWN_NONE);
        else
            assert_wider(one, other, OWN_NONE, NULL);
        if (rows[i].back)
            assert_within(other, one, OWN_NONE);
        else
            assert_wider(other, one, OWN_NONE, NULL);
    }
}

static void test_denials_are_compared(void **state)
{
    (void)state;
    assert_wider("syscalls:\n  allow: [read]\n  deny: [read(fd > 5)]\n",
                 "syscalls:\n  allow: [read]\n  deny: [read(fd > 4)]\n", OWN_NONE, NULL);
    assert_within("syscalls:\n  allow: [read]\n  deny: [read(fd > 4)]\n",
                  "syscalls:\n  allow: [read]\n  deny: [read(fd > 5)]\n", OWN_NONE);
    assert_within("syscalls:\n  allow: [read(fd < 3)]\n",
                  "syscalls:\n  allow: [read]\n  deny: [read(fd >= 3) -> EIO]\n", OWN_NONE);
    assert_within("syscalls:\n  allow: [read(fd != 3)]\n",
                  "syscalls:\n  allow: [read]\n  deny: [read(fd == 3)]\n", OWN_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conditions_are_compared),
        cmocka_unit_test(test_denials_are_compared),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_what_is_taken_away),
        cmocka_unit_test(test_what_is_logged),
        cmocka_unit_test(test_filters_off),
        cmocka_unit_test(test_many_conditions),
        cmocka_unit_test(test_random_pairs),
    };

    return test_run(tests);
}
