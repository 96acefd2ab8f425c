/* What the classifier knows, without one of the lists that it was made with (cross.c). */
#ifndef RP_TRAIN_CROSS_H
#define RP_TRAIN_CROSS_H

#include "lesson.h"

/* A message of this list and class: the phrases that it matches were perhaps written for it. */
void cross_rules_support(struct rp_str line, enum rp_class class, size_t list);
/* Forgets the phrases that are right for messages of that list and of no other. */
void cross_rules_without(size_t list);
/* Weights of words as lesson_learn gives them, in place of those that are built in. */
void cross_words_use(const char *table_text);

#endif
