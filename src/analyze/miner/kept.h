/* The miner's pieces for who keeps its forms and patterns elsewhere: the first step (line to form)
 * by itself, a form as bytes and back, and a miner that is made of what was kept.
 *
 * A form's hash and bytes are the same on every machine. They change with the rules only
 * (RP_MINER_RULES): then the kept forms' texts are scanned again. */
#ifndef RP_ANALYZE_MINER_KEPT_H
#define RP_ANALYZE_MINER_KEPT_H

#include "analyze/miner/miner.h"

/* Room for one line's tokens, of one thread at a time; they point into the line that was scanned
 * or the bytes that were unpacked. */
struct rp_scan;
struct rp_scan *rp_scan_new(void);
void rp_scan_free(struct rp_scan *s);

/* The masked line; its hash. */
uint64_t rp_kept_scan(struct rp_scan *s, struct rp_str line);
struct rp_str rp_kept_text(const struct rp_scan *s, struct rp_arena *a); /* as people see it */
struct rp_str rp_kept_pack(const struct rp_scan *s, struct rp_arena *a);
/* False: these are no bytes of a form. */
bool rp_kept_unpack(struct rp_scan *s, struct rp_str packed);
uint64_t rp_kept_hash(const struct rp_scan *s); /* of what was scanned or unpacked */

/* A pattern by its template; ids rise from 1. */
uint32_t rp_kept_pattern(struct rp_miner *m, struct rp_str template);
/* A form as part of a pattern. A form that is part of two makes them one. False: no bytes of a
 * form, or no room. */
bool rp_kept_form(struct rp_miner *m, struct rp_str packed, uint32_t pattern);
/* After a refinement: what is known of the form of that hash; RP_MINER_OTHER: it has none. */
struct rp_miner_hit rp_kept_find(const struct rp_miner *m, uint64_t hash);
/* After the last pattern: makes ready for rp_kept_match. */
void rp_kept_templates_end(struct rp_miner *m);
/* The pattern whose template has wildcards where the scanned line differs, RP_MINER_OTHER: none. */
uint32_t rp_kept_match(const struct rp_miner *m, const struct rp_scan *s);

#endif
