/* Lists of messages that people gave a class, and how well they are classified: what the trainer
 * (lesson.c), its judge (cross.c) and the test of classes read and count alike.
 *
 * A list has a line of headings, then class, message and, if it is known, origin, with tabs between
 * them; "\n" and "\t" in a message are what they stand for. */
#ifndef RP_TRAIN_LABELLED_H
#define RP_TRAIN_LABELLED_H

#include "analyze/analyze.h"

struct labelled {
    enum rp_class class;
    const char *message;
    const char *origin; /* "" if it is not known */
};
/* Each in order; what they point to lasts until `each` returns. False: the list cannot be read, or
 * a line has no class. */
bool labelled_read(const char *path, void (*each)(void *ctx, const struct labelled *l), void *ctx);

struct labelled_score {
    size_t n, right;
    size_t unsafe; /* would be replayed as they are, and must be mended first */
    size_t got[RP_CLASSES_N][RP_CLASSES_N]; /* [is][taken for] */
};
enum rp_class labelled_classify(const char *message);
bool labelled_is_unsafe(enum rp_class is, enum rp_class taken);
void labelled_count(struct labelled_score *s, enum rp_class is, enum rp_class taken);
/* How many there are of a class. */
size_t labelled_of(const struct labelled_score *s, enum rp_class class);
double labelled_accuracy(const struct labelled_score *s);
/* The mean over the classes that there are of how many of each were found. */
double labelled_macro_recall(const struct labelled_score *s);

#endif
