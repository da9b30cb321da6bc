/* What an audit says of a file: its format and a bounded list of findings, in a fixed layout that
 * travels out of a cell as it stands. The kinds, their names and how bad they are stand in one
 * table, so whoever reports can choose a kind but not what it means.
 */
#ifndef MER_AUDIT_AUDIT_REPORT_H
#define MER_AUDIT_AUDIT_REPORT_H

#include "core/ctx.h"

enum mer_audit_level {
    MER_AUDIT_NOTE,  /* what is there, and does no harm */
    MER_AUDIT_DOUBT, /* could not be told */
    MER_AUDIT_HARM   /* could do harm, or two readers could see two things */
};

/* constant, name, level, what it means: docs/audit.md explains each. */
#define MER_AUDIT_KINDS(X)                                                                         \
    X(CONTENTS, "contents", NOTE, "what it holds")                                                 \
    X(MEMBER, "member", NOTE, "an entry of the archive")                                           \
    X(DATA_IMPORT, "pickle-data", NOTE, "a constructor of plain data")                             \
    X(MODEL, "merlon-model", NOTE, "a pipeline of Merlon's")                                       \
    X(LINK, "link", NOTE, "a symbolic link, which was not followed")                               \
    X(NOT_READ, "format-not-read", DOUBT, "recognised, but not looked into")                       \
    X(UNKNOWN, "format-unknown", DOUBT, "no format that is known here")                            \
    X(BUDGET, "budget", DOUBT, "the audit's budget was used up before the end")                    \
    X(NOT_ALL, "not-all-read", DOUBT, "not all of it could be looked at")                          \
    X(EXTERNAL, "external-data", DOUBT, "parts lie in another file, which was not looked at")      \
    X(UNCLEAR, "pickle-unclear", DOUBT, "what it would do is not clear from the file")             \
    X(OPERATOR_UNKNOWN, "operator-unknown", DOUBT, "an operator that is not known here")           \
    X(CELL, "cell-ended", DOUBT, "the cell that looked into it ended without an answer")           \
    X(UNREADABLE, "unreadable", DOUBT, "it cannot be read")                                        \
    X(BROKEN, "broken", HARM, "not well formed")                                                   \
    X(BOMB, "size-bomb", HARM, "small here, but huge once it is loaded")                           \
    X(POLYGLOT, "polyglot", HARM, "several formats at once: readers may see different things")     \
    X(TRAILING, "trailing-data", HARM, "data behind the end")                                      \
    X(NAME, "wrong-name", HARM, "not what its name says")                                          \
    X(PROGRAM, "program", HARM, "a program, not data")                                             \
    X(IMPORT, "pickle-import", HARM, "loading imports code that is no constructor of plain data")  \
    X(DANGEROUS, "pickle-dangerous-import", HARM, "loading imports what attacks are made of")      \
    X(CALL, "pickle-call", HARM, "loading calls it")                                               \
    X(ARGUMENTS, "pickle-arguments", HARM, "a data constructor with arguments that are not sane")  \
    X(SETS, "pickle-sets-attributes", HARM, "loading changes attributes of classes or modules")    \
    X(HIDDEN, "pickle-hidden-import", HARM, "the name of an import is computed")                   \
    X(EXTENSION, "pickle-extension", HARM, "loading imports by a number of the copyreg registry")  \
    X(PERSISTENT, "pickle-persistent-id", HARM, "loading asks the program for an object by name")  \
    X(NESTED, "pickle-nested", HARM, "bytes inside it are a pickle again, which imports code")     \
    X(ZIP_PATH, "zip-path", HARM, "an entry's name leads outside")                                 \
    X(ZIP_TWICE, "zip-contradiction", HARM, "headers that contradict each other")                  \
    X(ZIP_HIDDEN, "zip-hidden", HARM, "something lies in the archive beside its entries")          \
    X(ZIP_OVERLAP, "zip-overlap", HARM, "entries overlap")                                         \
    X(CHECKSUM, "checksum", HARM, "a checksum is wrong")                                           \
    X(EXTERNAL_PATH, "external-path", HARM, "it names a file outside its own folder")              \
    X(CUSTOM_OPERATOR, "custom-operator", HARM, "an operator that only foreign code provides")     \
    X(CODE_OPERATOR, "code-operator", HARM, "an operator that runs code which the file names")     \
    X(RECURSION, "recursion", HARM, "something that contains or reaches itself")                   \
    X(DEPTH, "depth", HARM, "nested deeper than readers bear")                                     \
    X(RANGE, "out-of-range", HARM, "a number that leads its reader outside")

enum mer_audit_kind {
#define MER_AUDIT_NAME_KIND(constant, name, level, what) MER_AUDIT_##constant,
    MER_AUDIT_KINDS(MER_AUDIT_NAME_KIND)
#undef MER_AUDIT_NAME_KIND
        MER_AUDIT_KIND_COUNT
};

/* NULL beyond the last kind. */
const char *mer_audit_kind_name(enum mer_audit_kind kind);
const char *mer_audit_kind_what(enum mer_audit_kind kind);
enum mer_audit_level mer_audit_kind_level(enum mer_audit_kind kind);

enum {
    MER_AUDIT_WHERE_MAX = 112,
    MER_AUDIT_DETAIL_MAX = 200,
    MER_AUDIT_NOTES_MAX = 128,   /* so many at most are notes */
    MER_AUDIT_FINDINGS_MAX = 512 /* all of them */
};

struct mer_audit_finding {
    uint32_t kind;                   /* enum mer_audit_kind */
    uint32_t count;                  /* how often the same was found */
    uint64_t offset;                 /* of the first, in the file or the entry that `where` names */
    char where[MER_AUDIT_WHERE_MAX]; /* path inside archives, empty: the file itself */
    char detail[MER_AUDIT_DETAIL_MAX]; /* both zero-terminated, valid, printable */
};

struct mer_audit_report {
    uint32_t format; /* row of the table of formats; MER_AUDIT_N_FORMATS: unknown */
    uint32_t n_findings;
    uint64_t n_left_out[3]; /* by level: found, but there was no room */
    struct mer_audit_finding findings[MER_AUDIT_FINDINGS_MAX];
};

/* The worst level of all that was found. */
enum mer_audit_level mer_audit_worst(const struct mer_audit_report *report);

/* Puts question marks in place of what cannot be shown: a character that was cut, a control. */
void mer_audit_clean_text(char *text);

/* A report from a stranger, its first n bytes: every number in range, every text a text. Then and
 * only then it may be looked at. */
bool mer_audit_report_is_sound(const struct mer_audit_report *report, size_t n);
/* How many bytes a report takes that is sent. */
size_t mer_audit_report_size(const struct mer_audit_report *report);

#endif
