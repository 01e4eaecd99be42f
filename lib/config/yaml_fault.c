#include "config/yaml_fault.h"

#include <stdio.h>

static bool fault_at(const char *file, yaml_mark_t mark, const char *sentence, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s:%zu:%zu: %s", file, mark.line + 1, mark.column + 1,
                   sentence);
}

void yaml_fault_place(struct str text, size_t offset, int *ret_line, int *ret_column)
{
    int line = 1, column = 1;
    for (size_t i = 0; i < offset && i < text.len; i++)
        if (text.p[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
            column++;
        }
    *ret_line = line;
    *ret_column = column;
}

/* The 0-based line, without its end. */
static struct str line_of(struct str text, size_t number)
{
    struct str line = STR_NONE;
    for (size_t i = 0; i <= number; i++)
        if (!str_split(&text, '\n', &line))
            return STR("");
    return line;
}

/* What stands from the 0-based column on, in characters. */
static struct str rest_of(struct str line, size_t column)
{
    size_t i = 0;
    while (i < line.len && column > 0) {
        i++;
        while (i < line.len && ((unsigned char)line.p[i] & 0xc0) == 0x80)
            i++;
        column--;
    }
    return str_mem(line.p + i, line.len - i);
}

static struct str word_of(struct str rest)
{
    size_t n = 0;
    while (n < rest.len && strchr(" \t\r,]}\"", rest.p[n]) == NULL)
        n++;
    return str_mem(rest.p, n < 80 ? n : 80);
}

bool yaml_fault_indicator(struct str text, const char *file, yaml_mark_t mark, struct err *err)
{
    struct str word = word_of(rest_of(line_of(text, mark.line), mark.column));
    AUTO(buf_fini)
    struct buf shown = BUF(512);
    text_escape(&shown, word, 80);
    AUTO(mem_fini)
    char *sentence = mem_printf("\"%.1s\" at the start of a text has a meaning of its own in YAML; "
                                "put the text in quotes: \"%s\"",
                                buf_cstr(&shown), buf_cstr(&shown));
    return fault_at(file, mark, sentence, err);
}

/* A tab before anything else on the line, at or before the mark: the 0-based column, or -1. */
static long tab_of(struct str line)
{
    for (size_t i = 0; i < line.len && (line.p[i] == ' ' || line.p[i] == '\t'); i++)
        if (line.p[i] == '\t')
            return (long)i;
    return -1;
}

static bool tab_fault(struct str text, const char *file, yaml_mark_t mark, struct err *err)
{
    mark.column = (size_t)tab_of(line_of(text, mark.line));
    return fault_at(file, mark, "a tab cannot indent YAML; use spaces", err);
}

enum spot { AT_PROBLEM, AT_CONTEXT };
static const struct {
    const char *problem, *context; /* context NULL: any */
    enum spot spot;
    const char *sentence;
} sentences[] = {
    {"mapping values are not allowed", NULL, AT_PROBLEM,
     "\":\" is not expected here: check the indentation of this line, or put a text that holds \": "
     "\" in quotes"},
    {"mapping keys are not allowed", NULL, AT_PROBLEM,
     "\"?\" is not expected here; put the text in quotes"},
    {"block sequence entries are not allowed", NULL, AT_PROBLEM,
     "\"- \" begins a list item, but no list can stand here: put it on a line of its own below the "
     "key"},
    {"could not find expected ':'", NULL, AT_CONTEXT,
     "a setting is written \"key: value\", but the \":\" is missing here"},
    {"found unexpected end of stream", "quoted scalar", AT_CONTEXT,
     "the quote that opens here is never closed"},
    {"found unexpected document indicator", "quoted scalar", AT_CONTEXT,
     "the quote that opens here is never closed"},
    {"found unknown escape character", NULL, AT_PROBLEM,
     "unknown \\ sequence; within double quotes write \\\\ for a backslash, or use single quotes"},
    {"hexdecimal number", NULL, AT_PROBLEM, "\\x, \\u and \\U need 2, 4 and 8 hexadecimal digits"},
    {"invalid Unicode character escape code", NULL, AT_PROBLEM,
     "\\u names a character that does not exist"},
    {"did not find expected key", "block mapping", AT_PROBLEM,
     "this does not fit the block it is in: indent settings of one block equally, each \"key: "
     "value\""},
    {"did not find expected '-' indicator", NULL, AT_PROBLEM,
     "this does not fit the list it is in: indent its items equally, each \"- value\""},
    {"did not find expected ',' or ']'", NULL, AT_CONTEXT,
     "the list that opens here is never closed by \"]\""},
    {"did not find expected ',' or '}'", NULL, AT_CONTEXT,
     "the block that opens here is never closed by \"}\""},
    {"did not find expected node content", NULL, AT_PROBLEM, "a value is missing here"},
    {"did not find expected <document start>", NULL, AT_PROBLEM,
     "this does not belong to what stands above: check the indentation"},
    {"tag", NULL, AT_PROBLEM,
     "tags (!) are not used here; put a text that begins with \"!\" in quotes"},
    {"undefined tag handle", NULL, AT_PROBLEM,
     "tags (!) are not used here; put a text that begins with \"!\" in quotes"},
    {"expected comment or line break", NULL, AT_PROBLEM,
     "nothing may follow here on the line; put the text in quotes"},
};

static bool sentence_fits(size_t i, const yaml_parser_t *parser)
{
    if (strstr(parser->problem, sentences[i].problem) == NULL)
        return false;
    return sentences[i].context == NULL ||
           (parser->context != NULL && strstr(parser->context, sentences[i].context) != NULL);
}

static bool syntax_fault(const yaml_parser_t *parser, struct str text, const char *file,
                         struct err *err)
{
    const char *context = parser->context != NULL ? parser->context : "";
    if (tab_of(line_of(text, parser->problem_mark.line)) >= 0)
        return tab_fault(text, file, parser->problem_mark, err);
    if (strstr(parser->problem, "cannot start any token") != NULL)
        return yaml_fault_indicator(text, file, parser->problem_mark, err);
    if (strstr(context, "anchor") != NULL || strstr(context, "alias") != NULL ||
        strstr(context, "tag") != NULL || strstr(context, "directive") != NULL)
        return yaml_fault_indicator(text, file, parser->context_mark, err);
    for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
        if (sentence_fits(i, parser))
            return fault_at(
                file, sentences[i].spot == AT_CONTEXT ? parser->context_mark : parser->problem_mark,
                sentences[i].sentence, err);
    return fault_at(file, parser->problem_mark, parser->problem, err);
}

bool yaml_fault(const yaml_parser_t *parser, struct str text, const char *file, struct err *err)
{
    int line, column;
    if (parser->error == YAML_READER_ERROR) {
        yaml_fault_place(text, parser->problem_offset, &line, &column);
        const char *why = strstr(parser->problem, "control") != NULL
                              ? "a control character"
                              : "a byte that is not UTF-8 text";
        return err_set(err, ERR_CONFIG, "%s:%d:%d: %s cannot stand here (%s)", file, line, column,
                       why, parser->problem);
    }
    if (parser->problem == NULL)
        return err_set(err, ERR_LOCAL, "%s: out of memory", file);
    return syntax_fault(parser, text, file, err);
}
