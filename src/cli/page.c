#include "cli/page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1a1d21;--paper:#fff;--soft:#5a6370;--line:#d5dae1;"
    "--bad:#b3261e;--calm:#7d8794;--mark:#0b57d0}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--paper:#14171a;--soft:#a3adb9;"
    "--line:#363d45;--bad:#ff8a80;--calm:#8b95a1;--mark:#8ab4f8}}"
    "body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--paper);color:var(--ink);"
    "font:1rem/1.5 system-ui,sans-serif}h1{font-size:1.6rem;line-height:1.25}"
    "h2{font-size:1.25rem;margin-top:2.5rem}h3{font-size:1.05rem;margin-top:2rem}"
    "code{font:.95em ui-monospace,monospace;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;margin:.75rem 0}caption{text-align:left;"
    "color:var(--soft);padding:.25rem 0}th,td{text-align:left;vertical-align:top;"
    "padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "figure{margin:1rem 0}svg{width:100%;height:auto;display:block}"
    "svg text{fill:var(--ink);font:13px system-ui,sans-serif}.bad{fill:var(--bad)}"
    ".calm{fill:var(--calm);fill-opacity:.5}.axis{stroke:var(--line)}.mark{stroke:var(--mark);"
    "stroke-width:2}"
    ".soft{color:var(--soft)}svg .soft{fill:var(--soft)}summary{cursor:pointer}"
    ".scroll{overflow-x:auto}";

/* ---- text ---- */

void page_text(struct page *p, struct rp_str s)
{
    for (size_t i = 0; i < s.n; i++)
        switch (s.p[i]) {
        case '&':
            page_raw(p, "&amp;");
            break;
        case '<':
            page_raw(p, "&lt;");
            break;
        case '>':
            page_raw(p, "&gt;");
            break;
        case '"':
            page_raw(p, "&quot;");
            break;
        default:
            rp_buf_c(&p->out, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
        }
}

void page_cstr(struct page *p, const char *s)
{
    page_text(p, rp_str_of(s));
}

void page_raw(struct page *p, const char *fmt, ...)
{
    va_list ap;
    char *text = NULL;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n > 0)
        rp_buf_add(&p->out, text, (size_t)n);
    free(text);
}

void page_head(struct page *p, const char *title)
{
    page_raw(p, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>");
    page_cstr(p, title);
    page_raw(p, "</title><style>%s</style></head>\n<body><main>\n<h1>", style);
    page_cstr(p, title);
    page_raw(p, "</h1>\n");
}

void page_end(struct page *p)
{
    page_raw(p, "</main></body></html>\n");
}

/* ---- tables ---- */

void page_table(struct page *p, const char *caption, const char *const *titles)
{
    page_raw(p, "<div class=\"scroll\"><table><caption>");
    page_cstr(p, caption);
    page_raw(p, "</caption><thead><tr>");
    for (; *titles != NULL; titles++) {
        page_raw(p, "<th scope=\"col\">");
        page_cstr(p, *titles);
        page_raw(p, "</th>");
    }
    page_raw(p, "</tr></thead><tbody>");
}

void page_row(struct page *p)
{
    page_raw(p, "\n<tr>");
}

void page_cell(struct page *p, const char *text)
{
    page_raw(p, "<td>");
    page_cstr(p, text);
    page_raw(p, "</td>");
}

void page_number(struct page *p, const char *text)
{
    page_raw(p, "<td class=\"n\">");
    page_cstr(p, text);
    page_raw(p, "</td>");
}

void page_table_end(struct page *p)
{
    page_raw(p, "</tbody></table></div>\n");
}

/* ---- pictures ---- */

void page_figure(struct page *p, int width, int height, const char *title, const char *description)
{
    int id = ++p->figures;
    page_raw(p,
             "<figure><svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"t%d d%d\">"
             "<title id=\"t%d\">",
             width, height, id, id, id);
    page_cstr(p, title);
    page_raw(p, "</title><desc id=\"d%d\">", id);
    page_cstr(p, description);
    page_raw(p, "</desc>");
}

void page_figure_end(struct page *p)
{
    page_raw(p, "</svg></figure>\n");
}

void page_bars(struct page *p, const char *title, const char *description,
               const struct page_bar *bars, size_t n)
{
    enum { WIDTH = 800, ROW = 40, VALUE = 150 };
    page_figure(p, WIDTH, (int)n * ROW, title, description);
    for (size_t i = 0; i < n; i++) {
        int y = (int)i * ROW;
        page_raw(p, "<text x=\"0\" y=\"%d\">", y + 14);
        page_cstr(p, bars[i].label);
        page_raw(p, "</text><rect class=\"%s\" x=\"0\" y=\"%d\" height=\"12\" width=\"%.1f\"/>",
                 bars[i].quiet ? "calm" : "bad", y + 20,
                 bars[i].share > 0 ? 1 + (WIDTH - VALUE - 1) * bars[i].share : 0);
        page_raw(p, "<text x=\"%.1f\" y=\"%d\">", 6 + (WIDTH - VALUE) * bars[i].share, y + 31);
        page_cstr(p, bars[i].value);
        page_raw(p, "</text>");
    }
    page_figure_end(p);
}

bool page_save(struct page *p, const char *path, struct rp_err *err)
{
    FILE *f = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (f == NULL)
        return rp_fail(err, RP_E_IO, "cannot write %s: %s", path, strerror(errno));
    bool ok = fwrite(p->out.p, 1, p->out.n, f) == p->out.n;
    ok = (f == stdout ? fflush(f) : fclose(f)) == 0 && ok;
    return ok || rp_fail(err, RP_E_IO, "cannot write %s: %s", path, strerror(errno));
}
