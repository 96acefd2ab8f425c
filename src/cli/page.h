/* A self-contained HTML page: text is escaped here and nowhere else. */
#ifndef RP_CLI_PAGE_H
#define RP_CLI_PAGE_H

#include "cli/internal.h"

struct page {
    struct cli *cli;
    struct rp_buf out;
    int figures, captions; /* so far: each has an id of its own */
};

void page_text(struct page *p, struct rp_str s); /* escaped; control characters become blanks */
void page_cstr(struct page *p, const char *s);
void page_raw(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void page_head(struct page *p, const char *title);
void page_end(struct page *p);

/* A table: caption, column titles (ended by NULL; "#rate" stands above numbers); then cells row by
 * row. */
void page_table(struct page *p, const char *caption, const char *const *titles);
void page_row(struct page *p); /* ends the one before */
void page_cell(struct page *p, const char *text);
void page_number(struct page *p, const char *text);
void page_table_end(struct page *p);

/* A figure with its caption, which also names the picture in it for those who do not see it. */
void page_figure(struct page *p, const char *title, const char *description);
/* Begins an SVG of that figure, which is stretched to the page: it must hold no text. */
void page_picture(struct page *p, int width, int height);
void page_figure_end(struct page *p);

/* Bars from the left, one a row, each with its label and value. */
struct page_bar {
    const char *label, *value;
    double share; /* 0 to 1 of the width */
    bool quiet;   /* the one that is compared with */
};
void page_bars(struct page *p, const char *title, const struct page_bar *bars, size_t n);

bool page_save(struct page *p, const char *path, struct rp_err *err);

#endif
