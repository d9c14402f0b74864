/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/recall.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "plan/filter.h"
#include "plan/ready.h"

/* A section. */
struct recalled {
    unsigned holders; /* the list below, and plans */
    void *key;
    size_t key_len;
    struct arena arena;
    Crib__Plan *plan;                        /* `syscalls` and `receipt` */
    ProtobufCBinaryData listening, fallback; /* the programs; data NULL: not known yet */
};

static struct recalled *sections[RECALL_SECTIONS];
static unsigned next_section;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int append_message(struct buf *key, const ProtobufCMessage *message)
{
    size_t len = message ? protobuf_c_message_get_packed_size(message) : 0;
    int r = buf_append(key, &len, sizeof(len));
    uint8_t *data;

    if (r < 0 || !len)
        return r;
    data = buf_reserve(key, len);
    if (!data)
        return -ENOMEM;
    buf_grown(key, protobuf_c_message_pack(message, data));
    return 0;
}

int recall_key(const struct planning *p, struct buf *ret)
{
    const Crib__Origins *origins = p->task->origins;
    const uint32_t facts[] = {p->host->listener, p->task->has_trace ? p->task->trace : 0,
                              origins != NULL};
    Crib__Origins used = CRIB__ORIGINS__INIT; /* what `allow` is made of is told nowhere */
    int r = buf_append(ret, facts, sizeof(facts));

    if (r == 0)
        r = append_message(ret, p->policy->syscalls ? &p->policy->syscalls->base : NULL);
    if (r < 0 || !origins)
        return r;
    used.name = origins->name;
    used.n_deny = origins->n_deny;
    used.deny = origins->deny;
    used.n_kill = origins->n_kill;
    used.kill = origins->kill;
    used.n_log = origins->n_log;
    used.log = origins->log;
    return append_message(ret, &used.base);
}

static void section_free(struct recalled *section)
{
    arena_done(&section->arena);
    free(section->key);
    free(section);
}

static void release(void *data)
{
    struct recalled *section = data;
    bool last;

    pthread_mutex_lock(&lock);
    last = --section->holders == 0;
    pthread_mutex_unlock(&lock);
    if (last)
        section_free(section);
}

/* Return: a section with one holder; NULL. */
static struct recalled *section_new(const struct buf *key, const uint8_t *plan, size_t len)
{
    struct recalled *section = calloc(1, sizeof(*section));

    if (!section)
        return NULL;
    section->holders = 1;
    arena_init(&section->arena, 0);
    section->key = malloc(key->len);
    section->key_len = key->len;
    section->plan = crib__plan__unpack(&section->arena.pb, len, plan);
    if (section->key && section->plan && section->plan->syscalls) {
        memcpy(section->key, key->data, key->len);
        return section;
    }
    section_free(section);
    return NULL;
}

static bool is_it(const struct recalled *section, const struct buf *key)
{
    return section && section->key_len == key->len &&
           memcmp(section->key, key->data, key->len) == 0;
}

/* Return: a section that the caller now holds; NULL. */
static struct recalled *find(const struct buf *key)
{
    struct recalled *found = NULL;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < RECALL_SECTIONS && !found; i++)
        if (is_it(sections[i], key))
            found = sections[i];
    if (found)
        found->holders++;
    pthread_mutex_unlock(&lock);
    return found;
}

/* Takes @section, unless somebody else was faster; the oldest makes room for it. */
static void add(struct recalled *section, const struct buf *key)
{
    struct recalled *gone = section;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < RECALL_SECTIONS; i++)
        if (is_it(sections[i], key))
            goto out;
    gone = sections[next_section];
    sections[next_section] = section;
    next_section = (next_section + 1) % RECALL_SECTIONS;
out:
    pthread_mutex_unlock(&lock);
    if (gone)
        release(gone);
}

static ProtobufCBinaryData code_of(const struct sock_filter *code, size_t len)
{
    return (ProtobufCBinaryData){len * sizeof(*code), (uint8_t *)code};
}

/* Return: the section of a shipped policy, held by the caller; NULL. */
static struct recalled *find_ready(const struct buf *key)
{
    for (size_t i = 0; i < ready_sections_count; i++) {
        const struct ready_section *ready = &ready_sections[i];
        struct recalled *section;

        if (ready->key.len != key->len || memcmp(ready->key.data, key->data, key->len) != 0)
            continue;
        section = section_new(key, ready->plan.data, ready->plan.len);
        if (!section)
            return NULL;
        section->listening = code_of(ready->filter->listening, ready->filter->listening_len);
        section->fallback = code_of(ready->filter->fallback, ready->filter->fallback_len);
        section->holders++;
        add(section, key);
        return section;
    }
    return NULL;
}

static int take_receipt(struct planning *p, const Crib__Plan *plan)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < plan->n_receipt; i++) {
        Crib__Receipt *line = ARENA_NEW(p->arena, crib__receipt, Crib__Receipt);

        if (!line)
            return -ENOMEM;
        *line = *plan->receipt[i]; /* what became of a task is written into its own */
        r = arena_push(p->arena, &p->plan->receipt, &p->plan->n_receipt, line);
    }
    return r;
}

int recall_take(struct planning *p, const struct buf *key)
{
    struct recalled *section = find(key);
    Crib__SyscallsPlan *own;

    if (!section)
        section = find_ready(key);
    if (!section)
        return 0;
    if (arena_hold(p->arena, release, section) < 0) {
        release(section);
        return -ENOMEM;
    }
    own = arena_alloc(p->arena, sizeof(*own));
    if (!own || take_receipt(p, section->plan) < 0)
        return -ENOMEM;
    *own = *section->plan->syscalls;
    p->plan->syscalls = own;
    return 1;
}

void recall_add(const struct planning *p, const struct buf *key, size_t first)
{
    Crib__Plan plan = CRIB__PLAN__INIT;
    struct recalled *section;
    uint8_t *data;
    size_t len;

    plan.syscalls = p->plan->syscalls;
    plan.receipt = p->plan->receipt + first;
    plan.n_receipt = p->plan->n_receipt - first;
    len = crib__plan__get_packed_size(&plan);
    data = malloc(len);
    if (!data)
        return;
    crib__plan__pack(&plan, data);
    section = section_new(key, data, len);
    free(data);
    if (section)
        add(section, key);
}

/* Under the lock. Return: the section whose lists a plan has. */
static struct recalled *section_of(const Crib__SyscallsPlan *plan)
{
    for (unsigned i = 0; i < RECALL_SECTIONS; i++)
        if (sections[i] && sections[i]->plan->syscalls->allow == plan->allow)
            return sections[i];
    return NULL;
}

bool recall_programs(Crib__SyscallsPlan *plan)
{
    const struct recalled *section;

    pthread_mutex_lock(&lock);
    section = section_of(plan);
    if (section && section->fallback.data) {
        plan->program = plan->listener ? section->listening : section->fallback;
        plan->fallback = section->fallback;
    }
    pthread_mutex_unlock(&lock);
    if (!plan->fallback.data)
        return false;
    plan->has_program = plan->has_fallback = plan->has_instructions = true;
    plan->instructions = (uint32_t)(plan->program.len / sizeof(struct sock_filter));
    return true;
}

void recall_add_programs(const Crib__SyscallsPlan *plan)
{
    struct recalled *section;
    ProtobufCBinaryData program, fallback;

    pthread_mutex_lock(&lock);
    section = section_of(plan);
    if (section && !section->fallback.data) {
        program = arena_bytes(&section->arena, plan->program.data, plan->program.len);
        fallback = arena_bytes(&section->arena, plan->fallback.data, plan->fallback.len);
        if (program.data && fallback.data) {
            section->listening = program; /* of a host without listener never asked for */
            section->fallback = fallback;
        }
    }
    pthread_mutex_unlock(&lock);
}

bool ready_find(const struct buf *key, struct filter_programs *ret)
{
    for (size_t i = 0; i < ready_filters_count; i++) {
        const struct ready_filter *ready = &ready_filters[i];

        if (strcmp(ready->key, (const char *)key->data) != 0)
            continue;
        ret->listening =
            (struct filter_code){(struct sock_filter *)ready->listening, ready->listening_len};
        ret->fallback =
            (struct filter_code){(struct sock_filter *)ready->fallback, ready->fallback_len};
        return true;
    }
    return false;
}
