/* Tables. Columns share the line: what does not fit is taken from texts that may be cut or wrapped
 * and from names; numbers and states stay whole. (libsmartcols would escape every \x anew, and
 * count it as four columns.) */
#include "cli/internal.h"

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

/* Columns in which no row has anything ("·") go before a text that says something is cut. */
static void drop_idle(struct table *t)
{
    for (size_t c = 0; c < t->n; c++) {
        size_t idle = 0;
        while (idle < t->n_rows && t->rows[idle][c].text != NULL &&
               strcmp(t->rows[idle][c].text, "·") == 0)
            idle++;
        if (idle == t->n_rows)
            t->width[c] = 0;
    }
}

/* Who gives first: gaps, then idle columns, long texts, names, then both below what reads well. */
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
    if (total_width(t) > t->cli->width)
        drop_idle(t);
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

/* ---- printing ---- */

static void spaces(struct rp_buf *b, int n)
{
    while (n-- > 0)
        rp_buf_c(b, ' ');
}

/* The next line of each cell; none ends in spaces. */
static void put_line(const struct table *t, struct rp_str rest[], const enum paint paint[])
{
    struct rp_buf out = {0};
    int owed = 0;
    for (size_t c = 0, at = 0; c < t->n; c++) {
        struct rp_str piece = RP_NONE;
        if (t->width[c] == 0)
            continue;
        (void)rp_str_split(&rest[c], '\n', &piece);
        const char *text = rp_cstr(&t->cli->arena, piece);
        int room = t->width[c] - text_width(text);
        bool right = (t->columns[c].flags & COLUMN_RIGHT) != 0;
        owed += (at++ > 0 ? t->gap : 0) + (right ? room : 0);
        if (piece.n > 0) {
            spaces(&out, owed);
            rp_buf_fmt(&out, "%s", painted(t->cli, paint[c], text));
            owed = 0;
        }
        owed += right ? 0 : room;
    }
    (void)printf("%.*s\n", RP_FMT(rp_buf_view(&out)));
    rp_buf_free(&out);
}

static void put_row(const struct table *t, const struct cell cells[])
{
    struct rp_str rest[COLUMNS_MAX] = {{0}};
    enum paint paint[COLUMNS_MAX];
    bool more = true;
    for (size_t c = 0; c < t->n; c++) {
        rest[c] = rp_str_of(fitted(t, c, cells[c].text != NULL ? cells[c].text : ""));
        paint[c] = cells[c].paint;
    }
    while (more) {
        put_line(t, rest, paint);
        more = false;
        for (size_t c = 0; c < t->n; c++)
            more = more || (t->width[c] > 0 && rest[c].n > 0);
    }
}

void table_print(struct table *t)
{
    struct cell head[COLUMNS_MAX] = {{0}};
    for (size_t c = 0; c < t->n; c++)
        head[c] = (struct cell){t->columns[c].title, DIM};
    fit(t);
    if (t->n_rows > 0)
        put_row(t, head);
    for (size_t r = 0; r < t->n_rows; r++)
        put_row(t, t->rows[r]);
    free(t->rows);
    free(t);
}
