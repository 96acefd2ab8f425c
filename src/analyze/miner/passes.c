/* Passes that compare keys of one length: all names out at once, all slots out at once, one hole at
 * a time; and the optional remark. */
#include "analyze/miner/internal.h"

#include <stdlib.h>

enum { MIN_CONTENT = 2, FIRST_CONTENT = 3, SHORT = 3, MANY = 5 };

/* ---- one bucket ---- */

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Distinct symbols of one column in v; their number. */
static size_t column(const struct rp_work *w, const struct rp_entry *e, size_t n, uint32_t i,
                     uint32_t *v)
{
    size_t m = 0;
    for (size_t k = 0; k < n; k++)
        v[k] = w->keys[e[k].item].s.v[i];
    qsort(v, n, sizeof *v, by_number);
    for (size_t k = 0; k < n; k++)
        if (m == 0 || v[m - 1] != v[k])
            v[m++] = v[k];
    return m;
}

static bool differs(const struct rp_work *w, const struct rp_entry *e, size_t n, uint32_t i)
{
    for (size_t k = 1; k < n; k++)
        if (w->keys[e[k].item].s.v[i] != w->keys[e[0].item].s.v[i])
            return true;
    return false;
}

enum { FIXED, SPLITS, VARIES };

/* "name=" and "name": say which value follows, not what the line is about. */
static bool is_name_of_value(const struct rp_work *w, struct rp_seq s, uint32_t i)
{
    return rp_char_at(w, s, i + 1) == '=' ||
           (rp_char_at(w, s, i + 1) == '"' && rp_char_at(w, s, i + 2) == ':');
}

static uint32_t context_of(const struct rp_work *w, struct rp_seq s, const uint8_t *is)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.n; i++)
        if (is[i] == FIXED && !is_name_of_value(w, s, i))
            n += rp_sym(w, s.v[i])->content;
    return n;
}

/* "core limits": it may say which limits, rather than be a value. */
static bool stands_before_word(const struct rp_work *w, struct rp_seq s, uint32_t i)
{
    return i > 0 && rp_hint_at(w, s, i) == RP_HINT_NONE && rp_kind_at(w, s, i + 1) == RP_K_WORD &&
           rp_sym(w, s.v[i + 1])->level >= RP_LEVEL_WORD;
}

/* "reset option", "core limits": plain words before another tell which, and are seldom values. */
static bool are_attributes(const struct rp_work *w, struct rp_seq s, uint32_t i, const uint32_t *v,
                           size_t n)
{
    size_t plain = 0;
    if (!stands_before_word(w, s, i))
        return false;
    for (size_t k = 0; k < n; k++)
        plain += rp_sym(w, v[k])->level < RP_LEVEL_NAME && !rp_is_known(w, v[k]);
    return 2 * plain >= n;
}

/* A verb's place, and verbs there. */
static bool are_verbs(const struct rp_work *w, struct rp_seq s, uint32_t i, const uint32_t *v,
                      size_t n)
{
    bool verbs = false;
    for (size_t k = 0; k < n; k++)
        verbs |= rp_sym(w, v[k])->level < RP_LEVEL_NAME;
    return verbs && rp_is_verb_at(w, s, i);
}

static bool judge_columns(const struct rp_work *w, const struct rp_entry *e, size_t n, bool loose,
                          uint8_t *is)
{
    struct rp_seq first = w->keys[e[0].item].s;
    uint32_t *v = rp_xmalloc(n * sizeof *v);
    bool any = false;
    uint32_t columns = 0;
    for (uint32_t i = 0; i < first.n; i++) {
        is[i] = differs(w, e, n, i) ? SPLITS : FIXED;
        columns += is[i] != FIXED;
    }
    uint32_t context = context_of(w, first, is);
    if (loose && columns > 1 && context > SHORT)
        context = SHORT; /* what varies together may be two messages: a long line is no proof */
    for (uint32_t i = 0; i < first.n; i++) {
        size_t m = is[i] != FIXED ? column(w, e, n, i, v) : 0;
        bool attributes = context > SHORT && m > 0 && are_attributes(w, first, i, v, m);
        if (m > 0 && !are_verbs(w, first, i, v, m) &&
            rp_values_vary(w, v, m, rp_hint_at(w, first, i), attributes ? SHORT : context)) {
            is[i] = VARIES;
            any = true;
        }
    }
    free(v);
    return any;
}

static void blank_columns(struct rp_work *w, const struct rp_entry *e, size_t n, const uint8_t *is)
{
    struct rp_seq first = w->keys[e[0].item].s;
    uint8_t vary[256] = {0};
    bool any = false;
    for (uint32_t i = 0; i < first.n && i < sizeof vary; i++)
        any |= vary[i] = is[i] == VARIES && differs(w, e, n, i);
    for (size_t k = 0; k < n && any; k++) {
        struct rp_seq s = rp_seq_keep(w, w->keys[e[k].item].s);
        uint32_t *v = RP_NEW_N(&w->arena, uint32_t, s.n + 1);
        for (uint32_t i = 0; i < s.n; i++)
            v[i] = vary[i] ? RP_SYM_WILD : s.v[i];
        w->becomes[e[k].item] = rp_key_again(w, (struct rp_seq){v, s.n});
    }
}

/* Columns that differ and are not variable split the bucket. */
static void split(struct rp_work *w, const struct rp_entry *e, size_t n, const uint8_t *is)
{
    struct rp_entries parts = {0};
    for (size_t k = 0; k < n; k++) {
        struct rp_seq s = w->keys[e[k].item].s;
        uint64_t h = 1;
        for (uint32_t i = 0; i < s.n; i++)
            if (is[i] == SPLITS)
                h = rp_mix(h, rp_sym(w, s.v[i])->hash);
        rp_entries_add(&parts, (struct rp_entry){.hash = h, .item = e[k].item});
    }
    rp_entries_sort(&parts);
    for (size_t from = 0, to; from < parts.n; from = to) {
        to = rp_entries_run(&parts, from);
        blank_columns(w, parts.v + from, to - from, is);
    }
    rp_entries_free(&parts);
}

static void bucket_merge(struct rp_work *w, const struct rp_entry *e, size_t n, bool loose)
{
    uint8_t is[256] = {0};
    struct rp_entry *still = rp_xmalloc((n + 1) * sizeof *still);
    size_t m = 0;
    for (size_t k = 0; k < n; k++)
        if (w->becomes[e[k].item].v == NULL)
            still[m++] = e[k];
    if (m >= 2 && judge_columns(w, still, m, loose, is))
        split(w, still, m, is);
    free(still);
}

/* ---- many holes at once ---- */

enum { NAMES = 1, SLOTS = 2 };

static bool is_hole(const struct rp_work *w, struct rp_seq s, uint32_t i, int which)
{
    const struct rp_symbol *x = rp_sym(w, s.v[i]);
    bool label = x->level == RP_LEVEL_NAME && (x->flags & RP_T_UPPER) && i + 1 < s.n &&
                 s.v[i + 1] == RP_SYM_WILD; /* "PID 17" */
    if (label)
        return false;
    if (x->level >= (which & NAMES ? RP_LEVEL_NAME : RP_LEVEL_ID) || (x->flags & RP_W_NULL))
        return true;
    if ((which & NAMES) && rp_is_known(w, s.v[i]) && !stands_before_word(w, s, i))
        return true;
    if (!(which & SLOTS) || x->level <= 0)
        return false;
    bool role = (rp_flags_at(w, s, i - 1) & RP_W_ROLE) != 0; /* "stored as values" */
    return (rp_hint_at(w, s, i) >= RP_HINT_PREP && !role) ||
           (i > 1 && rp_char_at(w, s, i - 1) == '=');
}

static void skeletons(struct rp_work *w, int which)
{
    struct rp_entries e = {0};
    for (uint32_t k = 0; k < w->n_keys; k++) {
        struct rp_seq s = w->keys[k].s;
        uint64_t h = s.n;
        uint32_t content = 0;
        for (uint32_t i = 0; i < s.n; i++) {
            const struct rp_symbol *x = rp_sym(w, s.v[i]);
            bool hole = is_hole(w, s, i, which);
            h = rp_mix(h, hole ? 0 : x->text_hash);
            content += hole ? 0 : x->content;
        }
        if (content >= (which == SLOTS ? MIN_CONTENT - 1 : MIN_CONTENT))
            rp_entries_add(&e, (struct rp_entry){.hash = h, .item = k});
    }
    rp_entries_sort(&e);
    for (size_t from = 0, to; from < e.n; from = to) {
        to = rp_entries_run(&e, from);
        if (to - from > 1)
            bucket_merge(w, e.v + from, to - from, false);
    }
    rp_entries_free(&e);
}

void rp_pass_names(struct rp_work *w)
{
    skeletons(w, NAMES);
}

void rp_pass_slots(struct rp_work *w)
{
    skeletons(w, SLOTS);
}

void rp_pass_names_and_slots(struct rp_work *w)
{
    skeletons(w, NAMES | SLOTS);
}

/* ---- one hole ---- */

/* Content words that must be left when item i is the hole. */
static uint32_t left_needed(const struct rp_work *w, const struct rp_key_item *k, uint32_t i)
{
    const struct rp_symbol *x = rp_sym(w, k->s.v[i]);
    if (rp_is_known(w, k->s.v[i]))
        return MIN_CONTENT - 1;
    if (i == 0 && x->level < RP_LEVEL_DIGIT)
        return FIRST_CONTENT;
    enum rp_hint h = rp_hint_at(w, k->s, i);
    if (x->level >= RP_LEVEL_DIGIT || h == RP_HINT_SLOT)
        return MIN_CONTENT - 1;
    bool known = i > 0 && h != RP_HINT_NONE && rp_level_at(w, k->s.v[i]) >= RP_LEVEL_WORD &&
                 rp_key_known(w, rp_key_hash_with(w, k, i, RP_SYM_WILD));
    return known ? MIN_CONTENT - 1 : MIN_CONTENT;
}

static void holes_of(const struct rp_work *w, uint32_t number, struct rp_entries *e)
{
    const struct rp_key_item *k = &w->keys[number];
    for (uint32_t i = 0; i < k->s.n; i++) {
        const struct rp_symbol *x = rp_sym(w, k->s.v[i]);
        uint32_t own = x->kind == RP_K_WORD || x->kind == RP_K_IDENT;
        bool called = x->level < RP_LEVEL_ID && rp_char_at(w, k->s, i + 1) == '(';
        if (x->level < 0 || called || k->content < own + 1)
            continue;
        uint64_t h = rp_mix(rp_key_loose_without(w, k, i), i + 1);
        bool enough = k->content >= own + left_needed(w, k, i);
        rp_entries_add(e, (struct rp_entry){.hash = h, .item = number, .a = i, .b = enough});
    }
}

/* Where little else is said, only many values tell that they are values. */
static void one_hole(struct rp_work *w, struct rp_entry *e, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (n >= MANY || e[i].b)
            e[m++] = e[i];
    if (m >= 2)
        bucket_merge(w, e, m, true);
}

void rp_pass_one_hole(struct rp_work *w)
{
    struct rp_entries e = {0};
    size_t n;
    rp_entries_count(&e, w->n_keys);
    for (uint32_t k = 0; k < w->n_keys; k++)
        holes_of(w, k, &e);
    rp_entries_collect(&e);
    for (uint32_t k = 0; k < w->n_keys; k++)
        holes_of(w, k, &e);
    rp_entries_sort(&e);
    struct rp_bucket *b = rp_entries_buckets(&e, 2, &n);
    for (size_t i = 0; i < n; i++)
        one_hole(w, e.v + b[i].from, b[i].to - b[i].from);
    free(b);
    rp_entries_free(&e);
}

/* ---- " (<*>)" and " ()" are optional ---- */

static struct rp_seq without_remarks(struct rp_work *w, struct rp_seq s)
{
    uint32_t *v = RP_NEW_N(&w->arena, uint32_t, s.n + 1);
    uint32_t n = 0;
    for (uint32_t i = 0; i < s.n;) {
        bool opens = i > 0 && s.v[i] == RP_SYM_BRACKET;
        if (opens && rp_char_at(w, s, i + 1) == ')')
            i += 2;
        else if (opens && i + 1 < s.n && s.v[i + 1] == RP_SYM_WILD &&
                 rp_char_at(w, s, i + 2) == ')')
            i += 3;
        else
            v[n++] = s.v[i++];
    }
    return (struct rp_seq){v, n};
}

void rp_pass_remarks(struct rp_work *w)
{
    struct rp_entries e = {0};
    struct rp_seq *shorter = RP_NEW_N(&w->arena, struct rp_seq, w->n_keys + 1);
    for (uint32_t k = 0; k < w->n_keys; k++) {
        shorter[k] = without_remarks(w, w->keys[k].s);
        rp_entries_add(&e, (struct rp_entry){.hash = rp_key_hash(w, shorter[k]), .item = k});
    }
    rp_entries_sort(&e);
    for (size_t from = 0, to; from < e.n; from = to) {
        to = rp_entries_run(&e, from);
        bool merge = to - from > 1 && rp_seq_content(w, shorter[e.v[from].item]) > 0;
        for (size_t i = from; i < to && merge; i++)
            w->becomes[e.v[i].item] = shorter[e.v[i].item];
    }
    rp_entries_free(&e);
}
