/* Learns the weights of words for classes of failures: learn FILE.tsv … > learned.tsv. */
#include "lesson.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct lesson l = {0};
    for (int i = 1; i < argc; i++)
        if (!lesson_read(&l, argv[i], false)) {
            (void)fprintf(stderr, "cannot read %s\n", argv[i]);
            return 1;
        }
    if (l.n == 0) {
        (void)fprintf(stderr, "usage: learn FILE.tsv ...\n");
        return 2;
    }
    char *table = lesson_learn(&l, LESSON_ALL);
    bool written = fputs(table, stdout) >= 0;
    free(table);
    lesson_free(&l);
    return written ? 0 : 1;
}
