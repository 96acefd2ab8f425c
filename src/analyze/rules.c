/* The text rules: phrases in order, first hit wins, specific before general.
 *
 * A phrase matches at the start of a word (also of a word inside a CamelCase name) and ends at the
 * end of one, whatever the case: "refused" is found in ConnectionRefusedError, "enotfound" is not
 * found in ModuleNotFoundError. In a phrase
 *     blank   stands for any run of blanks and punctuation, or a CamelCase seam
 *     #       one digit
 *     *       at most 80 bytes of anything, up to the next start of a word
 *     ~       the rest of the word, if it goes on
 * Cost: one look into a set for every phrase whose first two letters begin no word of the line. */
#include "analyze/internal.h"

enum { GAP_MAX = 80 };

struct rule {
    enum rp_class class;
    const char *const *any;
};
#define ANY(...)                                                                                   \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static const struct rule rules[] = {
    /* Words that later rules would take for something else. */
    {RP_CLASS_CODE_BUG,
     ANY("goroutines are asleep", "unexpected token export", "unexpected token import",
         "stack overflow~", "maximum call stack", "concurrent map", "missing # required positional",
         "argument null~", "php parse error", "syntax error near", "syntax error at",
         "error in your sql syntax", "object method", "null reference~", "undefined is not")},
    {RP_CLASS_NET_TIMEOUT, ANY("tls handshake timeout", "handshake timed out")},
    {RP_CLASS_CONFIG,
     ANY("could not resolve placeholder", "database * does not exist", "unknown database",
         "configmap * not found", "secret * not found", "wrong version number",
         "create container config error", "flag provided but not defined",
         "following arguments are required", "required setting~", "invalid value * for option",
         "option * is unknown", "unknown option~", "secret key must not be")},

    {RP_CLASS_PERMISSION, ANY("access to the path", "nio file access denied",
                              "password is required", "unauthorized access exception")},
    {RP_CLASS_WORKER_LOST, ANY("remoting*channel", "channel is closing down", "remote call on",
                               "pod~ * not found", "server*was deleted", "agent*deleted",
                               "agent*removed", "node*deleted", "machine*preempted")},

    {RP_CLASS_CERT,
     ANY("certificate verify failed", "certificate has expired", "cert has expired",
         "certificate*expired", "expired certificate", "first certificate", "local issuer",
         "self signed", "selfsigned", "x509", "pkix", "cert path~", "ssl handshake~",
         "handshake failure", "handshake_failure", "bad certificate", "unknown ca",
         "certificate*trusted", "certificate*revoked", "certificate*invalid",
         "certificate*not valid", "invalid*certificate", "certificate problem",
         "certificate validation", "certificate verification", "certificate signed by unknown",
         "err cert", "tls cert", "tls alert", "not match certificate", "doesn't match*certificate",
         "certificate*not match", "certificate name", "alternative certificate",
         "certification path", "remote error tls", "sslcert~", "verify*certificate")},
    {RP_CLASS_DISK_FULL,
     ANY("enospc", "no space left", "no space on", "disk full", "disk is full", "not enough space",
         "insufficient*disk~", "insufficient space", "insufficient storage", "quota exceeded*disk",
         "disk quota", "edquot", "out of disk~", "file system*full", "filesystem*full",
         "could not extend file", "disk usage exceeded", "flood stage", "ephemeral storage",
         "disk pressure", "diskpressure", "errno 28", "not enough disk", "not enough free space",
         "volume*full", "device*full", "table * is full", "persist on disk", "partition*full",
         "storage full", "storage is full", "no disk space")},
    {RP_CLASS_RATE_LIMIT,
     ANY("429 too many", "too many requests", "toomanyrequests", "http 429", "http error 429",
         "status 429", "status code 429", "code 429", "error 429", "429 command not found",
         "returned 429", "rate limit~", "ratelimit~", "rate exceeded", "throttl~", "quota exceeded",
         "exceeded*quota", "quota*exceeded", "quota limit", "insufficient quota",
         "resource exhausted", "resource has been exhausted", "throughput exceeded",
         "request limit exceeded", "slow down", "reduce your request rate", "too many calls",
         "api limit", "api calls exceeded", "usage limit", "daily limit", "requests per~",
         "calls per~", "pull rate", "got 429", "429 on", "429 from", "429 for")},
    {RP_CLASS_UNIQUE,
     ANY("duplicate key", "duplicate entry", "duplicate value", "unique constraint", "unique key",
         "unique violation", "violates unique", "unique index", "key * already exists", "e11000",
         "ora 00001", "not unique", "notunique", "sqlstate 23505", "error 1062",
         "already been taken", "row already exists", "record already exists",
         "document already exists", "entity already exists", "primary key constraint", "p2002",
         "constraint primarykey")},
    {RP_CLASS_DB_CONFLICT,
     ANY("deadlock~", "deadlocked", "could not serialize", "serialization failure",
         "lock wait timeout", "lock timeout", "lock not available", "could not obtain lock on",
         "write conflict", "restart transaction", "restarting transaction", "transaction retry~",
         "retry transaction", "retry the transaction", "optimistic lock~", "stale object~",
         "stale element version", "concurrent update", "concurrent transaction",
         "deleted by another transaction", "updated by another", "snapshot isolation",
         "database is locked", "database table is locked", "sqlite busy", "version conflict",
         "transaction conflict", "transaction*aborted due to", "object has been modified",
         "sqlstate 40###", "sqlstate 40p##", "sqlstate 55p03", "ora 00054", "ora 00060",
         "ora 08177", "error 1205", "error 1213")},
    {RP_CLASS_SATURATED,
     ANY("too many clients", "too many connections", "too many open connections", "sorry too many",
         "too many db connections", "too many sessions", "queue pool limit", "queuepool",
         "pool*exhausted", "pool exhaust~", "exhausted*pool", "connection slots",
         "max number of clients", "connection limit exceeded", "connection limit reached",
         "max connections", "maximum*connections", "max user connections", "max client conn~",
         "timeout acquiring a connection", "acquiring*connection*pool", "pool is probably full",
         "connection is not available", "acquire jdbc connection", "obtain*connection*pool",
         "obtain a database connection", "connection from the pool",
         "connection from the connection pool", "connection from pool", "pool timeout",
         "pool is full", "no available connection~", "no more connections", "no free connection~",
         "waiting for*available connection", "waiting for*free connection", "queue is full",
         "queue full", "rejected execution", "max retries*pool", "too many open files", "emfile",
         "enfile", "sqlstate 53300", "error 1040", "error 1203", "ora 00018", "ora 00020",
         "ora 12516", "ora 12519", "ora 12520")},
    {RP_CLASS_OOM,
     ANY("out of memory", "outofmemory", "heap space", "heap out of", "heap limit", "out of heap~",
         "heap exhausted", "cannot allocate memory", "could not allocate memory",
         "can't allocate memory", "allocate memory", "enomem", "memory error", "memoryerror",
         "no memory error", "oomkill~", "oom kill~", "oom~", "bad alloc", "unable to allocate",
         "failed to allocate", "allocation failed", "memory limit", "allowed memory size",
         "memory exhausted", "overhead limit", "insufficient memory", "not enough memory",
         "low on*memory", "memory cgroup", "signal terminated program", "metaspace",
         "direct buffer memory", "errno 12", "memory pressure", "memory usage exceed~",
         "tried to allocate", "ora 04030", "memory limits", "exceed~*memory",
         "physical memory used", "memory allocation", "memory exceeded", "ora 04031",
         "sqlstate 53200")},
    {RP_CLASS_WORKER_LOST,
     ANY("worker lost~", "workerlost~", "worker exited prematurely", "stalled", "stall limit",
         "termination of the channel", "backing channel", "channel*disconnected", "agent*offline",
         "agent*disconnected", "agent*lost", "agent went offline", "node*offline", "worker*died",
         "worker*vanished", "worker*disappeared", "worker*lost", "lost worker", "executor lost~",
         "lost executor", "executor*lost", "executor heartbeat", "executor*died", "node lost",
         "node was lost", "lost node", "no workspace for", "runner*shutdown signal",
         "lost communication", "spot~ interruption", "spot~ instance*", "preempted", "zombie job~",
         "zombie task~", "zombies", "zombie", "broken process pool", "process pool was terminated",
         "terminated worker~", "work horse*terminated", "worker process*died",
         "worker process*terminated", "heartbeat*lost", "missed heartbeat~", "heartbeat*missed",
         "heartbeat*timed out", "heartbeat timeout", "heartbeat expired", "node is not ready",
         "node not ready", "node unreachable", "was evicted", "pod*evicted", "abandoned job~",
         "actor died", "actor is dead", "lease expired", "lease lost", "host*was terminated",
         "instance*was terminated", "instance termination")},
    {RP_CLASS_DNS,
     ANY("enotfound", "eai again", "eai noname", "eai nodata", "could not resolve host~",
         "couldn't resolve host", "could not resolve proxy", "can't resolve host",
         "cannot resolve host~", "unable to resolve host~", "failed to resolve host~",
         "failed to resolve address", "failed to resolve '*.", "resolve hostname", "resolve host",
         "name or service not known", "name resolution", "name*does not resolve",
         "no such host is known", "no such host", "unknown host", "unknownhost", "getaddrinfo~",
         "gaierror", "getnameinfo", "nodename nor servname", "nxdomain", "servfail",
         "resolution error", "host not found", "dns~", "translate host name",
         "no address associated", "server name not found", "hostname lookup", "unresolved address~",
         "resolution failure", "resolution failed", "unable to resolve service")},
    {RP_CLASS_AUTH,
     ANY("401 unauthorized", "unauthorized~", "unauthorised", "http 401", "http error 401",
         "status 401", "status code 401", "code 401", "error 401", "401 client", "401 on",
         "401 from", "401 for", "got 401", "returned 401", "403 forbidden", "403 client",
         "http 403", "http error 403", "status 403", "status code 403", "code 403", "error 403",
         "403 on", "403 from", "403 for", "got 403", "returned 403", "is forbidden", "forbidden",
         "authentication failed", "authentication error", "authentication exception",
         "authentication fail~", "authentication required", "authentication token",
         "failed to authenticate", "could not authenticate", "cannot authenticate",
         "not authenticated", "unauthenticated", "authorization failed", "authorization required",
         "authorization error", "access denied for user", "basic access denied", "access denied",
         "pull access denied", "invalid credential~", "bad credential~", "wrong credential~",
         "incorrect credential~", "credentials*expired", "locate credentials", "no credentials",
         "load credentials", "credential~ not found", "refresh*credentials", "invalid api key",
         "incorrect api key", "api key*invalid", "api key*not valid", "api key*expired",
         "invalid access key", "access key id", "token*expired", "expired token~", "jwt~",
         "invalid token signature", "invalid grant", "invalid client", "invalid scope",
         "invalid client token", "unrecognized client", "token revoked", "token*revoked",
         "invalid auth~", "auth failed", "auth error", "smtp authentication", "smtpauth~",
         "signature*does not match", "signature*not match", "invalid signature", "security token",
         "not authorized", "not authorised", "login failed", "login incorrect", "login denied",
         "logon failure", "wrong password", "wrongpass", "incorrect password", "invalid password",
         "invalid username", "username and password not accepted", "noauth", "noperm", "pg hba",
         "denied publickey", "denied public key", "read username", "prompts disabled",
         "insufficient scope~", "insufficient permission~", "missing*oauth~", "sqlstate 28###",
         "error 1045", "ora 01017", "role * does not exist", "requested access to the resource",
         "kerberos", "smtp 535", "535 5")},
    /* The job's own limit: words of jobs, tasks and schedulers. */
    {RP_CLASS_TIMEOUT,
     ANY("build timed out", "step timed out", "task timed out", "test timed out", "job*timed out",
         "task*has timed out", "job timeout~", "task timeout~", "time limit exceeded",
         "timelimitexceeded~", "time limit*exceeded", "exceeded*time limit",
         "exceeded*execution time", "execution time*exceeded", "execution time limit",
         "maximum execution time", "maximum statement execution", "max execution time",
         "exceeded*maximum timeout", "maximum timeout", "run too long", "ran too long",
         "running too long", "active longer than", "longer than specified deadline",
         "timeout expired command", "timeoutexpired", "timeout expired*command",
         "timed out waiting for restart", "start operation timed out", "stop*timed out",
         "execution timed out", "execution timeout", "process timed out", "script timed out",
         "handler timed out", "function timed out", "workflow timed out", "worker timeout",
         "statement timeout", "query timeout*exceeded", "exceeded timeout of", "promise timed out",
         "run timed out", "airflow task timeout", "due to timeout", "cpu time limit",
         "timeout of * exceeded for async", "exceeded its deadline", "exceeded*deadline of",
         "ran longer than", "took longer than", "running longer than", "run longer than",
         "runs longer than", "max runtime", "maximum runtime", "max run time", "maximum run time",
         "run time limit", "runtime limit", "time budget", "wall time", "walltime", "allotted time",
         "allowed time", "overall timeout", "job*deadline", "task*deadline", "task*time limit")},
    {RP_CLASS_HTTP_5XX,
     ANY("http 5##", "http error 5##", "http status 5##", "http 1 1 5##", "http 1 0 5##",
         "http 2 5##", "status 5##", "status code 5##", "status code of 5##", "statuscode 5##",
         "response code 5##", "response 5##", "code 5##", "error 5##", "returned 5##",
         "returned error 5##", "returned a 5##", "got 5##", "5## server error",
         "5## command not found", "internal server error", "bad gateway", "service unavailable",
         "service temporarily unavailable", "service is unavailable", "server unavailable",
         "gateway time out", "gateway timeout", "500 internal", "502 bad", "503 service",
         "504 gateway", "server error occurred", "http server error", "internal error*try again",
         "internal failure", "code internal desc", "upstream connect error", "no healthy upstream",
         "backend fetch failed", "overloaded", "server is overloaded", "error internalerror",
         "encountered an internal error", "remote server error")},
    {RP_CLASS_NET_TIMEOUT,
     ANY("etimedout", "esockettimedout", "connection timed out", "connect timed out",
         "connection timeout", "connect timeout", "connecttimeout", "connection attempt timed out",
         "connecting*timed out", "connect*timed out", "read timed out", "read timeout",
         "readtimeout", "reading from socket", "write timed out", "write timeout",
         "request timed out", "request timeout", "request has timed out", "response timed out",
         "response timeout", "socket timeout", "socket timed out", "i o timeout",
         "operation timed out", "command timed out", "client timeout", "deadline exceeded",
         "open timeout", "headers timeout", "body timeout", "idle timeout", "timeout awaiting",
         "timeout was reached", "timeout of * exceeded", "timed out while", "timed out reading",
         "while contacting", "contacting*timed out", "login timeout", "lookup timeout",
         "acquire timeout", "timed out connecting", "navigation timeout", "upstream timed out",
         "network timeout", "request*timed out", "server*timed out", "call timed out",
         "rpc timed out", "code deadline exceeded", "408 request", "status code 408", "http 408",
         "timeout exceeded while", "no response*within", "errno 110", "fetch*timed out",
         "query*timed out", "query read timeout", "socket*timeout", "net*timeout", "timeout*socket",
         "poll timed out")},
    {RP_CLASS_CONNECTION,
     ANY("econnrefused", "econnreset", "econnaborted", "link failure", "communication~ failure",
         "communication~ error", "conn crashed", "communication exception",
         "communications exception", "not possible to connect", "lost the connection",
         "connection lost", "peer closed", "broker transport failure", "connection was closed",
         "epipe", "enetunreach", "ehostunreach", "ehostdown", "enetdown", "enotconn", "eshutdown",
         "connection refused", "connection reset", "connection closed", "connection aborted",
         "connection lost", "lost connection", "connection terminated", "connection broken",
         "connection failed", "connection failure", "connection error", "connection exception",
         "connect exception", "connection dropped", "connection interrupted",
         "connection is closed", "connection was", "connection has been", "connection*failed",
         "connection to*lost", "connection*closed", "connection unexpectedly",
         "closed the connection", "closed connection", "terminating connection", "broken pipe",
         "socket hang up", "socket closed", "socket is closed", "socket error", "socket exception",
         "gone away", "remote end closed", "remote disconnected", "remotedisconnected",
         "remote host closed", "closed by the remote", "hung up", "could not connect",
         "couldn't connect", "cannot connect", "can't connect", "can not connect",
         "failed to connect", "unable to connect", "error connecting to", "cannot open channel",
         "no route to host", "network is unreachable", "network unreachable", "host is unreachable",
         "host unreachable", "host is down", "not reachable", "unreachable", "reset by peer",
         "eof detected", "early eof", "unexpected disconnect", "disconnect exception",
         "disconnected", "not connected", "is the server running", "could not read from remote",
         "error fetching remote", "database system is", "leader not available", "no leader",
         "not leader", "not the leader", "broker*not available", "no brokers available",
         "brokers*down", "no reachable server~", "no nodes available", "no node available",
         "no living connections", "cluster down", "clusterdown", "read only replica",
         "loading redis", "loading the dataset", "masterdown", "transport is closing",
         "transport closed", "code unavailable", "stream closed", "channel closed", "network error",
         "networkerror", "fetch failed", "err connection~", "err network~", "err internet~",
         "server selection~", "circuit breaker*open", "circuit*is open", "server is not responding",
         "recv failure", "send failure", "empty reply from server", "sqlstate 08###", "errno 104",
         "errno 111", "errno 113", "errno 32", "error 2002", "error 2003", "error 2006",
         "error 2013", "ora 12541", "ora 03113", "ora 03114")},
    {RP_CLASS_CRASH,
     ANY("segmentation fault", "segmentation violation", "segfault~", "sigsegv", "sigabrt",
         "sigbus", "sigill", "sigfpe", "sigtrap", "sigsys", "core dumped", "code dumped",
         "bus error", "illegal instruction", "floating point exception", "abort trap",
         "stack smashing", "double free", "free invalid~", "munmap chunk~", "malloc*corrupt~",
         "realloc invalid~", "corrupted size", "corrupted double linked", "heap corruption",
         "buffer overflow detected", "access violation", "0xc0000005", "fatal python error",
         "signal 11", "signal 6", "signal 7", "signal 8", "signal 4", "exit code 139",
         "exit code 134", "exit status 139", "exit status 134", "status 139", "status 134",
         "terminate called", "pure virtual", "unexpected signal", "11 segv", "6 abrt",
         "general protection fault", "fatal error has been detected by the java")},
    {RP_CLASS_KILLED,
     ANY("sigkill", "sigterm", "sighup", "sigint", "sigquit", "signal 9", "signal 15", "signal 2",
         "signal 1", "signal killed", "signal terminated", "exit code 137", "exit code 143",
         "exit status 137", "exit status 143", "exited with code 137", "exited with code 143",
         "with code 137", "with code 143", "exited 137", "exited 143", "exit 137", "exit 143",
         "status code 143", "status code 137", "status 137", "status 143", "code killed", "killed",
         "9 kill", "15 term", "terminated by signal", "terminated by*signal", "by signal",
         "keyboard interrupt", "keyboardinterrupt", "context canceled", "context cancelled",
         "received shutdown signal", "shutdown signal")},
    {RP_CLASS_BAD_PAYLOAD,
     ANY("json decode error", "jsondecode~", "jsondecodeerror", "not valid json", "invalid json",
         "malformed", "unexpected token", "unrecognized token", "unexpected end of json",
         "json object must be", "expecting value", "expecting property name", "expecting*delimiter",
         "extra data", "json parse~", "json pars~", "jsonparse~", "json syntax", "json mapping~",
         "jsonmapping~", "in json at position", "cannot unmarshal", "unmarshal~", "deserializ~",
         "could not decode", "cannot decode", "can't decode", "unable to decode",
         "failed to decode", "decode error", "decode byte", "decoding error", "decoding failed",
         "unicode decode~", "unicode encode~", "failed to parse", "cannot parse", "could not parse",
         "can't parse", "unable to parse", "error parsing", "parse error", "parseerror",
         "parse exception", "parser error", "parsererror", "parsing failed", "parsing error",
         "date time parse~", "mismatched input", "unrecognized property", "unrecognized field",
         "unknown field", "invalid input syntax", "invalid input value", "invalid byte sequence",
         "invalid utf 8", "invalid utf8", "invalid start byte", "incorrect string value",
         "invalid character", "number format~", "invalid literal for", "convert string to",
         "does not match format", "invalid date~", "invalid timestamp", "invalid time value",
         "invalid format", "invalid uuid", "invalid base64", "incorrect padding",
         "invalid text representation", "invalid value for column", "invalid datetime",
         "validation error~", "validationerror~", "validation failed", "validation exception",
         "schema validation", "schema mismatch", "required property", "required field",
         "required key not provided", "field required", "null value in column", "cannot be null",
         "violates not null", "not null constraint", "not null violation", "violates foreign key",
         "foreign key constraint", "foreign key violation", "violates check", "check constraint",
         "constraint violation", "constraint fails", "value too long", "data too long",
         "out of range for type", "out of range value", "numeric field overflow", "data truncat~",
         "numeric overflow", "integrity error", "integrityerror", "sqlstate 22###",
         "sqlstate 23###", "unexpected end of*input", "unexpected end of*stream",
         "unexpected end of*archive", "unexpected end of*data", "premature end", "truncated",
         "corrupt~", "not a zip file", "bad zip~", "badzip~", "not in gzip format",
         "not a gzipped file", "invalid gzip", "checksum mismatch", "crc error", "crc mismatch",
         "checksum error", "zlib error", "incorrect header check", "xml syntax", "xml parse~",
         "sax parse~", "saxparse~", "not well formed", "unexpected character", "bad request",
         "http 400", "status 400", "status code 400", "code 400", "http 422", "status 422",
         "status code 422", "code 422", "unprocessable", "422 client", "400 client",
         "payload too large", "entity too large", "message too large", "message size too large",
         "record too large", "http 413", "status code 413", "invalid payload",
         "invalid message format", "poison message", "unsupported media", "wrong number of columns",
         "column count", "too many columns", "field larger than", "wire type", "proto*parse",
         "invalid xml", "invalid csv", "ora 01400", "ora 01722", "ora 02291", "ora 12899",
         "sqlite constraint", "invalid email", "invalid payload", "ran out of input",
         "cannot deserialize", "schema error", "scanner error", "parameter missing",
         "param is missing", "zod error", "zoderror", "line contains nul", "cannot identify image",
         "unidentified image~", "invalid header", "null into column", "not allow nulls",
         "conversion syntax", "conversion error", "mapping values are not allowed",
         "format exception", "not in a correct format", "is not a valid", "not a valid",
         "must be a valid", "must be an integer", "must be a number", "must be a string",
         "must be numeric", "must be positive", "can't be blank", "cannot be blank",
         "cannot be empty", "can't be empty", "invalid type", "missing field~", "missing parameter",
         "missing required parameter", "missing key in", "missing column~", "missing element",
         "unexpected field", "unexpected value", "integer out of range", "value out of range",
         "date out of range", "bigint out of range", "bad record", "bad data", "bad input",
         "invalid data", "invalid input", "invalid record", "invalid row", "invalid message",
         "unparseable", "unparsable", "undecodable", "cannot convert string", "could not convert",
         "cannot convert value", "unsupported image", "unsupported format", "unsupported file~",
         "unknown format", "invalid magic", "bad magic", "invalid encoding", "illegal character")},
    {RP_CLASS_MISSING_MODULE,
     ANY("cannot find module", "can't find module", "could not find module", "module not found",
         "no module named", "module*not found", "cannot find package", "package*not found",
         "unable to locate package", "can't resolve", "import error", "importerror",
         "cannot import name", "load error", "loaderror", "cannot load such file",
         "no class def found", "noclassdeffound~", "class not found", "classnotfound~",
         "find or load main class", "could not find class", "h no such file", "hpp no such file",
         "hh no such file", "cannot open shared object", "loading shared libraries",
         "shared library*not", "load shared library", "library not found", "library not loaded",
         "fatal error*file not found", "no matching distribution", "find a version that satisfies",
         "could not find gem", "gem not found", "gemnotfound", "missing spec error",
         "no required module provides", "can't locate", "class * not found", "plugin * not found",
         "provider * not found", "extension * not found", "is not installed", "not installed",
         "missing dependency", "missing dependencies", "unmet dependencies", "unmet peer",
         "no such image", "wrong elf class", "cannot find l~", "dll load failed", "dll*not found",
         "dll*missing", "load file or assembly", "resolve import", "err module not found",
         "err package path", "package path not exported", "image pull back~", "imagepullbackoff",
         "err image pull", "errimagepull", "manifest unknown", "manifest*not found",
         "image not found", "failed to pull image", "unsatisfied link~", "no such method error",
         "nosuchmethoderror", "no such module", "unresolved import", "no implicit module",
         "glibc~*not found", "version glibc~")},
    {RP_CLASS_MISSING_COMMAND,
     ANY("command not found", "not recognized as an internal", "executable file not found",
         "executable not found", "cannot run program", "spawn * enoent", "env * no such file",
         "bad interpreter", "exit code 127", "exit status 127", "exit code 126", "exit status 126",
         "status 127", "status 126", "with code 127", "with code 126", "failed at step exec",
         "203 exec", "unable to locate executable", "cannot execute", "could not execute",
         "can't execute", "exec format error", "sh # * not found", "sh * not found",
         "no such command", "program not found", "exec*not found", "exec * no such file",
         "is not recognized as")},
    {RP_CLASS_PERMISSION,
     ANY("permission denied", "permission error", "permissionerror", "eacces", "eperm",
         "operation not permitted", "not permitted", "access is denied", "access*is denied",
         "dubious ownership", "read only file~", "erofs", "insufficient privilege~",
         "access control exception", "must be owner", "must be root", "must be run as root",
         "requires root", "are you root", "not owner", "errno 13", "errno 30", "no permission",
         "don't have permission", "do not have permission", "lacks permission",
         "missing permission~", "requires*privileges", "sqlstate 42501")},
    {RP_CLASS_BUSY,
     ANY("ebusy", "etxtbsy", "enotempty", "eagain", "eaddrinuse", "resource busy", "text file busy",
         "directory not empty", "temporarily unavailable", "being used by another",
         "used by another process", "in use by another", "is locked", "already locked", "locked by",
         "lock held", "held by process", "held by another", "could not acquire*lock",
         "failed to acquire*lock", "unable to acquire*lock", "can't acquire*lock",
         "could not get lock", "failed to get lock", "unable to lock", "unable to obtain lock",
         "failed to obtain lock", "cannot lock", "lock exists", "lock file exists", "lock * exists",
         "lock error", "lockerror", "another instance", "another process", "another app",
         "holding the", "is already mounted", "already in progress", "operation in progress",
         "already running", "already in use", "address in use", "currently in use", "is in use",
         "is busy", "busy", "errno 16", "errno 11", "or locked", "temporarily locked")},
    {RP_CLASS_CODE_BUG,
     ANY("type error", "typeerror", "reference error", "referenceerror", "null pointer~",
         "nullpointer~", "nil pointer", "null reference~", "undefined method", "no method error",
         "nomethoderror", "name error", "nameerror", "attribute error", "attributeerror",
         "key error", "keyerror", "index error", "indexerror", "range error", "rangeerror",
         "lookup error", "out of bounds~", "outofbounds~", "index out of", "index out",
         "syntax error", "syntaxerror", "invalid syntax", "unbound local~", "unboundlocal~",
         "zero division~", "zerodivision~", "division by zero", "divide by zero", "divided by 0",
         "divided by zero", "assertion error", "assertionerror", "assertion failed",
         "assert failed", "assertion * failed", "illegal argument~", "illegal state~",
         "class cast~", "invalid cast~", "object reference not set", "argument error",
         "argumenterror", "argument exception", "argument null~", "argument out of range~",
         "wrong number of arguments", "too few arguments", "too many arguments",
         "is not a function", "is not defined", "not iterable", "is not a constructor",
         "not subscriptable", "not callable", "not hashable", "unhashable", "is not a class",
         "cannot read propert~", "cannot set propert~", "cannot destructure",
         "cannot convert undefined", "cannot invoke", "undefined is not", "null is not",
         "of undefined", "of null", "for nil", "nil nilclass", "nonetype", "none type",
         "has no attribute", "no attribute", "undefined variable", "undefined index",
         "undefined array key", "undefined offset", "undefined property", "undefined function",
         "undefined local variable", "uninitialized constant", "uninitialized variable",
         "call to undefined", "call to a member function", "unary operator expected",
         "binary operator expected", "unbound variable", "bad substitution", "unexpected indent~",
         "indentation error", "indentationerror", "unexpected operator",
         "integer expression expected", "unexpected identifier", "unexpected end of file",
         "undeclared~", "undefined reference", "undefined symbol", "unresolved external",
         "unresolved reference", "not implemented~", "notimplemented~", "unsupported operand",
         "unsupported operation~", "runtime error", "recursion error", "recursionerror",
         "recursion depth", "panic", "panicked", "nil map", "slice bounds", "interface conversion",
         "send on closed channel", "close of closed channel", "negative waitgroup", "unwrap",
         "column * does not exist", "relation * does not exist", "table * does not exist",
         "function * does not exist", "table * doesn't exist", "no such table", "no such column",
         "unknown column", "undefined column", "undefined table", "undefined object",
         "programming error", "programmingerror", "invalid column name", "invalid object name",
         "error in your sql syntax", "sqlstate 42###", "ora 00904", "ora 00942", "error 1054",
         "error 1064", "error 1146", "unexpected keyword argument", "required positional argument~",
         "positional argument~", "takes * argument~", "dictionary changed size",
         "concurrent modification~", "value error", "valueerror", "invalid left hand",
         "before initialization", "referenced before assignment", "no member named",
         "cannot find symbol", "incompatible types", "compilation failed", "compilation error",
         "compile error", "expected * before", "frozen error", "frozenerror", "can't modify frozen",
         "no such property", "unhandled case", "logic error", "error ts####", "error cs####",
         "error c####", "borrowed", "arithmetic exception", "arithmetic overflow",
         "negative array size", "array store exception", "number of bind variables",
         "invalid memory address")},
    {RP_CLASS_MISSING_FILE,
     ANY("no such file~", "enoent", "enotdir", "not a directory", "file not found~",
         "filenotfound~", "path not found", "directory not found", "cannot find the file",
         "cannot find the path", "cannot find*specified", "system cannot find",
         "file does not exist", "path does not exist", "path*does not exist", "file*does not exist",
         "directory does not exist", "does not exist", "doesn't exist", "not a git repository",
         "to be a git repository", "no such key", "nosuchkey", "no such bucket", "nosuchbucket",
         "no such object", "no such entity", "nosuchentity", "no such directory", "404 not found",
         "404 client", "http 404", "http error 404", "status 404", "status code 404", "code 404",
         "returned error 404", "error 404", "could not open file", "can't open file",
         "cannot open file", "failed to open file", "could not find file", "cannot open",
         "can't open", "no * files * found", "no files found", "no files matched", "missing file",
         "file is missing", "missing input", "couldn't find remote ref", "did not match any file~",
         "template not found", "resource not found", "object not found", "entry not found",
         "errno 2", "410 gone")},
    {RP_CLASS_CONFIG,
     ANY("configuration error", "invalid configuration", "bad configuration", "config error",
         "configerror", "configuration*invalid", "configuration exception", "improperly configured",
         "misconfigur~", "only one of", "mutually exclusive", "cannot be used together",
         "can't be used together", "conflicting options", "must be set", "must be specified",
         "must not be empty", "must be configured", "is not set", "not set",
         "environment variable~", "env var~", "missing required option~",
         "missing required argument~", "missing required setting~",
         "missing required configuration", "missing required parameter~", "missing required env~",
         "missing configuration", "missing setting~", "required option~", "unknown option~",
         "unrecognized option~", "unrecognized argument~", "unrecognised option~",
         "invalid option~", "illegal option~", "unsupported option~", "no such option",
         "unknown flag~", "unknown argument~", "unknown switch", "unknown key", "unknown directive",
         "unknown configuration", "unknown parameter", "unknown setting", "unknown variable",
         "unrecognized configuration", "invalid setting", "invalid value for",
         "invalid argument~ for option", "flag provided but not defined", "not configured",
         "no configuration", "configuration file", "config file", "requires an argument",
         "option requires", "bad minute", "bad hour", "invalid cron~", "unknown time zone",
         "invalid time zone", "invalid timezone", "unknown timezone", "no such profile",
         "could not be found in the configuration", "undefined directive")},
    /* General words, when nothing above said more. */
    {RP_CLASS_TIMEOUT, ANY("execution expired", "timed out", "time out", "ran out of time")},
    {RP_CLASS_NET_TIMEOUT, ANY("timeout error", "timeouterror", "timeout", "timeouts")},
    {RP_CLASS_CONNECTION, ANY("eof", "eof error", "unavailable")},
    {RP_CLASS_MISSING_FILE, ANY("not found", "notfound", "cannot find", "could not find")},
};

/* ---- matching ---- */

struct prepared {
    char low[RP_KEY_LINE_MAX + 1]; /* lower case */
    bool start[RP_KEY_LINE_MAX + 1];
    uint16_t starts[RP_KEY_LINE_MAX];
    size_t n, n_starts;
    uint8_t begins[128 * 128 / 8]; /* which two letters begin a word */
};

static bool word_start(const char *p, size_t i, size_t n)
{
    if (!is_alnum(p[i]))
        return false;
    if (i == 0 || !is_alnum(p[i - 1]))
        return true;
    return is_upper(p[i]) &&
           (is_lower(p[i - 1]) || (is_upper(p[i - 1]) && i + 1 < n && is_lower(p[i + 1])));
}

static unsigned pair(const char *p)
{
    char second = p[0] != '\0' && is_alnum(p[1]) ? p[1] : ' ';
    return ((unsigned)p[0] & 127u) << 7 | ((unsigned)second & 127u);
}

static void prepare(struct prepared *l, struct rp_str line)
{
    l->n = line.n < RP_KEY_LINE_MAX ? line.n : RP_KEY_LINE_MAX;
    l->n_starts = 0;
    memset(l->begins, 0, sizeof l->begins);
    for (size_t i = 0; i < l->n; i++)
        l->low[i] = to_lower(line.p[i]);
    l->low[l->n] = '\0';
    for (size_t i = 0; i < l->n; i++) {
        l->start[i] = word_start(line.p, i, l->n);
        if (!l->start[i])
            continue;
        unsigned two = pair(l->low + i);
        l->begins[two / 8] |= (uint8_t)(1u << two % 8);
        l->starts[l->n_starts++] = (uint16_t)i;
    }
    l->start[l->n] = true;
}

static bool match_at(const struct prepared *l, const char *phrase, size_t i)
{
    for (; *phrase != '\0'; phrase++) {
        if (*phrase == '~') {
            while (i < l->n && is_alnum(l->low[i]) && !l->start[i])
                i++;
            continue;
        }
        if (*phrase == '*') {
            for (size_t k = i; k < l->n && k <= i + GAP_MAX; k++)
                if (l->start[k] && match_at(l, phrase + 1 + (phrase[1] == ' '), k))
                    return true;
            return false;
        }
        if (*phrase == ' ' && phrase[1] == '*')
            continue;
        if (*phrase == ' ' || *phrase == '\'' || *phrase == '_' || *phrase == '.') {
            if (i < l->n && is_alnum(l->low[i]) && !l->start[i])
                return false;
            while (i < l->n && !is_alnum(l->low[i]))
                i++;
            if (i == l->n)
                return false;
        } else if (i == l->n || (*phrase == '#' ? !is_digit(l->low[i]) : l->low[i] != *phrase)) {
            return false;
        } else {
            i++;
        }
    }
    return i == l->n || !is_alnum(l->low[i]) || l->start[i];
}

static bool found(const struct prepared *l, const char *phrase)
{
    unsigned two = pair(phrase);
    if (phrase[1] != '#' && (l->begins[two / 8] & 1u << two % 8) == 0)
        return false;
    for (size_t k = 0; k < l->n_starts; k++)
        if (l->low[l->starts[k]] == *phrase && match_at(l, phrase, l->starts[k]))
            return true;
    return false;
}

struct rp_ruling rp_rules_match(struct rp_str line)
{
    struct prepared l;
    prepare(&l, line);
    for (size_t r = 0; l.n_starts > 0 && r < sizeof rules / sizeof *rules; r++)
        for (const char *const *p = rules[r].any; *p != NULL; p++)
            if (found(&l, *p))
                return (struct rp_ruling){rules[r].class, *p};
    return (struct rp_ruling){RP_CLASS_UNKNOWN, "none"};
}
