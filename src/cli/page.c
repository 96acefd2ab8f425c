#include "cli/page.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Colours: text at least 4.5 to 1, shapes 3 to 1, in both schemes. */
static const char style[] =
    ":root{color-scheme:light dark;--ink:#1a1d21;--paper:#fff;--soft:#5a6370;--line:#d5dae1;"
    "--bad:#b3261e;--calm:#7d8794;--mark:#0b57d0}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ed;--paper:#14171a;--soft:#a3adb9;"
    "--line:#363d45;--bad:#ff8a80;--calm:#76808c;--mark:#8ab4f8}}"
    "body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--paper);color:var(--ink);"
    "font:1rem/1.5 system-ui,sans-serif;overflow-wrap:break-word}"
    "h1{font-size:1.6rem;line-height:1.25}"
    "h2{font-size:1.25rem;margin-top:2.5rem}h3{font-size:1.05rem;margin-top:2rem}"
    "code{font:.95em ui-monospace,monospace;overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;margin:.75rem 0}"
    "caption,figcaption{text-align:left;color:var(--soft);padding:.25rem 0}"
    "th,td{text-align:left;vertical-align:top;padding:.3rem .75rem .3rem 0;"
    "border-bottom:1px solid "
    "var(--line)}td{min-width:8rem}td:last-child{min-width:14rem}td.n{min-width:0}"
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}"
    "figure{margin:1rem 0}svg{width:100%;height:11rem;display:block}"
    ".axis{stroke:var(--line)}.mark{stroke:var(--mark);stroke-width:2}"
    ".axis,.mark{vector-effect:non-scaling-stroke}"
    "svg .bad{fill:var(--bad)}svg .calm{fill:var(--calm)}"
    ".tip{color:var(--mark);line-height:1.3}.tip.end{text-align:right}"
    ".ends{display:flex;justify-content:space-between;gap:1rem;color:var(--soft)}.ends "
    ":last-child{text-align:right}"
    ".bars{list-style:none;margin:0;padding:0}.bars li{margin:.6rem 0}"
    ".bars .bar{display:flex;align-items:center;gap:.5rem;line-height:1.2}"
    ".bars i{height:.8rem;min-width:1px;flex:none;background:var(--bad);"
    "width:calc(var(--share)*(100% - 8rem))}.bars .quiet i{background:var(--calm)}"
    ".part{margin-left:.2rem;padding-left:1rem;border-left:2px solid var(--line)}"
    ".soft{color:var(--soft)}summary{cursor:pointer}.scroll{overflow-x:auto}"
    ":focus-visible{outline:2px solid var(--mark);outline-offset:2px}";

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
    char now[RP_TIME_LEN];
    (void)rp_time_format(p->cli->now_us, now);
    page_raw(p,
             "</main>\n<footer><p class=\"soft\">Written %.10s %.5s UTC by reprise " RP_VERSION
             ".</p></footer></body></html>\n",
             now, now + 11);
}

/* ---- tables ---- */

void page_table(struct page *p, const char *caption, const char *const *titles)
{
    int id = ++p->captions; /* what scrolls must be reached by keys, and then have a name */
    page_raw(p,
             "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"c%d\"><table>"
             "<caption id=\"c%d\">",
             id, id);
    page_cstr(p, caption);
    page_raw(p, "</caption><thead><tr>");
    for (; *titles != NULL; titles++) {
        bool number = **titles == '#';
        page_raw(p, "<th scope=\"col\"%s>", number ? " class=\"n\"" : "");
        page_cstr(p, *titles + number);
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

void page_figure(struct page *p, const char *title, const char *description)
{
    int id = ++p->figures;
    page_raw(p, "<figure><figcaption id=\"f%d\">", id);
    page_cstr(p, title);
    page_raw(p, "%s", title[0] != '\0' && description[0] != '\0' ? ". " : "");
    page_cstr(p, description);
    page_raw(p, "</figcaption>\n");
}

void page_picture(struct page *p, int width, int height)
{
    page_raw(p,
             "<svg viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\" role=\"img\" "
             "aria-labelledby=\"f%d\">",
             width, height, p->figures);
}

void page_figure_end(struct page *p)
{
    page_raw(p, "</figure>\n");
}

/* Text beside shapes that HTML draws: it stays as large as other text however narrow the page is.
 */
void page_bars(struct page *p, const char *title, const struct page_bar *bars, size_t n)
{
    page_figure(p, title, "");
    page_raw(p, "<ul class=\"bars\">\n");
    for (size_t i = 0; i < n; i++) {
        page_raw(p, "<li%s>", bars[i].quiet ? " class=\"quiet\"" : "");
        page_cstr(p, bars[i].label);
        page_raw(p, "<span class=\"bar\"><i style=\"--share:%.4f\"></i>", bars[i].share);
        page_cstr(p, bars[i].value);
        page_raw(p, "</span></li>\n");
    }
    page_raw(p, "</ul>");
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
