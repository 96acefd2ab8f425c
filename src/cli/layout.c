/* Lines for people: labelled lines, wrapped paragraphs, hints, errors, progress bars. */
#include "cli/internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((format(printf, 1, 0))) static char *format(const char *fmt, va_list ap)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, ap) < 0)
        return rp_xstrdup("");
    return text;
}

static void spaces(struct rp_buf *b, int n)
{
    while (n-- > 0)
        rp_buf_c(b, ' ');
}

static void new_line(struct line *l)
{
    rp_buf_c(&l->out, '\n');
    spaces(&l->out, l->indent);
    l->column = l->indent;
}

/* A word that is wider than a line goes on in the next one. */
static void put_word(struct line *l, const char *word)
{
    int width = text_width(word);
    while (!l->whole_words && l->column + width > l->cli->width) {
        size_t n = text_fit(word, l->cli->width - l->column);
        rp_buf_add(&l->out, word, n);
        new_line(l);
        word += n;
        width = text_width(word);
    }
    rp_buf_str(&l->out, rp_str_of(word));
    l->column += width;
}

/* Words of text from the current column on; runs of spaces inside a line stay. */
static void wrap(struct line *l, const char *text)
{
    struct rp_arena a = {0};
    while (*text != '\0') {
        size_t gap = strspn(text, " "), n = strcspn(text + gap, " ");
        while (strncmp(text + gap + n, " %", 2) == 0) /* a number and its % stay together */
            n += 1 + strcspn(text + gap + n + 1, " ");
        const char *word = rp_cstr(&a, (struct rp_str){text + gap, n});
        if (l->column > l->indent && l->column + (int)gap + text_width(word) > l->cli->width) {
            new_line(l);
        } else {
            spaces(&l->out, (int)gap);
            l->column += (int)gap;
        }
        put_word(l, word);
        text += gap + n;
    }
    rp_arena_free(&a);
}

void line_begin(struct line *l, struct cli *cli, const char *label, int indent)
{
    *l = (struct line){.cli = cli, .indent = indent, .to = stdout};
    rp_buf_fmt(&l->out, "%s", painted(cli, BOLD, label));
    int width = text_width(label);
    if (width >= indent && width > 0)
        new_line(l);
    else
        spaces(&l->out, indent - width);
    l->column = indent;
}

void line_part(struct line *l, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = format(fmt, ap);
    va_end(ap);
    int width = text_width(text);
    if (l->parts > 0 && l->column + 3 + width > l->cli->width) {
        new_line(l);
    } else if (l->parts > 0) {
        spaces(&l->out, 3);
        l->column += 3;
    }
    wrap(l, text);
    l->parts++;
    free(text);
}

void line_end(struct line *l)
{
    rp_buf_c(&l->out, '\n');
    (void)fwrite(l->out.p, 1, l->out.n, l->to);
    rp_buf_free(&l->out);
}

void say_to(struct cli *cli, FILE *to, int indent, const char *text)
{
    struct line l = {.cli = cli, .indent = indent, .column = indent, .to = to, .whole_words = true};
    spaces(&l.out, indent);
    wrap(&l, text);
    line_end(&l);
}

void say(struct cli *cli, int indent, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = format(fmt, ap);
    va_end(ap);
    say_to(cli, stdout, indent, text);
    free(text);
}

void say_next(struct cli *cli, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = format(fmt, ap);
    va_end(ap);
    if (!cli->quiet) {
        struct line l;
        line_begin(&l, cli, "next", 6);
        l.whole_words = true;
        line_part(&l, "%s", text);
        line_end(&l);
    }
    free(text);
}

/* With --json the daemon's answer stands on standard output, a problem like any other. What was
 * printed so far comes first, so that both streams read in order. */
int say_err(struct cli *cli, const struct rp_err *err)
{
    if (cli->json && cli->problem.n > 0)
        (void)print_json(rp_buf_view(&cli->problem));
    rp_buf_free(&cli->problem);
    (void)fflush(stdout);
    say_to(cli, stderr, 0, show_fmt(cli, "reprise: %s", show_text(cli, rp_str_of(err->message))));
    if (err->hint[0] != '\0')
        say_to(cli, stderr, 2, show_fmt(cli, "→ %s", show_text(cli, rp_str_of(err->hint))));
    return rp_code_exit(err->code);
}

void note(struct cli *cli, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = format(fmt, ap);
    va_end(ap);
    if (!cli->quiet) {
        (void)fflush(stdout);
        say_to(cli, stderr, 0, text);
    }
    free(text);
}

/* ---- progress ---- */

enum { BAR_CELLS = 24, BAR_LEAST = 8, BAR_TEXT = 50 }; /* BAR_TEXT: what texts need as a rule */

void bar_begin(struct bar *b, struct cli *cli)
{
    *b = (struct bar){.cli = cli, .live = isatty(STDERR_FILENO) == 1 && !cli->quiet, .said = 0};
}

static const char *counts(const struct bar *b, int64_t done, int64_t total)
{
    return show_fmt(b->cli, " %s/%s", show_count(b->cli, done), show_count(b->cli, total));
}

/* Of one width from the beginning to the end. */
static int cells_of(const struct bar *b, int64_t total)
{
    int cells = b->cli->width - text_width(counts(b, total, total)) - 3 - BAR_TEXT;
    return cells > BAR_CELLS ? BAR_CELLS : cells < BAR_LEAST ? BAR_LEAST : cells;
}

int bar_room(const struct bar *b, int64_t total)
{
    return b->cli->width - cells_of(b, total) - text_width(counts(b, total, total)) - 3;
}

static void bar_text(struct rp_buf *out, int64_t cells, int64_t done, int64_t total)
{
    int64_t eighths = total > 0 ? done * cells * 8 / total : 0;
    for (int64_t i = 0; i < cells; i++, eighths -= 8)
        if (eighths >= 8)
            rp_buf_str(out, RP_STR("█"));
        else if (eighths > 0)
            rp_buf_fmt(out, "\xe2\x96%c", (int)(0x90 - eighths)); /* ▏ … ▉ */
        else
            rp_buf_str(out, RP_STR("░"));
}

/* Without a terminal a line for each tenth that is done. */
void bar_draw(struct bar *b, int64_t done, int64_t total, const char *text)
{
    struct rp_buf out = {0};
    int64_t tenth = total > 0 ? done * 10 / total : 10;
    if (b->cli->quiet || (!b->live && tenth <= b->said))
        return;
    b->said = tenth;
    b->drawn = true;
    if (b->live)
        rp_buf_str(&out, RP_STR("\r\033[K"));
    bar_text(&out, cells_of(b, total), done, total);
    rp_buf_fmt(&out, "%s   %s%s", counts(b, done, total), text, b->live ? "" : "\n");
    (void)fwrite(out.p, 1, out.n, stderr);
    (void)fflush(stderr);
    rp_buf_free(&out);
}

void bar_say(struct bar *b, const char *text)
{
    if (!b->live)
        return;
    b->drawn = true;
    (void)fprintf(stderr, "\r\033[K%s", text);
    (void)fflush(stderr);
}

void bar_end(struct bar *b)
{
    if (b->live && b->drawn)
        (void)fputc('\n', stderr);
}
