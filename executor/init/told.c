/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation: each key has a slot with a window of WINDOW_US. The first call of a window
 * is told at once; so are up to BURST in all that differ from the one told before, since who makes
 * one refused call mostly makes a few. The rest is counted, and the count told with the last one's
 * particulars when the window ends; that begins a new one. In a second at most PER_SECOND refusals
 * and TRACED_PER_SECOND traced calls are told; what is over that stays counted and is told later.
 * The table has SLOTS places of which a key can take PROBES; where all are held by counts, a
 * refusal takes the place of a traced call, whose count is nothing that must add up, and else it is
 * lost, which is a number too. So the sum of all counts of refusals told and of what is lost is the
 * number of refusals, whatever comes.
 */
#include "init/told.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_US         100000
#define BURST             8
#define LOOKS             8 /* in a window */
#define PER_SECOND        200
#define TRACED_PER_SECOND 2000
#define SLOTS             512 /* a power of two */
#define PROBES            8

struct told_slot {
    struct told_key key;
    struct sighting *last; /* told last, or the last that was counted; NULL: never used */
    uint64_t until;        /* when the window ends */
    uint64_t count;        /* not told yet */
    unsigned burst, looks; /* left in this window */
};

struct told {
    told_send *send;
    void *data;
    uint64_t lost;
    uint64_t second;         /* when the current one began */
    unsigned told[2], looks; /* in it; refusals and traced calls */
    unsigned waiting;        /* slots with a count */
    uint64_t due;            /* no later than the first end of a window that has one */
    struct told_slot slots[SLOTS];
};

void sighting_copy(struct sighting *to, const struct sighting *from)
{
    if (to == from)
        return;
    memcpy(to, from, offsetof(struct sighting, object));
    memcpy(to->object, from->object, from->object_len);
    memcpy(&to->file, &from->file, offsetof(struct sighting_file, path));
    if (!from->file.known)
        return;
    memcpy(to->file.path, from->file.path, from->file.path_len);
    memcpy(to->file.there, from->file.there, from->file.there_len);
}

static bool same(const struct sighting *one, const struct sighting *other)
{
    return one->pid == other->pid && one->number == other->number && one->arg == other->arg &&
           memcmp(one->args, other->args, sizeof(one->args)) == 0 &&
           one->object_len == other->object_len &&
           memcmp(one->object, other->object, one->object_len) == 0;
}

struct told *told_new(told_send *send, void *data)
{
    struct told *told = calloc(1, sizeof(*told));

    if (told) {
        told->send = send;
        told->data = data;
    }
    return told;
}

void told_free(struct told *told)
{
    for (size_t i = 0; told && i < SLOTS; i++)
        free(told->slots[i].last);
    free(told);
}

void told_lose(struct told *told, uint64_t count)
{
    told->lost += count;
}

uint64_t told_lost(const struct told *told)
{
    return told->lost;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15;
    return hash ^ hash >> 32;
}

static size_t place(const struct told_key *key)
{
    uint64_t hash = mix(key->where, key->by < 0 ? (uint32_t)key->number : ~(uint64_t)key->by);

    return (size_t)mix(hash, (uint32_t)key->answer);
}

static bool is_of(const struct told_slot *slot, const struct told_key *key)
{
    return slot->last && slot->key.by == key->by && slot->key.answer == key->answer &&
           slot->key.traced == key->traced && slot->key.where == key->where &&
           (key->by >= 0 || slot->key.number == key->number);
}

static void begin_window(struct told_slot *slot, uint64_t now)
{
    slot->until = now + WINDOW_US;
    slot->burst = BURST;
    slot->looks = LOOKS;
}

/* Gives a slot to a key. Return: false without memory. */
static bool occupy(struct told_slot *slot, const struct told_key *key, uint64_t now)
{
    if (!slot->last)
        slot->last = malloc(sizeof(*slot->last));
    if (!slot->last)
        return false;
    memset(slot->last, 0, offsetof(struct sighting, object));
    slot->key = *key;
    begin_window(slot, now);
    return true;
}

/* A traced call gives way. Return: its slot, without a count; NULL: there is none. */
static struct told_slot *displace(struct told *told, struct told_slot *slot)
{
    if (!slot)
        return NULL;
    slot->count = 0;
    told->waiting--;
    return slot;
}

struct told_slot *told_open(struct told *told, const struct told_key *key, uint64_t now)
{
    size_t first = place(key);
    struct told_slot *unused = NULL, *traced = NULL;

    for (size_t i = 0; i < PROBES; i++) {
        struct told_slot *slot = &told->slots[(first + i) % SLOTS];

        if (is_of(slot, key)) {
            if (slot->count == 0 && now >= slot->until)
                begin_window(slot, now);
            return slot;
        }
        if (!unused && slot->count == 0 && (!slot->last || now >= slot->until))
            unused = slot;
        if (!key->traced && slot->count > 0 && slot->key.traced)
            traced = slot;
    }
    if (!unused)
        unused = displace(told, traced);
    return unused && occupy(unused, key, now) ? unused : NULL;
}

static void turn_second(struct told *told, uint64_t now)
{
    if (now - told->second <= 1000000)
        return;
    told->second = now;
    told->told[0] = told->told[1] = told->looks = 0;
}

bool told_look(struct told *told, struct told_slot *slot, uint64_t now)
{
    turn_second(told, now);
    if (!slot || slot->looks == 0 || told->looks >= PER_SECOND)
        return false;
    slot->looks--;
    told->looks++;
    return true;
}

/* Return: whether it was told. */
static bool tell(struct told *told, const struct told_slot *slot, uint64_t count, uint64_t now)
{
    const unsigned most[] = {PER_SECOND, TRACED_PER_SECOND};

    turn_second(told, now);
    if (told->told[slot->key.traced] >= most[slot->key.traced] ||
        told->send(told->data, slot->last, count) < 0)
        return false;
    told->told[slot->key.traced]++;
    return true;
}

static void count_up(struct told *told, struct told_slot *slot)
{
    if (slot->count++ > 0)
        return;
    if (told->waiting++ == 0 || slot->until < told->due)
        told->due = slot->until;
}

void told_add(struct told *told, struct told_slot *slot, const struct sighting *sighting,
              uint64_t now)
{
    bool at_once;

    if (!slot) {
        told->lost++;
        return;
    }
    at_once = slot->count == 0 && slot->burst > 0 &&
              (slot->burst == BURST || !same(slot->last, sighting));
    sighting_copy(slot->last, sighting);
    if (at_once) {
        slot->burst--;
        if (tell(told, slot, 1, now))
            return;
    }
    count_up(told, slot);
}

int told_due(const struct told *told, uint64_t now)
{
    if (told->waiting == 0)
        return -1;
    return now >= told->due ? 0 : (int)((told->due - now) / 1000) + 1;
}

/* A window ends. What could not be told stays for the next. */
static void end_window(struct told *told, struct told_slot *slot, uint64_t now)
{
    begin_window(slot, now);
    if (!tell(told, slot, slot->count, now))
        return;
    slot->burst--;
    slot->count = 0;
    told->waiting--;
}

void told_flush(struct told *told, uint64_t now)
{
    uint64_t due = UINT64_MAX;

    if (told->waiting == 0 || now < told->due)
        return;
    for (size_t i = 0; i < SLOTS; i++) {
        struct told_slot *slot = &told->slots[i];

        if (slot->count > 0 && now >= slot->until)
            end_window(told, slot, now);
        if (slot->count > 0 && slot->until < due)
            due = slot->until;
    }
    told->due = due;
}

void told_finish(struct told *told)
{
    for (size_t i = 0; i < SLOTS && told->waiting > 0; i++) {
        struct told_slot *slot = &told->slots[i];

        if (slot->count == 0)
            continue;
        if (told->send(told->data, slot->last, slot->count) < 0)
            told->lost += slot->count;
        slot->count = 0;
        told->waiting--;
    }
}
