/* What the miner knows of failures, as rows: masked lines (forms) and the patterns that they were
 * born with. The rows are the miner's whole state: whoever mines reads them, and writes what it
 * found as joins and templates, so that a daemon that is killed goes on where it was.
 *
 * Joining writes nothing but `joined` of one pattern: jobs, attempts, counts and replays keep the
 * number that they have, and whoever reads them asks which pattern that one is part of now. So a
 * number never changes its meaning, and a person can split again what was joined. [w]: writes. */
#ifndef RP_STORE_MINED_H
#define RP_STORE_MINED_H

#include "store/store.h"

enum {
    RP_FORMS_MAX = 65536, /* beyond: one pattern a type and class for all that is new */
    RP_INNERS_MAX = 1000  /* of one message and class; beyond: one for all that is new in it */
};

struct rp_form_row {
    uint64_t hash;
    int64_t rules, born, now, last_us; /* pattern that it was born with, is part of; last failure */
    bool apart, same_class;            /* of `now`; class of both */
    struct rp_str class, form;         /* class: of `born`. These are valid during the call */
    struct rp_str template, inner;     /* of `now` */
    int64_t outer;                     /* the message that `born` is wrapped in; 0: none */
};
/* Those that the miner reads, by class, then by pattern, oldest first. */
bool rp_forms_each(struct rp_db *db, void (*each)(void *ctx, const struct rp_form_row *f),
                   void *ctx, struct rp_err *err);
/* [w] A form under other rules. It keeps its pattern; where another form has that hash
 * already, both patterns are one. */
bool rp_form_move(struct rp_db *db, uint64_t from, uint64_t to, struct rp_str form, int64_t rules,
                  struct rp_err *err);
/* [w] Leaves the table; its pattern stays. */
bool rp_form_forget(struct rp_db *db, uint64_t hash, struct rp_err *err);

struct rp_template_row {
    int64_t id;
    struct rp_str class, template; /* valid during the call */
    int hole;                      /* of a message that wraps others */
};
typedef void rp_template_fn(void *ctx, const struct rp_template_row *t);
/* Patterns that stand for themselves and whose template has a wildcard: the `limit` that failed
 * last, by id. */
bool rp_templates_each(struct rp_db *db, int64_t limit, rp_template_fn *each, void *ctx,
                       struct rp_err *err);
/* Messages that wrap others and stand for themselves, by id. Class absent. */
bool rp_outers_each(struct rp_db *db, int64_t limit, rp_template_fn *each, void *ctx,
                    struct rp_err *err);
/* [w] The message of that template, made if new; its number now. */
bool rp_outer_found(struct rp_db *db, struct rp_str template, int hole, int64_t *id,
                    struct rp_err *err);
/* [w] What it says since more is known. */
bool rp_outer_reworded(struct rp_db *db, int64_t id, struct rp_str template, int hole,
                       struct rp_err *err);

/* [w] Both are part of the older one from now on. What a person said of the younger one (name,
 * class) holds for both, unless there is another word on the older one: then, and where one was
 * split off, they are left as they are. *joined: was anything done? */
bool rp_patterns_found_one(struct rp_db *db, int64_t a, int64_t b, bool *joined,
                           struct rp_err *err);
/* [w] The template that the miner found; inner and outer: of a pattern that is wrapped, else absent
 * and 0 (what is known of that stays). */
bool rp_pattern_reworded(struct rp_db *db, int64_t id, struct rp_str template, struct rp_str inner,
                         int64_t outer, struct rp_err *err);
/* [w] The message that it is wrapped in, of a pattern that has become part of another. */
bool rp_pattern_wrapped(struct rp_db *db, int64_t id, int64_t outer, struct rp_err *err);

/* [w, audited] A person says that both are one, two patterns or two messages that wrap patterns; of
 * two words on name or class the older one's holds. RP_E_BAD_STATE: they are one already, or a
 * pattern and a message. */
bool rp_patterns_merge(struct rp_db *db, int64_t a, int64_t b, struct rp_str actor,
                       struct rp_str reason, int64_t now_us, struct rp_err *err);
/* [w, audited] All that became part of a pattern stand for themselves again, and stay so.
 * RP_E_BAD_STATE: nothing has. */
bool rp_pattern_split(struct rp_db *db, int64_t id, struct rp_str actor, struct rp_str reason,
                      int64_t now_us, struct rp_err *err);

#endif
