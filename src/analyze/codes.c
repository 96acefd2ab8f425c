/* Codes in a line that one software defines, each as a table: SQLSTATE (ISO 9075, PostgreSQL's
 * Appendix A), MySQL's and Oracle's error numbers, gRPC's status codes. A code is looked for only
 * where the line says whose it is, so that a number of the user's never counts. */
#include "analyze/internal.h"

struct number {
    unsigned n;
    enum rp_class class;
};

/* Specific states before their class. */
static const struct {
    const char *prefix;
    enum rp_class class;
} sqlstates[] = {
    {"23505", RP_CLASS_UNIQUE},   {"23P01", RP_CLASS_UNIQUE},       {"42501", RP_CLASS_PERMISSION},
    {"42710", RP_CLASS_UNIQUE},   {"42P04", RP_CLASS_UNIQUE},       {"42P06", RP_CLASS_UNIQUE},
    {"42P07", RP_CLASS_UNIQUE},   {"53100", RP_CLASS_DISK_FULL},    {"53200", RP_CLASS_OOM},
    {"55006", RP_CLASS_BUSY},     {"55P03", RP_CLASS_DB_CONFLICT},  {"57014", RP_CLASS_TIMEOUT},
    {"57P", RP_CLASS_CONNECTION}, {"58P01", RP_CLASS_MISSING_FILE}, {"25006", RP_CLASS_CONNECTION},
    {"25P02", RP_CLASS_CODE_BUG}, {"3D", RP_CLASS_CONFIG},          {"08", RP_CLASS_CONNECTION},
    {"22", RP_CLASS_BAD_PAYLOAD}, {"23", RP_CLASS_BAD_PAYLOAD},     {"28", RP_CLASS_AUTH},
    {"40", RP_CLASS_DB_CONFLICT}, {"42", RP_CLASS_CODE_BUG},        {"53", RP_CLASS_SATURATED},
    {"54", RP_CLASS_CODE_BUG},    {"F0", RP_CLASS_CONFIG},
};

static const struct number mysql[] = {
    {1005, RP_CLASS_CODE_BUG},    {1021, RP_CLASS_DISK_FULL},   {1030, RP_CLASS_DISK_FULL},
    {1037, RP_CLASS_OOM},         {1038, RP_CLASS_OOM},         {1040, RP_CLASS_SATURATED},
    {1044, RP_CLASS_AUTH},        {1045, RP_CLASS_AUTH},        {1048, RP_CLASS_BAD_PAYLOAD},
    {1049, RP_CLASS_CONFIG},      {1053, RP_CLASS_CONNECTION},  {1054, RP_CLASS_CODE_BUG},
    {1062, RP_CLASS_UNIQUE},      {1064, RP_CLASS_CODE_BUG},    {1114, RP_CLASS_DISK_FULL},
    {1129, RP_CLASS_CONNECTION},  {1130, RP_CLASS_AUTH},        {1136, RP_CLASS_CODE_BUG},
    {1142, RP_CLASS_PERMISSION},  {1143, RP_CLASS_PERMISSION},  {1146, RP_CLASS_CODE_BUG},
    {1153, RP_CLASS_BAD_PAYLOAD}, {1158, RP_CLASS_CONNECTION},  {1159, RP_CLASS_NET_TIMEOUT},
    {1169, RP_CLASS_UNIQUE},      {1203, RP_CLASS_SATURATED},   {1205, RP_CLASS_DB_CONFLICT},
    {1206, RP_CLASS_SATURATED},   {1213, RP_CLASS_DB_CONFLICT}, {1216, RP_CLASS_BAD_PAYLOAD},
    {1217, RP_CLASS_BAD_PAYLOAD}, {1226, RP_CLASS_SATURATED},   {1227, RP_CLASS_PERMISSION},
    {1264, RP_CLASS_BAD_PAYLOAD}, {1265, RP_CLASS_BAD_PAYLOAD}, {1290, RP_CLASS_CONNECTION},
    {1292, RP_CLASS_BAD_PAYLOAD}, {1364, RP_CLASS_BAD_PAYLOAD}, {1366, RP_CLASS_BAD_PAYLOAD},
    {1406, RP_CLASS_BAD_PAYLOAD}, {1451, RP_CLASS_BAD_PAYLOAD}, {1452, RP_CLASS_BAD_PAYLOAD},
    {1586, RP_CLASS_UNIQUE},      {1698, RP_CLASS_AUTH},        {1836, RP_CLASS_CONNECTION},
    {1862, RP_CLASS_AUTH},        {2002, RP_CLASS_CONNECTION},  {2003, RP_CLASS_CONNECTION},
    {2005, RP_CLASS_DNS},         {2006, RP_CLASS_CONNECTION},  {2013, RP_CLASS_CONNECTION},
    {2026, RP_CLASS_CONNECTION},  {2055, RP_CLASS_CONNECTION},  {3024, RP_CLASS_TIMEOUT},
    {3118, RP_CLASS_AUTH},        {3572, RP_CLASS_DB_CONFLICT}, {4031, RP_CLASS_CONNECTION},
};

static const struct number oracle[] = {
    {1, RP_CLASS_UNIQUE},          {18, RP_CLASS_SATURATED},     {20, RP_CLASS_SATURATED},
    {28, RP_CLASS_CONNECTION},     {54, RP_CLASS_BUSY},          {60, RP_CLASS_DB_CONFLICT},
    {257, RP_CLASS_DISK_FULL},     {904, RP_CLASS_CODE_BUG},     {911, RP_CLASS_CODE_BUG},
    {933, RP_CLASS_CODE_BUG},      {936, RP_CLASS_CODE_BUG},     {942, RP_CLASS_CODE_BUG},
    {1013, RP_CLASS_TIMEOUT},      {1017, RP_CLASS_AUTH},        {1031, RP_CLASS_PERMISSION},
    {1033, RP_CLASS_CONNECTION},   {1034, RP_CLASS_CONNECTION},  {1089, RP_CLASS_CONNECTION},
    {1400, RP_CLASS_BAD_PAYLOAD},  {1407, RP_CLASS_BAD_PAYLOAD}, {1422, RP_CLASS_CODE_BUG},
    {1438, RP_CLASS_BAD_PAYLOAD},  {1476, RP_CLASS_CODE_BUG},    {1536, RP_CLASS_DISK_FULL},
    {1555, RP_CLASS_DB_CONFLICT},  {1652, RP_CLASS_DISK_FULL},   {1653, RP_CLASS_DISK_FULL},
    {1654, RP_CLASS_DISK_FULL},    {1688, RP_CLASS_DISK_FULL},   {1722, RP_CLASS_BAD_PAYLOAD},
    {1830, RP_CLASS_BAD_PAYLOAD},  {1839, RP_CLASS_BAD_PAYLOAD}, {1843, RP_CLASS_BAD_PAYLOAD},
    {1858, RP_CLASS_BAD_PAYLOAD},  {1861, RP_CLASS_BAD_PAYLOAD}, {2290, RP_CLASS_BAD_PAYLOAD},
    {2291, RP_CLASS_BAD_PAYLOAD},  {2292, RP_CLASS_BAD_PAYLOAD}, {2391, RP_CLASS_SATURATED},
    {3113, RP_CLASS_CONNECTION},   {3114, RP_CLASS_CONNECTION},  {3135, RP_CLASS_CONNECTION},
    {4021, RP_CLASS_DB_CONFLICT},  {4030, RP_CLASS_OOM},         {4031, RP_CLASS_OOM},
    {4068, RP_CLASS_CODE_BUG},     {6502, RP_CLASS_BAD_PAYLOAD}, {6512, RP_CLASS_CODE_BUG},
    {6550, RP_CLASS_CODE_BUG},     {8177, RP_CLASS_DB_CONFLICT}, {12154, RP_CLASS_CONFIG},
    {12170, RP_CLASS_NET_TIMEOUT}, {12505, RP_CLASS_CONFIG},     {12514, RP_CLASS_CONFIG},
    {12516, RP_CLASS_SATURATED},   {12519, RP_CLASS_SATURATED},  {12520, RP_CLASS_SATURATED},
    {12535, RP_CLASS_NET_TIMEOUT}, {12537, RP_CLASS_CONNECTION}, {12541, RP_CLASS_CONNECTION},
    {12545, RP_CLASS_CONNECTION},  {12560, RP_CLASS_CONNECTION}, {12899, RP_CLASS_BAD_PAYLOAD},
    {28000, RP_CLASS_AUTH},        {28001, RP_CLASS_AUTH},       {29861, RP_CLASS_CODE_BUG},
};

/* By number, as gRPC's status codes are written: UNAVAILABLE, Unavailable, 14. Those that say only
 * that something failed (UNKNOWN, INTERNAL, UNAVAILABLE) leave it to the description. */
static const struct {
    const char *name; /* lower case without seams */
    enum rp_class class;
} grpc[] = {
    {"invalidargument", RP_CLASS_BAD_PAYLOAD}, {"deadlineexceeded", RP_CLASS_NET_TIMEOUT},
    {"notfound", RP_CLASS_MISSING_FILE},       {"alreadyexists", RP_CLASS_UNIQUE},
    {"permissiondenied", RP_CLASS_AUTH},       {"resourceexhausted", RP_CLASS_RATE_LIMIT},
    {"aborted", RP_CLASS_DB_CONFLICT},         {"outofrange", RP_CLASS_BAD_PAYLOAD},
    {"unimplemented", RP_CLASS_CODE_BUG},      {"dataloss", RP_CLASS_BAD_PAYLOAD},
    {"unauthenticated", RP_CLASS_AUTH},
};

enum rp_class rp_class_of_sqlstate(struct rp_str s)
{
    for (size_t i = 0; s.n == 5 && i < sizeof sqlstates / sizeof *sqlstates; i++)
        if (rp_str_starts(s, sqlstates[i].prefix))
            return sqlstates[i].class;
    return RP_CLASS_UNKNOWN;
}

static enum rp_class of_number(const struct number *t, size_t n, unsigned number)
{
    for (size_t i = 0; i < n; i++)
        if (t[i].n == number)
            return t[i].class;
    return RP_CLASS_UNKNOWN;
}

/* The number of exactly so many digits at the start; 0 if there is none. */
static unsigned digits_at(struct rp_str s, size_t n)
{
    unsigned v = 0;
    for (size_t i = 0; i < n; i++) {
        if (i >= s.n || !is_digit(s.p[i]))
            return 0;
        v = v * 10 + (unsigned)(s.p[i] - '0');
    }
    return n < s.n && is_alnum(s.p[n]) ? 0 : v;
}

/* Is the number at `at` MySQL's? "ERROR 1213 (40001)", "(1062, 'Duplicate …", and behind an
 * SQLSTATE "[HY000] [2002]" and "violation: 1062 Duplicate …". */
static bool is_mysql(struct rp_str line, size_t at)
{
    struct rp_str before = str_head(line, at), after = str_from(line, at + 4);
    if (rp_str_ends(before, "ERROR ") || rp_str_ends(before, "Error "))
        return rp_str_starts(after, " (") || rp_str_starts(after, ":");
    if (rp_str_ends(before, "("))
        return rp_str_starts(after, ", '") || rp_str_starts(after, ", \"");
    return str_has(before, "SQLSTATE[") && (rp_str_ends(before, "[") || rp_str_ends(before, ": "));
}

static enum rp_class of_mysql(struct rp_str line)
{
    for (size_t i = 1; i + 4 <= line.n; i++) {
        unsigned n = is_alnum(line.p[i - 1]) ? 0 : digits_at(str_from(line, i), 4);
        if (n > 0 && is_mysql(line, i))
            return str_has(line, "getaddrinfo") /* 2002 says only that there is no connection */
                       ? RP_CLASS_UNKNOWN
                       : of_number(mysql, sizeof mysql / sizeof *mysql, n);
    }
    return RP_CLASS_UNKNOWN;
}

/* What stands behind the first `mark`; absent without it. */
static struct rp_str behind(struct rp_str line, const char *mark)
{
    size_t at = rp_str_find(line, rp_str_of(mark));
    return at == SIZE_MAX ? RP_NONE : str_from(line, at + strlen(mark));
}

static enum rp_class of_oracle(struct rp_str line)
{
    struct rp_str s = behind(line, "ORA-");
    return s.p == NULL ? RP_CLASS_UNKNOWN
                       : of_number(oracle, sizeof oracle / sizeof *oracle, digits_at(s, 5));
}

/* "SQLSTATE[23505]", "(SQLSTATE 23505)", "SQLState: 08001" */
static enum rp_class of_sqlstate(struct rp_str line)
{
    struct rp_str s = behind(line, "SQLSTATE");
    if (s.p == NULL)
        s = behind(line, "SQLState");
    if (s.p == NULL)
        return RP_CLASS_UNKNOWN;
    for (int i = 0; i < 2 && s.n > 0 && !is_alnum(s.p[0]); i++)
        s = str_from(s, 1);
    if (rp_str_starts(s, "23000") && str_has(line, "unique")) /* any constraint's */
        return RP_CLASS_UNIQUE;
    return s.n > 5 && is_alnum(s.p[5]) ? RP_CLASS_UNKNOWN : rp_class_of_sqlstate(str_head(s, 5));
}

/* The word at the start is a name of gRPC's, however it is written. */
static enum rp_class of_grpc_name(struct rp_str s)
{
    char low[20] = {0};
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < sizeof low && (is_alpha(s.p[i]) || s.p[i] == '_'); i++)
        if (s.p[i] != '_')
            low[n++] = to_lower(s.p[i]);
    for (size_t i = 0; i < sizeof grpc / sizeof *grpc; i++)
        if (strlen(grpc[i].name) == n && memcmp(grpc[i].name, low, n) == 0)
            return grpc[i].class;
    return RP_CLASS_UNKNOWN;
}

/* "code = NotFound desc = …", "StatusCode.NOT_FOUND", "5 NOT_FOUND: …" */
static enum rp_class of_grpc(struct rp_str line)
{
    struct rp_str s = behind(line, "code = ");
    if (s.p == NULL)
        s = behind(line, "StatusCode.");
    if (s.p == NULL && line.p != NULL && line.n > 5 && is_digit(line.p[0])) {
        size_t digits = is_digit(line.p[1]) ? 2 : 1;
        if (line.p[digits] == ' ' && is_upper(line.p[digits + 1]) && is_upper(line.p[digits + 2]))
            s = str_from(line, digits + 1);
    }
    return s.p == NULL ? RP_CLASS_UNKNOWN : of_grpc_name(s);
}

/* The class of an HTTP status that a line speaks of. 404 and 400 leave it to the text: what is not
 * there, and what was asked for wrongly, differs. */
static enum rp_class of_status(unsigned n)
{
    static const struct number statuses[] = {
        {401, RP_CLASS_AUTH},        {403, RP_CLASS_AUTH},        {407, RP_CLASS_AUTH},
        {408, RP_CLASS_NET_TIMEOUT}, {413, RP_CLASS_BAD_PAYLOAD}, {415, RP_CLASS_BAD_PAYLOAD},
        {420, RP_CLASS_RATE_LIMIT},  {422, RP_CLASS_BAD_PAYLOAD}, {423, RP_CLASS_BUSY},
        {429, RP_CLASS_RATE_LIMIT},
    };
    return n >= 500 && n <= 599 ? RP_CLASS_HTTP_5XX
                                : of_number(statuses, sizeof statuses / sizeof *statuses, n);
}

/* Does a number behind these words stand for a status? "HTTP/1.1 503", "status code: 503",
 * "returned 503", "error 503". */
static bool leads_to_status(struct rp_str before)
{
    static const char *const words[] = {
        "http",     "status", "statuscode",  "code",     "response",  "returned", "httpstatus",
        "received", "got",    "status_code", "answered", "responded", "replied",  NULL};
    if (rp_str_ends(before, " returned error: ")) /* git, curl */
        return true;
    if (rp_str_ends(before, " with "))
        before.n -= strlen(" with");
    size_t end = before.n;
    while (end > 0 && !is_alpha(before.p[end - 1]) && before.n - end < 12 &&
           before.p[end - 1] != ',' && before.p[end - 1] != ';')
        end--;
    size_t from = end;
    while (from > 0 && (is_alpha(before.p[from - 1]) || before.p[from - 1] == '_'))
        from--;
    return rp_str_in((struct rp_str){before.p + from, end - from}, words);
}

/* "API error. - (401)" ends a line. */
static unsigned last_status(struct rp_str line)
{
    line = rp_str_trim(line);
    bool there = line.n > 5 && line.p[line.n - 1] == ')' && line.p[line.n - 5] == '(';
    return there ? digits_at(str_from(line, line.n - 4), 3) : 0;
}

/* "403 when calling …", "429 from …": a number that begins a line. */
static bool tells_of_status(struct rp_str after)
{
    static const char *const words[] = {" from ", " when ",    " while ", " calling ", " on ",
                                        " for ",  " response", " error",  " returned"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (rp_str_starts(after, words[i]))
            return true;
    return false;
}

static enum rp_class of_http(struct rp_str line)
{
    if (rp_str_starts(line, "curl: (78)") || str_has(line, "ftp")) /* replies of another protocol */
        return RP_CLASS_UNKNOWN;
    if (line.n > 3 && tells_of_status(str_from(line, 3)) &&
        of_status(digits_at(line, 3)) != RP_CLASS_UNKNOWN)
        return of_status(digits_at(line, 3));
    if (rp_str_starts(line, "429 "))
        return RP_CLASS_RATE_LIMIT;
    if (last_status(line) < 505 && of_status(last_status(line)) != RP_CLASS_UNKNOWN)
        return of_status(last_status(line));
    for (size_t i = 1; i + 3 <= line.n; i++) {
        if (!one_of(line.p[i], "45") || is_alnum(line.p[i - 1]))
            continue;
        enum rp_class c = of_status(digits_at(str_from(line, i), 3));
        if (c != RP_CLASS_UNKNOWN && leads_to_status(str_head(line, i)))
            return c;
    }
    return RP_CLASS_UNKNOWN;
}

/* A mail server's reply with the enhanced code behind it: "550 5.1.1", "452-4.3.1" (RFC 3463). */
static enum rp_class of_smtp(struct rp_str line)
{
    static const struct {
        const char *code; /* without its class: 5.7.8 and 4.7.8 */
        enum rp_class class;
    } codes[] = {
        {".2.2", RP_CLASS_DISK_FULL},   {".2.1", RP_CLASS_RATE_LIMIT},
        {".2.3", RP_CLASS_BAD_PAYLOAD}, {".3.1", RP_CLASS_DISK_FULL},
        {".3.2", RP_CLASS_CONNECTION},  {".3.4", RP_CLASS_BAD_PAYLOAD},
        {".4.1", RP_CLASS_CONNECTION},  {".4.2", RP_CLASS_CONNECTION},
        {".4.3", RP_CLASS_DNS},         {".4.4", RP_CLASS_DNS},
        {".4.7", RP_CLASS_NET_TIMEOUT}, {".5.3", RP_CLASS_RATE_LIMIT},
        {".7.0", RP_CLASS_AUTH},        {".7.3", RP_CLASS_AUTH},
        {".7.8", RP_CLASS_AUTH},        {".7.9", RP_CLASS_AUTH},
        {".1.", RP_CLASS_BAD_PAYLOAD},  {".6.", RP_CLASS_BAD_PAYLOAD},
    };
    for (size_t i = 0; i + 9 <= line.n; i++) {
        const char *p = line.p + i;
        bool reply = one_of(p[0], "45") && is_digit(p[1]) && is_digit(p[2]) &&
                     (i == 0 || !is_alnum(p[-1])) && !is_alnum(p[3]);
        size_t at = reply ? 4 : 0;
        while (reply && at < 8 && i + at + 5 <= line.n && !is_digit(p[at]))
            at++; /* Python: (550, b'5.1.1 ... */
        for (size_t k = 0; reply && p[at] == p[0] && k < sizeof codes / sizeof *codes; k++)
            if (rp_str_starts(str_from(line, i + at + 1), codes[k].code))
                return p[0] == '4' && codes[k].class == RP_CLASS_AUTH ? RP_CLASS_RATE_LIMIT
                                                                      : codes[k].class;
    }
    return RP_CLASS_UNKNOWN;
}

struct rp_ruling rp_codes_match(struct rp_str line)
{
    static const struct {
        enum rp_class (*of)(struct rp_str line);
        const char *rule;
    } kinds[] = {{of_mysql, "code of MySQL"},           {of_oracle, "code of Oracle"},
                 {of_sqlstate, "SQLSTATE in the text"}, {of_grpc, "code of gRPC"},
                 {of_smtp, "code of a mail server"},    {of_http, "HTTP status in the text"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        enum rp_class c = kinds[i].of(line);
        if (c != RP_CLASS_UNKNOWN)
            return (struct rp_ruling){c, kinds[i].rule, false};
    }
    return (struct rp_ruling){RP_CLASS_UNKNOWN, "none", false};
}
