#include "core/outlook.h"

#include <stddef.h>

const char *rp_outlook_from_name(enum rp_outlook_from from)
{
    static const char *const names[] = {NULL, "replays", "retries and replays"};
    return names[from];
}

void rp_outlook(const struct rp_tries *t, struct rp_outlook *out)
{
    struct rp_tried all = {t->retries.n + t->replays.n,
                           t->retries.succeeded + t->replays.succeeded};
    *out = (struct rp_outlook){.from = RP_OUTLOOK_NOT_KNOWN, .of = all};
    if (t->replays.n >= RP_OUTLOOK_LEAST)
        *out = (struct rp_outlook){.from = RP_OUTLOOK_REPLAYS, .of = t->replays};
    else if (all.n >= RP_OUTLOOK_LEAST)
        out->from = RP_OUTLOOK_ALL;
    if (out->from != RP_OUTLOOK_NOT_KNOWN)
        out->succeed = rp_proportion((struct rp_proportion){out->of.n, out->of.succeeded});
}
