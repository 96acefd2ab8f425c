/* The pattern miner: which lines say the same, and what they say.
 *
 *     line ── scan: typed masks ──▶ form ── hash ──▶ known: its pattern             phase 1, each
 * line └─ new: matched with the templates, or a pattern of its own forms ── slots, inner parts ──
 * keys ── passes ──▶ groups ──▶ patterns, templates    phase 2
 *
 * Phase 2 (rp_miner_refine) looks at the set of distinct forms: no line counts, no order, no
 * similarity. So the patterns of a set of lines are the same for any order of them, for two halves
 * that are mined apart and merged, and for a miner that was saved and loaded in between. A pattern
 * is never split again: what was found to be one stays one, the oldest id lives, others stay as its
 * aliases (rp_miner_resolve).
 *
 * Two levels: a pattern is the outer message; where a wrapped error was cut out ("could not do x:
 * <*>"), the error is mined on its own, and a line has both (rp_miner_find).
 *
 * Bounds: RP_MINER_FORMS forms. When the table is full it is refined and thinned: of each pattern
 * the most frequent forms stay, the others are known by the template; then forms that were not seen
 * for long go. If that does not help, the input is a flood of lines that have nothing in common:
 * what is new then is the pattern RP_MINER_OTHER, with a count, until there is room again.
 *
 * A miner belongs to one thread at a time; two threads have two miners and merge them. */
#ifndef RP_ANALYZE_MINER_MINER_H
#define RP_ANALYZE_MINER_MINER_H

#include "base/err.h"
#include "base/str.h"

#include <stdatomic.h>

enum {
    RP_MINER_LINE_MAX = 16384,   /* of a longer line the rest is one wildcard */
    RP_MINER_FORMS = 65536,      /* distinct masked lines; patterns are never more */
    RP_MINER_TEXT_MAX = 12 << 20 /* bytes of their words, and items of their forms */
};
enum { RP_MINER_RULES = 5 }; /* the version of the rules, kept with a saved state */

#define RP_MINER_OTHER UINT32_C(0) /* the pattern of what found no room */

struct rp_miner;

struct rp_miner *rp_miner_new(void);
void rp_miner_free(struct rp_miner *m);

/* Takes one line (any bytes; blanks at the ends do not count) and answers the id of its pattern as
 * far as it is known now. Known forms are a scan, a hash and a look into a table. */
uint32_t rp_miner_add(struct rp_miner *m, struct rp_str line);
/* Has enough come since the last refinement that it should be done again? */
bool rp_miner_wants_refine(const struct rp_miner *m);
void rp_miner_refine(struct rp_miner *m);
/* Refinements end early once *cut is true: what they have found then is of no use but to be freed.
 * It must outlive the miner. */
void rp_miner_cut(struct rp_miner *m, const atomic_bool *cut);

struct rp_miner_hit {
    uint32_t pattern;       /* resolved; RP_MINER_OTHER if the line's form is not known */
    struct rp_str template; /* outer level; lives until the miner is changed */
    struct rp_str inner;    /* template of the wrapped error; absent: none */
    uint32_t wrapped;       /* number of that, until the next refinement; 0: none */
};
/* Looks a line up without taking it; after a refinement. */
struct rp_miner_hit rp_miner_find(struct rp_miner *m, struct rp_str line);

/* The id under which a pattern lives now. */
uint32_t rp_miner_resolve(const struct rp_miner *m, uint32_t pattern);
/* Absent if there is none: before the first refinement, or forgotten. */
struct rp_str rp_miner_template(const struct rp_miner *m, uint32_t pattern);

struct rp_miner_stats {
    uint64_t lines, other; /* taken; of these in RP_MINER_OTHER */
    uint64_t forgotten;    /* forms that went for want of room */
    uint32_t forms, patterns;
};
struct rp_miner_stats rp_miner_stats(const struct rp_miner *m);

/* Takes over everything that another miner knows; its patterns get ids of this one. To be refined
 * then. */
void rp_miner_merge(struct rp_miner *m, const struct rp_miner *from);

/* The state as bytes, the same on every machine, and back. Loading refuses what was damaged or
 * written by a later version. A state of older rules is read: its patterns keep their ids. */
void rp_miner_save(const struct rp_miner *m, struct rp_buf *out);
struct rp_miner *rp_miner_load(struct rp_str state, struct rp_err *err);

#endif
