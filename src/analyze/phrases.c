/* Groups of words in phrases of rules: "no such <module>" stands for a phrase with each word. */
#include "analyze/internal.h"

#include <stdio.h>

enum { PHRASE_MAX = 200 };

static const struct {
    const char *name;
    const char *const *words;
} groups[] = {
    {"absent", RP_ANY("not found", "does not exist", "is missing", "was missing", "missing",
                      "is absent", "not present", "no longer exists", "is unknown", "was deleted",
                      "has been deleted", "was removed", "has been removed")},
    {"nosuch", RP_ANY("no such", "unknown", "undefined", "missing", "nonexistent", "non existent",
                      "unrecognized", "cannot find", "cannot locate", "did not find")},
    {"worker", RP_ANY("worker", "workers", "agent", "runner", "executor", "node", "task manager",
                      "taskmanager", "machine", "vm", "instance", "slave", "pod", "actor",
                      "work horse", "child process", "subprocess", "task runner", "host",
                      "worker group", "worker node", "worker process", "remote agent",
                      "task executor", "forked vm", "agents", "runners", "executors")},
    {"gone",
     RP_ANY("lost", "was lost", "died", "is dead", "vanished", "disappeared", "is gone",
            "went away", "went offline", "is offline", "no longer reachable", "no longer available",
            "no longer running", "evicted", "preempted", "reclaimed", "drained", "rebooted",
            "was restarted", "restarted", "stopped responding", "not responding",
            "shut down unexpectedly", "was removed", "deregistered", "disconnected",
            "is unresponsive", "became unresponsive", "not heard from", "terminated unexpectedly",
            "exited unexpectedly", "terminated abruptly", "is not alive", "not alive",
            "left the cluster", "crashed", "was terminated", "did not respond", "missed heartbeat~",
            "being drained", "being shut down", "is shutting down", "not online", "is not online",
            "lost connection", "lost contact", "lost heartbeat", "went down", "has died",
            "and died", "has gone", "failed to heartbeat", "stopped heartbeating",
            "exited prematurely")},
    {"remote", RP_ANY("server", "service", "endpoint", "upstream", "backend", "broker", "database",
                      "peer", "api", "gateway", "proxy", "cluster", "remote", "remote host", "url",
                      "http", "https", "redis", "client", "site", "webhook", "host")},
    {"datum",
     RP_ANY("json", "xml", "csv", "yaml", "toml", "html", "date", "datetime", "timestamp", "number",
            "integer", "int", "float", "decimal", "double", "boolean", "uuid", "guid", "email",
            "email address", "phone", "phone number", "zip code", "postal code", "base64", "hex",
            "encoding", "header", "footer", "trailer", "checksum", "crc", "payload", "message",
            "record", "row", "line", "value", "document", "format", "file format", "image", "pdf",
            "archive", "schema", "input", "data", "content", "event", "packet", "body", "enum",
            "field", "column", "xlsx", "spreadsheet", "barcode", "currency", "amount", "price",
            "quantity", "address", "character", "byte", "sequence", "geometry", "coordinate~",
            "iban", "vat number", "country code", "locale code", "property", "attribute", "length",
            "size", "digit", "string", "utf", "escape", "tag", "element", "block", "chunk", "frame",
            "offset", "magic", "signature header", "page", "entry", "item", "section header",
            "token at")},
    {"spoilt",
     RP_ANY("is invalid", "is malformed", "malformed", "is corrupt", "corrupt", "is corrupted",
            "corrupted", "was corrupted", "is truncated", "truncated", "is empty", "was empty",
            "is not valid", "not valid", "was invalid", "is incomplete", "incomplete", "mismatch",
            "mismatched", "too long", "is too long", "too short", "is too short", "is damaged",
            "damaged", "must not be empty", "cannot be empty", "cannot be blank", "cannot be null",
            "is out of range", "is negative", "must be", "was not recognized", "not recognized",
            "not in the right format", "in wrong format", "has an invalid", "has invalid",
            "contains invalid", "is unsupported", "does not match", "did not match",
            "is not a valid", "is not a number")},
    {"secret",
     RP_ANY("password", "credential", "credentials", "api key", "apikey", "access key",
            "secret key", "api token", "access token", "auth token", "bearer token",
            "refresh token", "session token", "id token", "security token", "jwt", "client secret",
            "license key", "licence", "license", "ssh key", "private key", "passphrase", "login",
            "session", "username", "user name", "signature", "authentication", "authorization",
            "personal access token", "service account key", "cookie", "oauth token", "token")},
    {"void", RP_ANY("is invalid", "invalid", "is not valid", "not valid", "expired", "has expired",
                    "is expired", "was revoked", "has been revoked", "is revoked", "revoked",
                    "rejected", "was rejected", "is missing", "missing", "not found",
                    "is incorrect", "incorrect", "is wrong", "wrong", "denied", "not accepted",
                    "was not provided", "not provided", "is required", "required", "mismatch",
                    "is not active", "inactive", "disabled", "failed", "failure", "error",
                    "unsuccessful", "does not match", "did not match", "not recognized")},
    {"setting",
     RP_ANY("setting", "settings", "option", "configuration", "configuration key",
            "configuration option", "configuration value", "configuration file", "config",
            "config key", "config file", "config value", "env var", "environment variable",
            "env variable", "environment", "parameter file", "profile", "region", "time zone",
            "timezone", "connection string", "command line argument", "flag", "directive", "dsn",
            "cron expression", "crontab", "schedule", "log level", "locale", "feature flag",
            "connection url", "database url", "hostname setting", "namespace",
            "credentials file path", "section", "driver name", "log level", "resource group",
            "subscription", "queue connection", "cache store", "conn id", "connection id", "subnet",
            "node pool", "partition name", "entrypoint", "inventory", "context", "launch template",
            "availability zone", "security group", "compose file", "workflow file", "manifest file",
            "unit file", "project file", "definer", "interpolation", "placeholder", "storage class",
            "service account name", "required variable", "config variable", "dotenv file")},
    {"module", RP_ANY("module", "package", "library", "gem", "plugin", "extension", "dependency",
                      "dependencies", "shared library", "shared object", "dll", "assembly", "jar",
                      "crate", "driver", "provider", "adapter", "component", "codec", "encoder",
                      "decoder", "font", "artifact", "distribution", "image tag", "docker image",
                      "container image", "header file", "framework", "runtime", "sdk",
                      "language pack", "traineddata", "connector", "dialect", "backend plugin")},
    {"program", RP_ANY("command", "program", "executable", "binary", "interpreter", "shell",
                       "utility", "tool")},
    {"thing",
     RP_ANY("file", "files", "directory", "folder", "path", "bucket", "object", "blob", "key",
            "record", "row", "document", "queue", "topic", "exchange", "stream", "branch", "tag",
            "ref", "commit", "repository", "resource", "entity", "snapshot", "backup", "volume",
            "container", "index", "user", "account", "customer", "order", "invoice", "job", "task",
            "item", "page", "url", "message", "channel", "table data", "partition", "dataset",
            "model", "template", "sheet", "worksheet", "attachment", "image file", "asset",
            "archive", "source", "target", "secret version", "session data", "element",
            "element matching", "collection", "project", "device", "mailbox", "share")},
    {"sqlobject", RP_ANY("column", "relation", "table", "view", "stored procedure", "procedure",
                         "function", "operator", "cursor", "savepoint", "prepared statement",
                         "trigger", "sequence", "aggregate", "method", "symbol", "identifier",
                         "variable", "constant", "member", "constructor", "overload", "label",
                         "handler", "callback", "property", "attribute", "alias", "macro")},
    {"parse",
     RP_ANY("parse", "decode", "deserialize", "unmarshal", "decompress", "inflate", "unzip",
            "extract", "convert", "interpret", "validate", "unserialize", "unpack", "uncompress",
            "cast", "coerce", "transform", "import row", "read header", "read row", "read record",
            "decrypt", "load json", "load yaml", "identify image", "recognize")},
    {"parsing", RP_ANY("parsing", "decoding", "deserializing", "unmarshalling", "unmarshaling",
                       "decompressing", "inflating", "unzipping", "converting", "validating",
                       "unpacking", "parse", "decode", "decompression", "deserialization",
                       "conversion", "validation", "extraction", "parser", "decoder", "decrypting",
                       "decryption", "casting", "transforming", "tokenizing")},
    {"reach", RP_ANY("connect", "reach", "contact", "communicate", "talk to", "establish",
                     "open a connection", "open connection", "ping", "dial", "send request",
                     "receive response", "get a response", "reconnect", "negotiate", "bind to",
                     "subscribe", "publish", "fetch", "download", "upload", "open socket",
                     "create connection", "make connection", "initiate connection",
                     "join the cluster", "join cluster", "query server", "access server",
                     "access the server", "get response", "read response", "send data",
                     "receive data", "send message to", "post to", "call service", "mount nfs")},
    {"failed", RP_ANY("failed", "failure", "error", "failed with", "problem", "unsuccessful",
                      "did not succeed", "exception", "errors", "fault", "failing")},
    {"open", RP_ANY("open", "read", "access", "load", "list")},
    {"over",
     RP_ANY("limit exceeded", "limit was exceeded", "limit has been exceeded", "limit reached",
            "limit was reached", "limit is reached", "limit has been reached", "limit hit",
            "limit is exceeded", "over the limit", "is over the limit", "quota exceeded",
            "quota reached", "quota has been reached", "quota has been exceeded")},
    {"extent", RP_ANY("size", "length", "payload", "payload size", "message size", "row size",
                      "file size", "attachment", "attachment size", "body size", "item size",
                      "record size", "field size", "column size", "request size", "content length",
                      "message length", "dimensions", "character")},
    {"lock", RP_ANY("lock", "the lock", "a lock", "mutex", "the mutex", "lease", "the lease",
                    "semaphore", "the semaphore", "exclusive lock", "advisory lock",
                    "distributed lock", "file lock", "write lock", "a write lock",
                    "an exclusive lock", "global lock", "job lock", "leadership")},
    {"run", RP_ANY("execute", "exec", "spawn", "start process", "launch", "run command",
                   "run program", "execute command", "start command", "invoke command",
                   "launch process", "find executable", "find program", "find command")},
};

static const char *const *words_of(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (strncmp(groups[i].name, name, n) == 0 && groups[i].name[n] == '\0')
            return groups[i].words;
    return NULL;
}

void rp_phrase_expand(const char *phrase, void (*each)(void *ctx, const char *phrase), void *ctx)
{
    const char *open = strchr(phrase, '<'), *close = open != NULL ? strchr(open, '>') : NULL;
    if (close == NULL) {
        each(ctx, phrase);
        return;
    }
    const char *const *w = words_of(open + 1, (size_t)(close - open) - 1);
    for (; w != NULL && *w != NULL; w++) {
        char text[PHRASE_MAX];
        (void)snprintf(text, sizeof text, "%.*s%s%s", (int)(open - phrase), phrase, *w, close + 1);
        rp_phrase_expand(text, each, ctx);
    }
}
