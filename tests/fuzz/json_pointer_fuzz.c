/* Input: pointer, newline, document. What is put at a pointer is there afterwards, in JSON that is
 * as valid as before; putting a value where it is changes nothing. */
#include "base/json.h"
#include "base/json_pointer.h"

#include <stdlib.h>

static void expect(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rp_str doc = {(const char *)data, size}, pointer, have, out, again;
    struct rp_arena a = {0};
    if (!rp_str_split(&doc, '\n', &pointer) || doc.p == NULL || !rp_pointer_valid(pointer) ||
        !rp_json_valid(doc, NULL)) {
        rp_arena_free(&a);
        return 0;
    }
    bool there = rp_pointer_get(&a, doc, pointer, &have);
    if (there) {
        expect(have.p >= doc.p && have.p + have.n <= doc.p + doc.n);
        expect(rp_pointer_set(&a, doc, pointer, have, &out) && rp_str_eq(out, doc));
    }
    if (rp_pointer_set(&a, doc, pointer, RP_STR("[17]"), &out)) {
        struct rp_err err;
        expect(rp_json_valid(out, &err) || err.code == RP_E_TOO_LARGE);
        expect(rp_pointer_get(&a, out, pointer, &again) && rp_str_is(again, "[17]"));
    } else
        expect(!there);
    rp_arena_free(&a);
    return 0;
}
