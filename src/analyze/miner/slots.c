/* Slots of forms: quoted text, key=value, ", key: value", <Repr …>, [word]. Evidence is gathered
 * over the whole skeleton, the line with all of its slots blanked: where many slots vary at once,
 * equal rests never come. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { FEW_SLOTS = 3, NEED_ENUM = 4, NEED_SQUARE = 3 };

/* ---- evidence ---- */

/* One slot of one form, in the skeleton of that form. */
struct seen {
    struct rp_found at; /* its value without blanks */
    struct rp_slot slot;
    bool varies;
};

struct evidence {
    struct rp_work *w;
    const struct rp_seq *forms;
    struct seen *v;
    size_t n, cap;
};

static bool holds_message(const struct rp_slot *s)
{
    return s->kind == 'K' && (s->key_flags & RP_W_MSG);
}

/* Takes the texts of a part as they are, without its blanks. */
static void add_texts(const struct rp_work *w, struct rp_skeleton *k, struct rp_seq f)
{
    for (uint32_t i = 0; i < f.n; i++)
        if (rp_kind_at(w, f, i) != RP_K_BLANK) {
            k->hash = rp_mix(k->hash, rp_sym(w, f.v[i])->text_hash);
            k->place++;
        }
}

static uint64_t value_hash(const struct rp_work *w, struct rp_seq value)
{
    struct rp_skeleton k = {.hash = 1};
    add_texts(w, &k, value);
    return k.hash;
}

static void note(struct evidence *e, uint32_t form, const struct rp_skeleton *k,
                 struct rp_slot slot, uint64_t value)
{
    if (e->n == e->cap) {
        e->cap = e->cap > 0 ? 2 * e->cap : 256;
        e->v = rp_xrealloc(e->v, e->cap * sizeof *e->v);
    }
    e->v[e->n++] =
        (struct seen){.at = {.form = form, .place = k->place, .value = value}, .slot = slot};
}

/* A bare wildcard where others have a slot is a value of that slot, so wildcards are noted too. */
static void add_outside(struct evidence *e, struct rp_skeleton *k, uint32_t form,
                        struct rp_seq part)
{
    for (uint32_t i = 0; i < part.n; i++) {
        const struct rp_symbol *x = rp_sym(e->w, part.v[i]);
        if (x->kind == RP_K_WILD)
            note(e, form, k, (struct rp_slot){.kind = '*'}, x->text_hash);
        rp_skeleton_add(e->w, k, part.v[i]);
    }
}

static void find_slots(struct evidence *e, uint32_t form)
{
    struct rp_slot slots[RP_SLOTS_MAX];
    struct rp_seq f = e->forms[form];
    size_t n = rp_slots_find(e->w, f, slots, RP_SLOTS_MAX), first = e->n;
    struct rp_skeleton k = {.hash = 1};
    uint32_t p = 0;
    for (size_t i = 0; i < n; i++) {
        add_outside(e, &k, form, rp_seq_part(f, p, slots[i].out_from));
        struct rp_seq value = rp_seq_part(f, slots[i].from, slots[i].to);
        p = slots[i].out_to;
        if (holds_message(&slots[i])) {
            add_texts(e->w, &k, rp_seq_part(f, slots[i].out_from, p));
            continue;
        }
        note(e, form, &k, slots[i], value_hash(e->w, value));
        rp_skeleton_add(e->w, &k, RP_SYM_WILD);
    }
    add_outside(e, &k, form, rp_seq_part(f, p, f.n));
    for (size_t i = first; i < e->n; i++)
        e->v[i].at.skeleton = k.hash;
}

/* ---- decisions ---- */

static struct rp_seq value_of(const struct evidence *e, const struct seen *s)
{
    if (s->slot.kind == '*')
        return (struct rp_seq){NULL, 0};
    return rp_seq_part(e->forms[s->at.form], s->slot.from, s->slot.to);
}

/* All words closed class; an unkeyed "GET /x" too. */
static bool is_closed(const struct evidence *e, const struct seen *s, bool keyed)
{
    struct rp_seq v = value_of(e, s);
    uint32_t items = 0;
    if (s->slot.kind == '*')
        return false;
    for (uint32_t i = 0; i < v.n; i++) {
        uint32_t flags = rp_flags_at(e->w, v, i);
        if (rp_kind_at(e->w, v, i) == RP_K_BLANK)
            continue;
        if (items++ == 0 && !keyed && v.n > 1 && (flags & RP_W_METHOD) && (flags & RP_T_UPPER))
            return true;
        if (!(flags & RP_W_CLOSED) || (flags & (RP_W_NULL | RP_W_BOOL)))
            return false;
    }
    return items > 0;
}

struct counts {
    size_t values, closed, closed_level, empty, exceptions;
    int low;
};

/* Of the distinct values of one place. */
static struct counts count_values(const struct evidence *e, size_t from, size_t to, bool keyed)
{
    struct counts c = {.low = 99};
    for (size_t i = from; i < to; i++) {
        if (i > from && e->v[i].at.value == e->v[i - 1].at.value)
            continue;
        struct rp_seq v = value_of(e, &e->v[i]);
        int level = v.n > 0 ? rp_sym(e->w, v.v[0])->level : RP_LEVEL_WILD;
        c.values++;
        c.empty += v.n == 0 && e->v[i].slot.kind != '*';
        c.exceptions += v.n == 1 && (rp_flags_at(e->w, v, 0) & RP_T_EXCEPTION);
        c.closed += is_closed(e, &e->v[i], keyed);
        c.closed_level += level <= 0;
        c.low = level < c.low ? level : c.low;
    }
    return c;
}

static bool place_varies(const struct evidence *e, size_t from, size_t to,
                         const struct rp_slot *slot, size_t slots)
{
    struct counts c = count_values(e, from, to, slot->key != 0);
    if (c.values < 2 || c.exceptions == c.values)
        return false;
    if (slot->kind == 'S')
        return (c.values >= NEED_SQUARE && 2 * c.closed_level < c.values) ||
               c.low >= RP_LEVEL_DIGIT;
    if (slots < FEW_SLOTS && 2 * c.closed >= c.values)
        return c.values - c.empty >= NEED_ENUM;
    return true;
}

/* The slot that a place stands for: any that is no bare wildcard. */
static const struct rp_slot *slot_of(const struct evidence *e, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (e->v[i].slot.kind != '*')
            return &e->v[i].slot;
    return NULL;
}

static size_t place_end(const struct evidence *e, size_t from, size_t limit)
{
    size_t to = from + 1;
    while (to < limit && e->v[to].at.place == e->v[from].at.place)
        to++;
    return to;
}

/* Where some values have quotes and others have none, the quotes belong to the value. */
static void take_quotes(struct evidence *e, size_t from, size_t to)
{
    bool quoted = false, bare = false;
    for (size_t i = from; i < to; i++) {
        const struct rp_slot *s = &e->v[i].slot;
        quoted |= s->out_to > s->to;
        bare |= s->kind == '*' || s->out_to == s->to;
    }
    for (size_t i = from; i < to && quoted && bare; i++) {
        e->v[i].slot.from = e->v[i].slot.out_from;
        e->v[i].slot.to = e->v[i].slot.out_to;
    }
}

static void decide_skeleton(struct evidence *e, size_t from, size_t end)
{
    size_t slots = 0;
    for (size_t i = from, to; i < end; i = to) {
        to = place_end(e, i, end);
        slots += slot_of(e, i, to) != NULL;
    }
    for (size_t i = from, to; i < end; i = to) {
        to = place_end(e, i, end);
        const struct rp_slot *slot = slot_of(e, i, to);
        bool varies = slot != NULL && place_varies(e, i, to, slot, slots);
        for (size_t k = i; k < to; k++)
            e->v[k].varies = varies;
        take_quotes(e, i, to);
    }
}

static void decide(struct evidence *e)
{
    for (size_t from = 0, to; from < e->n; from = to) {
        for (to = from + 1; to < e->n && e->v[to].at.skeleton == e->v[from].at.skeleton;)
            to++;
        decide_skeleton(e, from, to);
    }
}

static bool is_keyed(const struct rp_slot *s)
{
    return s->kind == 'K' || s->kind == 'M';
}

/* A key that varies in another skeleton varies here. One entry for each key and skeleton where it
 * varies: field a counts skeletons. */
static struct rp_entries varying_keys(const struct evidence *e)
{
    struct rp_entries k = {0};
    for (size_t i = 0; i < e->n; i++)
        if (e->v[i].varies && is_keyed(&e->v[i].slot))
            rp_entries_add(&k, (struct rp_entry){.hash = e->v[i].slot.key,
                                                 .item = (uint32_t)e->v[i].at.skeleton,
                                                 .a = (uint32_t)(e->v[i].at.skeleton >> 32)});
    rp_entries_sort(&k);
    return k;
}

static bool varies_elsewhere(const struct rp_entries *k, uint64_t key, uint64_t skeleton)
{
    for (size_t i = rp_entries_find(k, key); i < k->n && k->v[i].hash == key; i++)
        if (k->v[i].item != (uint32_t)skeleton || k->v[i].a != (uint32_t)(skeleton >> 32))
            return true;
    return false;
}

/* ---- change ---- */

static int by_form(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;
    if (x->at.form != y->at.form)
        return x->at.form < y->at.form ? -1 : 1;
    return x->at.place < y->at.place ? -1 : x->at.place > y->at.place;
}

static void note_inner(struct rp_work *w, struct rp_inners *inner, uint32_t form, struct rp_seq v)
{
    bool words = false;
    for (uint32_t i = 0; i < v.n; i++)
        words |= rp_is_word_at(w, v, i);
    if (words)
        rp_inners_add(inner, (struct rp_inner){form, v});
}

/* Blanks the slots of one form that vary: e->v[from..to) are its slots in order. */
static bool blank_form(struct evidence *e, struct rp_seq *f, size_t from, size_t to,
                       struct rp_inners *inner)
{
    struct rp_vec o = {0};
    uint32_t p = 0;
    for (size_t i = from; i < to; i++) {
        const struct rp_slot *s = &e->v[i].slot;
        if (!e->v[i].varies || s->kind == '*')
            continue;
        rp_vec_seq(&o, rp_seq_part(*f, p, s->from));
        rp_vec_add(&o, RP_SYM_WILD);
        if (s->to == s->from + 1 && f->v[s->from] < e->w->n_slot_values)
            e->w->slot_value[f->v[s->from]] = true;
        if (s->key_flags & RP_W_CAUSE)
            note_inner(e->w, inner, e->v[i].at.form, rp_seq_part(*f, s->from, s->to));
        p = s->to;
    }
    rp_vec_seq(&o, rp_seq_part(*f, p, f->n));
    bool changed = o.n != f->n || (o.n > 0 && memcmp(o.v, f->v, o.n * sizeof *o.v) != 0);
    if (changed)
        *f = rp_seq_keep(e->w, rp_vec_view(&o));
    free(o.v);
    return changed;
}

bool rp_slots_pass(struct rp_work *w, struct rp_seq *forms, size_t n, struct rp_inners *inner)
{
    struct evidence e = {.w = w, .forms = forms};
    bool changed = false;
    for (size_t i = 0; i < n; i++)
        find_slots(&e, (uint32_t)i);
    if (e.n > 1)
        qsort(e.v, e.n, sizeof *e.v, rp_found_by_place);
    decide(&e);
    struct rp_entries keys = varying_keys(&e);
    for (size_t i = 0; i < e.n; i++) {
        const struct rp_slot *s = &e.v[i].slot;
        e.v[i].varies = e.v[i].varies || (is_keyed(s) && s->to > s->from &&
                                          varies_elsewhere(&keys, s->key, e.v[i].at.skeleton));
    }
    if (e.n > 1)
        qsort(e.v, e.n, sizeof *e.v, by_form);
    for (size_t from = 0, to; from < e.n; from = to) {
        for (to = from + 1; to < e.n && e.v[to].at.form == e.v[from].at.form;)
            to++;
        changed |= blank_form(&e, &forms[e.v[from].at.form], from, to, inner);
    }
    rp_entries_free(&keys);
    free(e.v);
    return changed;
}
