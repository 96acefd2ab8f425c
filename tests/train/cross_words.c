/* Other weights of words than those that are built in: learned.c's own table, changed. */
#include "cross.h"

#include "analyze/learned.c"

void cross_words_use(const char *table_text)
{
    call_once(&table_made, make_table);
    free(table);
    read_table(table_text);
}
