/* Words that introduce values: "flavor <*>" in several messages. What follows such a word elsewhere
 * is a value, too, as it is after the nouns of the list. */
#include "analyze/miner/internal.h"

enum { NEED_MESSAGES = 2 };

static bool may_introduce(const struct rp_work *w, uint32_t id)
{
    const struct rp_symbol *x = rp_sym(w, id);
    return x->kind == RP_K_WORD && x->content > 0 && id < w->n_known && !(x->flags & RP_T_UPPER);
}

/* Each word with the message it is in: b tells whether a value follows there, or another word. */
static void add_words(const struct rp_work *w, struct rp_seq s, struct rp_entries *e)
{
    for (uint32_t i = 0; i + 1 < s.n; i++) {
        uint32_t next = s.v[i + 1];
        bool value = rp_is_known(w, next) || rp_sym(w, next)->level >= RP_LEVEL_ID;
        if (may_introduce(w, s.v[i]) && (value || rp_sym(w, next)->kind == RP_K_WORD))
            rp_entries_add(e, (struct rp_entry){.hash = rp_sym(w, s.v[i])->lower_hash,
                                                .item = rp_message_of(w, s, i + 1),
                                                .a = s.v[i],
                                                .b = value});
    }
}

/* Of the entries of one word: do values follow it in most messages? */
static bool introduces(const struct rp_entry *e, size_t n)
{
    size_t values = 0, others = 0;
    for (size_t i = 0, end; i < n; i = end) {
        bool value = false;
        for (end = i; end < n && e[end].item == e[i].item; end++)
            value |= e[end].b;
        *(value ? &values : &others) += 1;
    }
    return values >= NEED_MESSAGES && values >= 2 * others;
}

void rp_introducers_find(struct rp_work *w)
{
    struct rp_entries e = {0};
    for (uint32_t k = 0; k < w->n_keys; k++)
        add_words(w, w->keys[k].s, &e);
    rp_entries_sort(&e);
    for (size_t from = 0, to; from < e.n; from = to) {
        to = rp_entries_run(&e, from);
        bool is = introduces(e.v + from, to - from);
        for (size_t i = from; i < to && is; i++)
            w->introduces[e.v[i].a] = true;
    }
    rp_entries_free(&e);
}

bool rp_introduces(const struct rp_work *w, uint32_t id)
{
    return id < w->n_known && w->introduces[id];
}
