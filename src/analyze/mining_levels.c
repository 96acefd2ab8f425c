/* Two levels of the store's patterns (pairs.h): a wrapping message often has errors of several
 * classes in it, so all forms are mined together to find the messages; patterns stay those of one
 * class. What is no pair is left to the mining of its class. */
#include "analyze/mining_internal.h"

#include "analyze/pairs.h"
#include "core/wrap.h"

#include <stdlib.h>

/* ---- reading ---- */

struct reading {
    struct levels *x;
    struct rp_miner *miner;
};

static uint64_t message_hash(struct rp_str template, int hole)
{
    return rp_hash64(template) * 31 + (uint64_t)hole;
}

static void take_stored(void *ctx, const struct rp_template_row *t)
{
    struct levels *x = ctx;
    if (x->n_stored == x->cap_stored) {
        x->cap_stored = x->cap_stored > 0 ? 2 * x->cap_stored : 16;
        x->stored = rp_xrealloc(x->stored, x->cap_stored * sizeof *x->stored);
    }
    x->stored[x->n_stored++] = (struct stored){t->id, message_hash(t->template, t->hole)};
}

static uint64_t words_hash(struct rp_str template, struct rp_str inner)
{
    return rp_hash64(template) * 31 + rp_hash64(inner);
}

static void take_row(void *ctx, const struct rp_form_row *f)
{
    struct reading *r = ctx;
    struct levels *x = r->x;
    enum rp_class class;
    if (!rp_class_of_name(f->class, &class) || !rp_kept_unpack(x->scan, f->form))
        return;
    if (x->n == x->cap) {
        x->cap = x->cap > 0 ? 2 * x->cap : 256;
        x->v = rp_xrealloc(x->v, x->cap * sizeof *x->v);
    }
    x->v[x->n++] = (struct level_row){.hash = f->hash,
                                      .form = rp_kept_hash(x->scan),
                                      .said = words_hash(f->template, f->inner),
                                      .born = f->born,
                                      .now = f->now,
                                      .outer = f->outer,
                                      .class = class,
                                      .apart = f->apart,
                                      .same_class = f->same_class};
    (void)rp_kept_form(r->miner, f->form, rp_kept_pattern(r->miner, RP_NONE));
}

/* ---- what they say together ---- */

static int by_hash(const void *a, const void *b)
{
    const struct level_row *x = *(struct level_row *const *)a, *y = *(struct level_row *const *)b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static int by_pair(const void *a, const void *b)
{
    const struct level_row *x = *(struct level_row *const *)a, *y = *(struct level_row *const *)b;
    if (x->message != y->message)
        return x->message->rank < y->message->rank ? -1 : 1;
    if (x->class != y->class)
        return x->class < y->class ? -1 : 1;
    if (x->inner != y->inner)
        return x->inner < y->inner ? -1 : 1;
    return (x->now > y->now) - (x->now < y->now);
}

/* What the miner numbered, by its number; the miner goes, this stays. */
struct kept {
    struct message **messages;
    struct rp_str *inners;
    uint32_t n_messages, n_inners;
};

static struct message *message_of(struct levels *x, struct kept *k, const struct rp_miner_hit *hit,
                                  bool several)
{
    struct message **m = &k->messages[hit->pattern];
    if (*m == NULL) {
        *m = RP_NEW(&x->arena, struct message);
        **m = (struct message){.template = rp_str_dup(&x->arena, hit->template),
                               .hole = -1,
                               .several = several,
                               .rank = x->n_pairs};
    }
    return *m;
}

static struct rp_str inner_of(struct levels *x, struct kept *k, uint32_t inner, struct rp_str text)
{
    if (inner == 0)
        return RP_STR("<*>");
    if (k->inners[inner].p == NULL)
        k->inners[inner] = rp_str_dup(&x->arena, text);
    return k->inners[inner];
}

static void note_pair(struct levels *x, struct kept *k, struct level_row *row,
                      const struct rp_miner_hit *hit, const struct rp_pair *pair)
{
    row->wrapped = pair->wraps && hit->pattern != RP_MINER_OTHER;
    if (!row->wrapped)
        return;
    row->inner = pair->inner;
    row->message = message_of(x, k, hit, pair->several);
    row->text = inner_of(x, k, pair->inner, hit->inner);
    x->pairs[x->n_pairs++] = row;
}

/* A pattern says what its first form says, of its own class. */
static void note_speakers(struct levels *x)
{
    for (size_t i = 0; i < x->n; i++) {
        struct level_row *row = &x->v[i], *before = i > 0 ? row - 1 : NULL;
        bool first = before == NULL || before->now != row->now || before->class != row->class;
        row->speaks = first && row->same_class;
        row->by_pair = first ? row->wrapped : before->by_pair;
    }
}

static void settle(struct levels *x, const struct rp_miner *miner)
{
    struct rp_pair *pairs = rp_xcalloc(x->n + 1, sizeof *pairs);
    struct rp_miner_hit *hits = rp_xcalloc(x->n + 1, sizeof *hits);
    struct kept k = {0};
    for (size_t i = 0; i < x->n; i++) {
        hits[i] = rp_kept_find(miner, x->v[i].form);
        pairs[i] = (struct rp_pair){.outer = hits[i].pattern,
                                    .inner = hits[i].wrapped,
                                    .class = x->v[i].class,
                                    .text = hits[i].inner};
        k.n_messages = hits[i].pattern > k.n_messages ? hits[i].pattern : k.n_messages;
        k.n_inners = hits[i].wrapped > k.n_inners ? hits[i].wrapped : k.n_inners;
    }
    rp_pairs_settle(pairs, x->n);
    k.messages = rp_xcalloc(k.n_messages + 1, sizeof(struct message *));
    k.inners = rp_xcalloc(k.n_inners + 1, sizeof *k.inners);
    for (size_t i = 0; i < x->n; i++)
        note_pair(x, &k, &x->v[i], &hits[i], &pairs[i]);
    note_speakers(x);
    free(k.messages);
    free(k.inners);
    free(hits);
    free(pairs);
}

bool rp_levels_read(struct rp_mining *m, struct levels *x, struct rp_err *err)
{
    struct reading r = {x, rp_miner_new()};
    rp_miner_cut(r.miner, rp_engine_cut(m->engine));
    *x = (struct levels){.scan = rp_scan_new()};
    bool ok = rp_forms_each(m->db, take_row, &r, err) &&
              rp_outers_each(m->db, RP_FORMS_MAX, take_stored, x, err);
    x->by_hash = rp_xcalloc(x->n + 1, sizeof(struct level_row *));
    x->pairs = rp_xcalloc(x->n + 1, sizeof(struct level_row *));
    for (size_t i = 0; i < x->n; i++)
        x->by_hash[i] = &x->v[i];
    if (ok) {
        rp_miner_refine(r.miner);
        settle(x, r.miner);
        qsort(x->by_hash, x->n, sizeof(struct level_row *), by_hash);
        qsort(x->pairs, x->n_pairs, sizeof(struct level_row *), by_pair);
    }
    rp_miner_free(r.miner);
    return ok;
}

struct level_row *rp_levels_row(const struct levels *x, uint64_t hash)
{
    struct level_row key = {.hash = hash}, *at = &key;
    struct level_row **hit =
        x->n > 0 ? bsearch(&at, x->by_hash, x->n, sizeof(struct level_row *), by_hash) : NULL;
    return hit != NULL ? *hit : NULL;
}

void rp_levels_show(struct levels *x, struct level_row *row, struct rp_str form)
{
    struct message *m = row->message;
    struct rp_arena a = {0};
    if (!row->wrapped || (row->inner == 0 && !row->apart) || (m->hole >= 0 && !row->apart) ||
        !rp_kept_unpack(x->scan, form))
        return;
    struct rp_str text = rp_kept_text(x->scan, &a);
    int hole = rp_wrap_hole(m->template, row->text, text);
    if (m->hole < 0)
        m->hole = hole;
    struct rp_str own = rp_wrap_inside(m->template, hole, text);
    if (row->apart && own.p != NULL)
        row->text = rp_str_dup(&x->arena, own);
    rp_arena_free(&a);
}

/* ---- findings ---- */

static int by_id(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Does the store say something else? */
static bool is_news(const struct levels *x, const struct message *m)
{
    struct stored key = {.id = m->id};
    const struct stored *s =
        x->n_stored > 0 ? bsearch(&key, x->stored, x->n_stored, sizeof key, by_id) : NULL;
    return m->id == 0 ? m->several : s != NULL && s->said != message_hash(m->template, m->hole);
}

/* The oldest number that any of its patterns knows it by; all others are it too. */
static void find_message(const struct levels *x, struct level_row **v, size_t n, struct findings *l)
{
    struct message *m = v[0]->message;
    if (m->hole < 0)
        m->hole = rp_wrap_hole(m->template, RP_NONE, RP_NONE);
    for (size_t i = 0; i < n; i++)
        if (v[i]->outer != 0 && (m->id == 0 || v[i]->outer < m->id))
            m->id = v[i]->outer;
    for (size_t i = 0; i < n; i++)
        if (v[i]->outer != 0 && v[i]->outer != m->id)
            rp_finding_add(l,
                           (struct finding){.found = FOUND_ONE, .id = m->id, .other = v[i]->outer});
    if (is_news(x, m))
        rp_finding_add(l, (struct finding){.found = FOUND_MESSAGE, .message = m});
}

/* Of one pair: patterns that are one. Those that a person split off are not asked. */
static void find_one(struct level_row **v, size_t n, struct findings *l)
{
    const struct level_row *oldest = NULL;
    int64_t last = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i]->apart || v[i]->now == last)
            continue;
        last = v[i]->now;
        if (oldest != NULL)
            rp_finding_add(l,
                           (struct finding){.found = FOUND_ONE, .id = oldest->now, .other = last});
        else
            oldest = v[i];
    }
}

static void find_words(struct levels *x, const struct level_row *row, struct findings *l)
{
    struct message *m = row->message;
    bool known = m->id != 0 || m->several, own = row->born == row->now;
    struct rp_str whole = rp_wrap_whole(&x->arena, m->template, m->hole, row->text);
    struct rp_str inner = known ? row->text : RP_NONE;
    struct message *link = known && (row->outer == 0 || !own) ? m : NULL;
    if (row->speaks && (words_hash(whole, inner) != row->said || (own && link != NULL)))
        rp_finding_add(l, (struct finding){.found = FOUND_WORDS,
                                           .id = row->now,
                                           .template = whole,
                                           .inner = inner,
                                           .message = link});
    if (known && row->outer == 0 && !(own && row->speaks))
        rp_finding_add(l, (struct finding){.found = FOUND_WRAPPED, .id = row->born, .message = m});
}

static size_t run_of(const struct levels *x, size_t from, bool one_pair)
{
    size_t to = from + 1;
    const struct level_row *a = x->pairs[from];
    for (; to < x->n_pairs && x->pairs[to]->message == a->message; to++)
        if (one_pair && (x->pairs[to]->class != a->class || x->pairs[to]->inner != a->inner))
            break;
    return to;
}

void rp_levels_find(struct levels *x, struct findings *l)
{
    for (size_t from = 0, to; from < x->n_pairs; from = to) {
        to = run_of(x, from, false);
        find_message(x, x->pairs + from, to - from, l);
    }
    for (size_t from = 0, to; from < x->n_pairs; from = to) {
        to = run_of(x, from, true);
        find_one(x->pairs + from, to - from, l);
    }
    for (size_t i = 0; i < x->n_pairs; i++)
        find_words(x, x->pairs[i], l);
}

void rp_levels_free(struct levels *x)
{
    rp_scan_free(x->scan);
    free(x->v);
    free(x->by_hash);
    free(x->stored);
    free(x->pairs);
    rp_arena_free(&x->arena);
}
