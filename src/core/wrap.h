/* Messages that wrap others: "sync failed: <*>" and what stands in it. A template has wildcards;
 * one of them, the hole (counted from 0), stands for the whole inner message, the others for one
 * word each. Pure text; the work is bounded, whatever the texts. */
#ifndef RP_CORE_WRAP_H
#define RP_CORE_WRAP_H

#include "base/str.h"

/* What stands in the hole of a line; absent: the line is none of that template. */
struct rp_str rp_wrap_inside(struct rp_str outer, int hole, struct rp_str line);
/* Which wildcard stands for `inner` (a template itself) in that line; the last one, if none fits.
 */
int rp_wrap_hole(struct rp_str outer, struct rp_str inner, struct rp_str line);
/* The template with `inner` in its hole. */
struct rp_str rp_wrap_whole(struct rp_arena *a, struct rp_str outer, int hole, struct rp_str inner);

#endif
