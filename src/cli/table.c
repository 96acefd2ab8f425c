/* Tables. Columns share the line: what does not fit is taken from texts that may be cut or wrapped
 * and from names; numbers and states stay whole. libsmartcols aligns and prints. */
#include "cli/internal.h"

#include <libsmartcols.h>
#include <stdlib.h>

enum { COLUMNS_MAX = 12, WRAP_LINES = 4 };

struct cell {
    const char *text;
    enum paint paint;
};

struct table {
    struct cli *cli;
    const struct column *columns;
    size_t n;
    struct cell (*rows)[COLUMNS_MAX];
    size_t n_rows, cap, column;
    int width[COLUMNS_MAX], gap;
};

struct table *table_new(struct cli *cli, const struct column *columns, size_t n)
{
    struct table *t = rp_xcalloc(1, sizeof *t);
    t->cli = cli;
    t->columns = columns;
    t->n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
    return t;
}

void table_row(struct table *t)
{
    if (t->n_rows == t->cap) {
        t->cap = t->cap > 0 ? t->cap * 2 : 16;
        t->rows = rp_xrealloc(t->rows, t->cap * sizeof *t->rows);
    }
    memset(t->rows[t->n_rows++], 0, sizeof *t->rows);
    t->column = 0;
}

void table_paint(struct table *t, enum paint p, const char *text)
{
    if (t->column < t->n)
        t->rows[t->n_rows - 1][t->column++] = (struct cell){text, p};
}

void table_cell(struct table *t, const char *text)
{
    table_paint(t, PLAIN, text);
}

/* ---- widths ---- */

static int total_width(const struct table *t)
{
    int sum = -t->gap;
    for (size_t c = 0; c < t->n; c++)
        sum += t->width[c] > 0 ? t->width[c] + t->gap : 0;
    return sum;
}

/* A column without a title is there only if a row has something for it. */
static void natural_widths(struct table *t)
{
    for (size_t c = 0; c < t->n; c++) {
        t->width[c] = text_width(t->columns[c].title);
        for (size_t r = 0; r < t->n_rows; r++) {
            int w = t->rows[r][c].text != NULL ? text_width(t->rows[r][c].text) : 0;
            t->width[c] = w > t->width[c] ? w : t->width[c];
        }
    }
}

/* The widest column of a kind that is wider than `least`; -1 if there is none. */
static int widest(const struct table *t, unsigned kind, int least)
{
    int best = -1;
    for (size_t c = 0; c < t->n; c++)
        if ((t->columns[c].flags & kind) != 0 && t->width[c] > least &&
            (best < 0 || t->width[c] > t->width[best]))
            best = (int)c;
    return best;
}

/* Who gives first: gaps, then long texts, then names, then both below what reads well. */
static void fit(struct table *t)
{
    static const struct {
        unsigned kind;
        int least;
    } steps[] = {{COLUMN_CUT | COLUMN_WRAP, 28},
                 {COLUMN_NAME, 20},
                 {COLUMN_CUT | COLUMN_WRAP, 12},
                 {COLUMN_NAME, 8}};
    natural_widths(t);
    t->gap = 3;
    if (total_width(t) > t->cli->width)
        t->gap = 2;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        for (int c;
             total_width(t) > t->cli->width && (c = widest(t, steps[i].kind, steps[i].least)) >= 0;)
            t->width[c]--;
}

/* ---- cells ---- */

/* Breaks between words so that each line has at most `width` columns; WRAP_LINES of them. */
static const char *wrapped(struct cli *cli, const char *text, int width)
{
    struct rp_buf out = {0};
    int column = 0, lines = 1;
    while (*text != '\0' && lines <= WRAP_LINES) {
        size_t n = strcspn(text, " ");
        const char *word = show_cut(cli, (struct rp_str){text, n}, width);
        bool fits = column == 0 || column + 1 + text_width(word) <= width;
        if (!fits && ++lines > WRAP_LINES) {
            rp_buf_str(&out, RP_STR("…"));
            break;
        }
        if (column > 0)
            rp_buf_c(&out, fits ? ' ' : '\n');
        column = (fits && column > 0 ? column + 1 : 0) + text_width(word);
        rp_buf_str(&out, rp_str_of(word));
        text += n + strspn(text + n, " ");
    }
    const char *result = rp_cstr(&cli->arena, rp_buf_view(&out));
    rp_buf_free(&out);
    return result;
}

static const char *fitted(const struct table *t, size_t c, const char *text)
{
    if (text_width(text) <= t->width[c])
        return text;
    if (t->columns[c].flags & COLUMN_WRAP)
        return wrapped(t->cli, text, t->width[c]);
    return show_cut(t->cli, rp_str_of(text), t->width[c]);
}

static void put_cells(struct table *t, struct libscols_table *scols)
{
    static const char *const names[] = {[BOLD] = "bold",   [DIM] = "halfbright", [RED] = "red",
                                        [GREEN] = "green", [YELLOW] = "brown",   [CYAN] = "cyan"};
    for (size_t r = 0; r < t->n_rows; r++) {
        struct libscols_line *line = scols_table_new_line(scols, NULL);
        for (size_t c = 0, at = 0; line != NULL && c < t->n; c++) {
            struct cell cell = t->rows[r][c];
            if (t->width[c] == 0)
                continue;
            (void)scols_line_set_data(line, at, fitted(t, c, cell.text != NULL ? cell.text : ""));
            if (cell.paint != PLAIN)
                (void)scols_cell_set_color(scols_line_get_cell(line, at), names[cell.paint]);
            at++;
        }
    }
}

static void put_columns(const struct table *t, struct libscols_table *scols)
{
    for (size_t c = 0; c < t->n; c++) {
        int flags = t->columns[c].flags & COLUMN_RIGHT ? SCOLS_FL_RIGHT : 0;
        bool wrap = (t->columns[c].flags & COLUMN_WRAP) != 0;
        if (t->width[c] == 0)
            continue;
        struct libscols_column *column = scols_table_new_column(scols, t->columns[c].title, 0,
                                                                flags | (wrap ? SCOLS_FL_WRAP : 0));
        if (column != NULL && wrap) {
            (void)scols_column_set_wrapfunc(column, scols_wrapnl_chunksize, scols_wrapnl_nextchunk,
                                            NULL);
            (void)scols_column_set_safechars(column, "\n");
        }
        if (column != NULL && t->cli->color)
            (void)scols_cell_set_color(scols_column_get_header(column), "halfbright");
    }
}

/* Lines end where their text ends: libsmartcols pads the last column. */
static void put_text(const char *text)
{
    struct rp_str rest = rp_str_of(text), line;
    while (rp_str_split(&rest, '\n', &line)) {
        while (line.n > 0 && line.p[line.n - 1] == ' ')
            line.n--;
        if (line.n > 0)
            (void)printf("%.*s\n", RP_FMT(line));
    }
}

void table_print(struct table *t)
{
    struct libscols_table *scols = t->n_rows > 0 ? scols_new_table() : NULL;
    char *text = NULL;
    if (scols != NULL) {
        fit(t);
        scols_table_set_termforce(scols, SCOLS_TERMFORCE_ALWAYS);
        scols_table_set_termwidth(scols, 1000); /* the widths are decided here */
        (void)scols_table_enable_colors(scols, t->cli->color);
        (void)scols_table_set_column_separator(scols, t->gap == 3 ? "   " : "  ");
        put_columns(t, scols);
        put_cells(t, scols);
        if (scols_print_table_to_string(scols, &text) == 0 && text != NULL)
            put_text(text);
        scols_unref_table(scols);
    }
    free(text);
    free(t->rows);
    free(t);
}
