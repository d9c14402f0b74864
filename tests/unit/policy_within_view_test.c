/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts of random policies, judged by what their plans would show, file by file, on a small
 * made-up host: a policy that is within another shows nothing that the other does not.
 */
#include "policy_within.h"

#include "plan_mounts.h"

#define MOUNTS_MAX 5
#define PAIRS      20000

/* What can be done with a file of the host, as far as mounts decide it. */
enum { SEE = 1, WRITE = 2, EXEC = 4, CHANGE_AND_RUN = 8, USE = 16, SEND = 32, DRIVE = 64 };

static const char *const files[] = {"/a/f", "/a/b/f", "/c/f", "/c/b/f"};

#define FILES (sizeof(files) / sizeof(files[0]))

struct shown {
    bool made; /* there is such a plan */
    unsigned rights[FILES];
    bool proc, tmpfs, tmpfs_exec;
    uint64_t size;
};

static const char *below(const char *path, const char *dir)
{
    size_t n = strlen(dir);

    return strncmp(path, dir, n) == 0 && (!path[n] || path[n] == '/') ? path + n : NULL;
}

static const char *text_of(const ProtobufCBinaryData *data)
{
    return (const char *)data->data;
}

/* The mount that a path in the sandbox is on: of those at or above it the last. */
static const Crib__MountPlan *mount_at(const Crib__Plan *plan, const char *path)
{
    const Crib__MountPlan *found = NULL;

    for (size_t i = 0; i < plan->n_mounts; i++)
        if (plan->mounts[i]->type <= CRIB__MOUNT_PLAN__TYPE__proc &&
            below(path, text_of(&plan->mounts[i]->target)))
            found = plan->mounts[i];
    return found;
}

static bool landlock_lets(const Crib__Plan *plan, const char *path)
{
    bool lets = !plan->landlock;

    for (size_t i = 0; plan->landlock && i < plan->landlock->n_rules; i++) {
        const char *at = text_of(&plan->landlock->rules[i]->path);

        lets =
            lets || (plan->landlock->rules[i]->write && (strcmp(at, "/") == 0 || below(path, at)));
    }
    return lets;
}

static unsigned rights_at(const Crib__Plan *plan, const Crib__MountPlan *mount, const char *path)
{
    bool send = landlock_lets(plan, path);

    return SEE | (mount->write ? WRITE : 0) | (mount->exec ? EXEC : 0) | (mount->dev ? USE : 0) |
           (mount->write && mount->exec ? CHANGE_AND_RUN : 0) | (send ? SEND : 0) |
           (send && mount->dev ? DRIVE : 0);
}

static void look(const Crib__Plan *plan, const Crib__MountPlan *mount, struct shown *ret)
{
    char path[128];

    for (size_t n = 0; n < FILES && mount->type == CRIB__MOUNT_PLAN__TYPE__bind; n++) {
        const char *rest = below(files[n], text_of(&mount->source));

        if (!rest)
            continue;
        snprintf(path, sizeof(path), "%s%s", text_of(&mount->target), rest);
        if (mount_at(plan, path) == mount)
            ret->rights[n] |= rights_at(plan, mount, path);
    }
    if (mount_at(plan, text_of(&mount->target)) != mount)
        return;
    ret->proc = ret->proc || mount->type == CRIB__MOUNT_PLAN__TYPE__proc;
    if (mount->type == CRIB__MOUNT_PLAN__TYPE__tmpfs && mount->write) {
        ret->tmpfs = true;
        ret->tmpfs_exec = ret->tmpfs_exec || mount->exec;
        ret->size += mount->size;
    }
}

static struct shown show(struct fixture *f)
{
    struct shown ret = {0};

    add_path(f, "/a", A_DIR);
    add_path(f, "/a/b", A_DIR);
    add_path(f, "/c", A_DIR);
    add_link(f, "/l", "x", "/a", A_DIR);
    ret.made = plan_build(f->task, f->host, &f->arena, &f->plan, &f->err) == 0;
    for (size_t i = 0; ret.made && i < f->plan->n_mounts; i++)
        look(f->plan, f->plan->mounts[i], &ret);
    return ret;
}

static bool shows_no_more(const struct shown *asked, const struct shown *most)
{
    for (size_t n = 0; n < FILES; n++)
        if (asked->rights[n] & ~most->rights[n])
            return false;
    return asked->proc <= most->proc && asked->tmpfs <= most->tmpfs &&
           asked->tmpfs_exec <= most->tmpfs_exec && asked->size <= most->size;
}

struct sample {
    Crib__Mount mounts[MOUNTS_MAX];
    size_t count;
};

static const char *one_of(uint64_t *seed, const char *const *texts, unsigned count)
{
    return texts[within_random(seed, count)];
}

static Crib__Mount random_mount(uint64_t *seed)
{
    static const char *const targets[] = {"/x", "/x/b", "/x/b/c", "/y", "/y/b", "/z"};
    static const char *const sources[] = {"/a", "/a/b", "/c", "/l"};
    static const char *const ends[] = {"/x", "/y", "b"};
    static const Crib__Mount__Type types[] = {BIND, BIND, BIND, HOST, TMPFS, SYMLINK, PROC};
    Crib__Mount mount = CRIB__MOUNT__INIT;
    bool link;

    mount.has_type = mount.has_target = true;
    mount.type = types[within_random(seed, 7)];
    link = mount.type == SYMLINK;
    mount.target = bytes(one_of(seed, targets, 6));
    mount.has_source = mount.type == BIND || mount.type == HOST || link;
    if (mount.has_source)
        mount.source = bytes(link ? one_of(seed, ends, 3) : one_of(seed, sources, 4));
    mount.has_write = mount.has_exec = !link && mount.type != PROC;
    mount.write = mount.has_write && within_random(seed, 2);
    mount.exec = mount.has_exec && within_random(seed, 2);
    mount.has_dev = mount.type == BIND || mount.type == HOST;
    mount.dev = mount.has_dev && within_random(seed, 2);
    mount.has_size = mount.type == TMPFS;
    mount.size = 1 + within_random(seed, 4);
    return mount;
}

static void change(uint64_t *seed, struct sample *sample)
{
    size_t n = sample->count ? within_random(seed, (unsigned)sample->count) : 0;
    Crib__Mount *mount = &sample->mounts[n], swap;

    switch (within_random(seed, 5)) {
    case 0:
        if (sample->count < MOUNTS_MAX)
            sample->mounts[sample->count++] = random_mount(seed);
        break;
    case 1:
        if (sample->count)
            memmove(mount, mount + 1, (--sample->count - n) * sizeof(*mount));
        break;
    case 2: /* another target, or order */
        swap = random_mount(seed);
        if (sample->count && within_random(seed, 2)) {
            mount->target = swap.target;
        } else if (sample->count) {
            swap = *mount;
            *mount = sample->mounts[sample->count - 1];
            sample->mounts[sample->count - 1] = swap;
        }
        break;
    default: /* less */
        mount->write = mount->write && within_random(seed, 2);
        mount->exec = mount->exec && within_random(seed, 2);
        mount->dev = mount->dev && within_random(seed, 2);
        mount->size -= mount->size > 1;
    }
}

/* Makes the policy of a fixture. */
static void start(struct fixture *f, struct sample *sample, bool landlock)
{
    fixture_start(f);
    for (size_t i = 0; i < sample->count; i++)
        assert_int_equal(
            arena_push(&f->arena, &f->policy->mounts, &f->policy->n_mounts, &sample->mounts[i]), 0);
    f->policy->has_landlock = landlock;
    f->policy->landlock = CRIB__NEED__preferred;
}

static void print_mounts(const char *name, const struct sample *sample)
{
    for (size_t i = 0; i < sample->count; i++) {
        const Crib__Mount *m = &sample->mounts[i];

        print_message("%s: type %d %s -> %s%s%s%s size %u\n", name, (int)m->type,
                      m->has_source ? text_of(&m->source) : "", text_of(&m->target),
                      m->write ? " write" : "", m->exec ? " exec" : "", m->dev ? " dev" : "",
                      (unsigned)m->size);
    }
}

/* Return: 0, or what policy_within() refuses with; whether that is right, is asserted. */
static int compare_pair(unsigned pair, struct sample *one, struct sample *other, bool landlock,
                        unsigned *judged)
{
    struct fixture asked, most;
    struct shown shows_asked, shows_most;
    int r;

    start(&asked, one, landlock);
    start(&most, other, landlock);
    shows_asked = show(&asked);
    shows_most = show(&most);
    r = policy_within(asked.policy, most.policy, false, false, &asked.err);
    assert_true(r == 0 || r == -EACCES);
    /* what cannot be planned grants nothing, and so is no measure either */
    if (!shows_most.made)
        r = -EACCES;
    *judged += shows_most.made && shows_no_more(&shows_asked, &shows_most);
    if (r == 0 && !shows_no_more(&shows_asked, &shows_most)) {
        print_mounts("policy", one);
        print_mounts("widest", other);
        fail_msg("pair %u: policy_within() says yes, and more is shown", pair);
    }
    fixture_done(&asked);
    fixture_done(&most);
    return r;
}

static void test_random_pairs(void **state)
{
    uint64_t seed = 7;
    unsigned within = 0, judged = 0;

    (void)state;
    for (unsigned pair = 0; pair < PAIRS; pair++) {
        struct sample asked, most = {.count = 1 + within_random(&seed, MOUNTS_MAX)};

        for (size_t i = 0; i < most.count; i++)
            most.mounts[i] = random_mount(&seed);
        asked = most;
        for (unsigned n = 1 + within_random(&seed, 4); n; n--)
            change(&seed, &asked);
        within += compare_pair(pair, &asked, &most, within_random(&seed, 2), &judged) == 0;
    }
    print_message("%u pairs: %u within, the plans say %u\n", PAIRS, within, judged);
    assert_true(within > PAIRS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_pairs)};

    return test_run(tests);
}
