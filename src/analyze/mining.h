/* Patterns of failures as they are reported (miner.md), for the daemon.
 *
 *     report ── key line, class ── masked line: form ── hash ──▶ the store's row: its pattern
 *                                    └ new: like a template? ──▶ that pattern, else a new one
 *     new forms ──▶ mining thread: all forms of a class, refined ──▶ joins and templates, as ops
 *
 * The first line is the way of each report: the masked line is made on the thread that has the
 * report, the row is found and counted in the writer's transaction. The store's rows (mined.h) are
 * the only state: what is here can be lost. Nothing waits for the second line, which has its own
 * thread and snapshot: a refinement may take seconds, and writes what it found in small slices.
 *
 * Classes are mined apart. A pattern has one action, so two messages that ask for different ones
 * are never one pattern, however alike they are ("HTTP 429", "HTTP 503"), unless a person says so.
 */
#ifndef RP_ANALYZE_MINING_H
#define RP_ANALYZE_MINING_H

#include "analyze/miner/miner.h"
#include "engine/engine.h"

struct rp_mining;

/* Reads the templates. Explaining works from here on. NULL on failure. */
struct rp_mining *rp_mining_new(struct rp_store *store, struct rp_err *err);
/* Forms of older rules are scanned anew; then mines whenever new ones come. */
bool rp_mining_start(struct rp_mining *m, struct rp_engine *e, struct rp_err *err);
/* The thread ends: before the engine is freed. */
void rp_mining_stop(struct rp_mining *m);
void rp_mining_free(struct rp_mining *m);

/* Fills form, template, hash and the pattern that it is like. `line` lives in the arena, and r has
 * its class already. m may be NULL. Any thread. */
void rp_mining_form(struct rp_mining *m, struct rp_arena *a, struct rp_str line,
                    struct rp_report *r);
/* What the store knows a form of a class by: stable over versions and machines. */
uint64_t rp_mining_hash(uint64_t form, struct rp_str class);

#endif
