/* Labelled messages and what is learned from them: the weights of words for classes of failures.
 *
 *     FILE.tsv … ── lesson_read ──▶ examples ── lesson_learn ──▶ weights ── lesson_text ──▶ table
 *
 * Multinomial logistic regression with steps after AdaGrad, some words of a message left out at
 * each step (so that no word is leant upon alone); the order comes from a fixed seed, so the same
 * files give the same weights. Only words of the language get a weight: those that several sources
 * write where no value stands. A customer's or a host's name must not decide what kind a failure is
 * (values.c). */
#ifndef RP_TRAIN_LESSON_H
#define RP_TRAIN_LESSON_H

#include "analyze/internal.h"

struct lesson_feature {
    uint64_t hash;
    char *text;     /* as the table has it */
    uint64_t whole; /* of the beginning of words: which word; a hash */
    bool plain;     /* it stands there as a word of the language, not in what may be a value */
};
struct example {
    enum rp_class class;
    char *message;
    size_t list;     /* which of the lists it stands in */
    uint64_t source; /* which program or thread it is from: a hash */
    struct lesson_feature *features;
    size_t n;
};
struct lesson {
    struct example *examples;
    size_t n, cap;
    char **lists; /* "file" or "file: origin" */
    size_t n_lists, cap_lists;
};
enum { LESSON_ALL = -1 };

/* Reads lines of class, message and origin; by_origin: each origin is a list of its own. False if
 * the file cannot be read. */
bool lesson_read(struct lesson *l, const char *path, bool by_origin);
/* Does the feature stand in w where a value may stand: in quotes, a path, an address, a name with
 * dots, dashes or digits, behind "=" or in front of ":"? Of a pair: one of them. */
bool lesson_is_value(const struct rp_words *w, const struct rp_feature *f);
/* The table learned from all lists but one (LESSON_ALL: from all), as learned.tsv has it; to be
 * freed. */
char *lesson_learn(const struct lesson *l, long left_out);
void lesson_free(struct lesson *l);

#endif
