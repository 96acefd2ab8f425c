/* Skeletons: a form with everything blanked that may be a value. What stands at one place of equal
 * skeletons is compared, since where many values vary at once equal rests never come. */
#include "analyze/miner/internal.h"

/* Which identifier stands somewhere says nothing about the values beside it. */
void rp_skeleton_add(const struct rp_work *w, struct rp_skeleton *k, uint32_t id)
{
    const struct rp_symbol *x = rp_sym(w, id);
    if (x->kind == RP_K_BLANK)
        return;
    bool value = rp_is_identifier(x);
    k->hash = rp_mix(k->hash, value ? rp_sym(w, RP_SYM_WILD)->text_hash : x->text_hash);
    k->place++;
}

int rp_found_by_place(const void *a, const void *b)
{
    const struct rp_found *x = a, *y = b;
    if (x->skeleton != y->skeleton)
        return x->skeleton < y->skeleton ? -1 : 1;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return x->form < y->form ? -1 : x->form > y->form;
}
