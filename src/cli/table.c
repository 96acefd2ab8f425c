/* Tables by libsmartcols: columns share the width of the terminal, 80 if there is none. */
#include "cli/internal.h"

#include <libsmartcols.h>
#include <stdlib.h>

struct table {
    struct cli *cli;
    struct libscols_table *scols;
    struct libscols_line *line;
    size_t column;
};

struct table *table_new(struct cli *cli, const struct column *columns, size_t n)
{
    struct table *t = rp_xcalloc(1, sizeof *t);
    t->cli = cli;
    t->scols = scols_new_table();
    if (t->scols == NULL)
        abort(); /* out of memory */
    scols_table_set_termforce(t->scols, SCOLS_TERMFORCE_ALWAYS);
    scols_table_set_termwidth(t->scols, (size_t)cli->width);
    scols_table_enable_colors(t->scols, cli->color);
    scols_table_set_column_separator(t->scols, "   ");
    for (size_t i = 0; i < n; i++) {
        int flags = 0;
        flags |= columns[i].flags & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0;
        flags |= columns[i].flags & COLUMN_CUT ? SCOLS_FL_TRUNC : 0;
        flags |= columns[i].flags & COLUMN_WRAP ? SCOLS_FL_WRAP : 0;
        struct libscols_column *c =
            scols_table_new_column(t->scols, columns[i].title, flags ? 0.1 : 0, flags);
        if (c != NULL && cli->color)
            scols_cell_set_color(scols_column_get_header(c), "dim");
    }
    return t;
}

void table_row(struct table *t)
{
    t->line = scols_table_new_line(t->scols, NULL);
    t->column = 0;
}

void table_cell(struct table *t, const char *text)
{
    (void)scols_line_set_data(t->line, t->column++, text);
}

void table_paint(struct table *t, enum paint p, const char *text)
{
    static const char *const names[] = {[BOLD] = "bold",   [DIM] = "halfbright", [RED] = "red",
                                        [GREEN] = "green", [YELLOW] = "brown",   [CYAN] = "cyan"};
    struct libscols_cell *cell = scols_line_get_cell(t->line, t->column);
    if (cell != NULL && p != PLAIN)
        (void)scols_cell_set_color(cell, names[p]);
    table_cell(t, text);
}

/* Lines end where their text ends: libsmartcols pads the last column. */
void table_print(struct table *t)
{
    char *text = NULL;
    if (scols_print_table_to_string(t->scols, &text) == 0 && text != NULL) {
        struct rp_str rest = rp_str_of(text), line;
        while (rp_str_split(&rest, '\n', &line)) {
            while (line.n > 0 && line.p[line.n - 1] == ' ')
                line.n--;
            if (line.n > 0)
                (void)printf("%.*s\n", RP_FMT(line));
        }
    }
    free(text);
    scols_unref_table(t->scols);
    free(t);
}
