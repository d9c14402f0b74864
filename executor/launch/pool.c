/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "launch/prepare.h"
#include "launch/surroundings.h"

#define MOST_KEYS 64
#define REST_MS   1000 /* after a sandbox could not be made */

struct waiting {
    struct launch launch;
    struct waiting *next;
};

struct key {
    struct key *next;
    uint8_t *data; /* the first half of a plan, packed */
    size_t len;
    struct waiting *waiting;
    unsigned count;
    uint64_t used_ms;   /* clock; 0: it is to be forgotten */
    uint64_t failed_ms; /* 0: never */
};

struct pool {
    unsigned most, idle_ms;
    struct surroundings around;
    int mounts;   /* tells that some have changed; -1 */
    bool running; /* there is a thread */
    pthread_t thread;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct key *keys;
    unsigned count; /* that wait, of all keys */
    bool stop;
};

struct pool *pool_new(unsigned most, unsigned idle_ms)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    pthread_condattr_t attr;

    if (!pool)
        return NULL;
    pool->mounts = -1;
    pool->most = most;
    pool->idle_ms = idle_ms;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->changed, &attr);
    pthread_condattr_destroy(&attr);
    return pool;
}

static void end(struct waiting *list)
{
    /* All of them first, so that they end beside each other. */
    for (struct waiting *one = list; one; one = one->next)
        launch_signal(&one->launch, SIGKILL);
    while (list) {
        struct waiting *one = list;

        list = one->next;
        launch_done(&one->launch);
        free(one);
    }
}

/* Under the lock. Takes the first of @key. */
static struct waiting *pop(struct pool *pool, struct key *key)
{
    struct waiting *one = key->waiting;

    if (one) {
        key->waiting = one->next;
        one->next = NULL;
        key->count--;
        pool->count--;
    }
    return one;
}

static struct waiting *pop_all(struct pool *pool, struct key *key)
{
    struct waiting *list = key->waiting;

    pool->count -= key->count;
    key->waiting = NULL;
    key->count = 0;
    return list;
}

/* Each key that is in use may have as many as the others. */
static unsigned share(const struct pool *pool)
{
    unsigned keys = 0;

    for (const struct key *key = pool->keys; key; key = key->next)
        keys++;
    return keys >= pool->most ? 1 : pool->most / keys;
}

static bool is_stale(const struct pool *pool, const struct key *key, uint64_t now)
{
    return !key->used_ms || (pool->idle_ms && now - key->used_ms >= pool->idle_ms);
}

/* Forgets what nobody has asked for. Return: what has to be ended. */
static struct waiting *forget(struct pool *pool, uint64_t now)
{
    struct waiting *list = NULL;
    struct key **link = &pool->keys, *key;

    while ((key = *link)) {
        if (!is_stale(pool, key, now)) {
            link = &key->next;
            continue;
        }
        list = pop_all(pool, key);
        *link = key->next;
        free(key->data);
        free(key);
        if (list)
            return list;
    }
    return NULL;
}

/* Where all places are taken, and @wants has less than its share. Return: one of a key that has
 * more; or of the one that has rested longest, if that is so by far: keys that were used once hold
 * no places, and keys that take turns do not rob each other. NULL: none. */
static struct waiting *trim(struct pool *pool, const struct key *wants)
{
    struct key *rested = NULL;
    unsigned most = share(pool);

    for (struct key *key = pool->keys; key && pool->count >= pool->most; key = key->next) {
        if (key->count > most)
            return pop(pool, key);
        if (key->count && key->used_ms + REST_MS <= wants->used_ms &&
            (!rested || key->used_ms < rested->used_ms))
            rested = key;
    }
    return rested ? pop(pool, rested) : NULL;
}

/* Return: the key that lacks one, the last used first; NULL: none. */
static struct key *choose(const struct pool *pool, uint64_t now)
{
    struct key *best = NULL;
    unsigned most = pool->keys ? share(pool) : 0;

    for (struct key *key = pool->keys; key; key = key->next)
        if (key->count < most && (!key->failed_ms || now - key->failed_ms >= REST_MS) &&
            (!best || key->used_ms > best->used_ms))
            best = key;
    return best;
}

/* Until something changes, or something may have to be forgotten or tried again. */
static void rest(struct pool *pool)
{
    struct timespec until;
    uint64_t ms = pool->idle_ms && pool->idle_ms < REST_MS ? pool->idle_ms : REST_MS;

    if (!pool->keys) {
        pthread_cond_wait(&pool->changed, &pool->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += (time_t)(ms / 1000) + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
}

/* Without the lock: @key stays, since only this thread forgets. */
static void make(struct pool *pool, struct key *key)
{
    struct waiting *one = calloc(1, sizeof(*one));
    int r;

    pthread_mutex_unlock(&pool->lock);
    r = one ? prepare_sandbox(key->data, key->len, &one->launch) : -ENOMEM;
    pthread_mutex_lock(&pool->lock);
    key->failed_ms = r < 0 ? clock_us() / 1000 : 0;
    if (r < 0) {
        free(one);
        return;
    }
    one->next = key->waiting;
    key->waiting = one;
    key->count++;
    pool->count++;
}

static void *work(void *data)
{
    struct pool *pool = data;

    pthread_mutex_lock(&pool->lock);
    while (!pool->stop) {
        uint64_t now = clock_us() / 1000;
        struct waiting *old = forget(pool, now);
        struct key *key = old ? NULL : choose(pool, now);

        if (!old && key)
            old = trim(pool, key);
        if (old) {
            pthread_mutex_unlock(&pool->lock);
            end(old);
            pthread_mutex_lock(&pool->lock);
        } else if (key && pool->count < pool->most) {
            make(pool, key);
        } else {
            rest(pool);
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

/* A thread inherits what its maker is: a later one is made when that has changed. */
static int run(struct pool *pool)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pool->stop = false;
    r = pthread_create(&pool->thread, NULL, work, pool);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pool->running = r == 0;
    return -r;
}

/* A fork has neither the thread nor the sandboxes of its maker: it lets go of the fds. */
static void drop(struct pool *pool, bool ours)
{
    struct key *key;

    if (pool->running && ours) {
        pthread_mutex_lock(&pool->lock);
        pool->stop = true;
        pthread_cond_signal(&pool->changed);
        pthread_mutex_unlock(&pool->lock);
        pthread_join(pool->thread, NULL);
    }
    pool->running = false;
    fd_close(&pool->mounts);
    while ((key = pool->keys)) {
        struct waiting *list = pop_all(pool, key), *one;

        if (ours)
            end(list);
        while (!ours && (one = list)) {
            list = one->next;
            launch_leave(&one->launch);
            free(one);
        }
        pool->keys = key->next;
        free(key->data);
        free(key);
    }
}

void pool_free(struct pool *pool)
{
    bool ours;

    if (!pool)
        return;
    ours = !pool->running || pool->around.pid == getpid();
    drop(pool, ours);
    if (ours) { /* a fork would wait for its maker's thread */
        pthread_cond_destroy(&pool->changed);
        pthread_mutex_destroy(&pool->lock);
    }
    free(pool);
}

/* What is bound was cloned with what was mounted below it, as it was. Return: whether that is so
 * still. */
static bool same_mounts(const struct pool *pool)
{
    struct pollfd changed = {.fd = pool->mounts, .events = POLLPRI};

    return poll(&changed, 1, 0) <= 0;
}

/* From now on. */
static bool watch_mounts(struct pool *pool)
{
    pool->mounts = open("/proc/thread-self/mountinfo", O_RDONLY | O_CLOEXEC);
    return pool->mounts >= 0 && fd_above(&pool->mounts, 3) == 0;
}

/* Return: whether sandboxes can be made and taken here. */
static bool settle(struct pool *pool)
{
    struct surroundings now;

    if (!surroundings_look(&now))
        return false;
    if (pool->running && memcmp(&now, &pool->around, sizeof(now)) == 0 && same_mounts(pool))
        return true;
    drop(pool, !pool->running || pool->around.pid == now.pid);
    if (pool->around.pid && pool->around.pid != now.pid) {
        pthread_mutex_init(&pool->lock, NULL); /* whoever held it is not here */
        pthread_cond_init(&pool->changed, NULL);
    }
    pool->around = now;
    return watch_mounts(pool) && run(pool) == 0;
}

static struct key *find(struct pool *pool, const uint8_t *data, size_t len)
{
    for (struct key *key = pool->keys; key; key = key->next)
        if (key->len == len && memcmp(key->data, data, len) == 0)
            return key;
    return NULL;
}

static unsigned count_keys(const struct pool *pool)
{
    unsigned count = 0;

    for (const struct key *key = pool->keys; key; key = key->next)
        count++;
    return count;
}

static void forget_oldest(struct pool *pool)
{
    struct key *oldest = pool->keys;

    for (struct key *key = pool->keys; key; key = key->next)
        if (key->used_ms < oldest->used_ms)
            oldest = key;
    oldest->used_ms = 0;
}

/* Under the lock. Takes @data. Return: the key, marked as used; NULL: too many, of which the oldest
 * will not be there the next time; or no memory. */
static struct key *use(struct pool *pool, uint8_t *data, size_t len)
{
    struct key *key = find(pool, data, len);

    if (!key && count_keys(pool) >= MOST_KEYS)
        forget_oldest(pool);
    if (key || count_keys(pool) >= MOST_KEYS || !(key = calloc(1, sizeof(*key)))) {
        free(data);
    } else {
        *key = (struct key){.next = pool->keys, .data = data, .len = len};
        pool->keys = key;
    }
    if (key)
        key->used_ms = clock_us() / 1000;
    return key;
}

/* Return: whether one was there; -ENOMEM. */
static int ask(struct pool *pool, const Crib__Plan *first, struct waiting **ret)
{
    size_t len = crib__plan__get_packed_size(first);
    uint8_t *data = malloc(len);
    struct key *key;

    if (!data)
        return -ENOMEM;
    crib__plan__pack(first, data);
    pthread_mutex_lock(&pool->lock);
    key = use(pool, data, len);
    if (key && ret)
        *ret = pop(pool, key);
    pthread_cond_signal(&pool->changed);
    pthread_mutex_unlock(&pool->lock);
    return key ? 0 : -ENOMEM;
}

int pool_want(struct pool *pool, const Crib__Plan *first)
{
    return settle(pool) ? ask(pool, first, NULL) : -EAGAIN;
}

bool pool_take(struct pool *pool, const Crib__Plan *first, struct launch *ret)
{
    struct waiting *one = NULL;

    if (!settle(pool) || ask(pool, first, &one) < 0 || !one)
        return false;
    *ret = one->launch;
    free(one);
    return true;
}

unsigned pool_ready(struct pool *pool)
{
    unsigned count;

    if (pool->around.pid != getpid())
        return 0; /* none yet, or those of our maker, and nobody would let go of its lock */
    pthread_mutex_lock(&pool->lock);
    count = pool->count;
    pthread_mutex_unlock(&pool->lock);
    return count;
}
