#include "io/probe_starttls.h"

/* How the lines of a kind are told apart. */
enum manner { MANNER_CODES, MANNER_TAGS, MANNER_POP3, MANNER_SIEVE, MANNER_LDAP, MANNER_POSTGRES };

struct turn {
    struct str say;   /* nothing: the server speaks first */
    const char *good; /* how the line begins that ends this turn well */
    const char *word; /* must have been offered by then */
};

struct starttls_kind {
    const char *name;
    enum manner manner;
    struct turn turns[4]; /* up to one without good */
};

#define SILENCE                                                                                    \
    {                                                                                              \
        "", 0                                                                                      \
    }
/* STR is a compound literal, which no static table may hold. */
#define SAY(literal)                                                                               \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define LDAP_REQUEST                                                                               \
    "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"                                                         \
    "1.3.6.1.4.1.1466.20037"
#define POSTGRES_REQUEST "\x00\x00\x00\x08\x04\xd2\x16\x2f"

static const struct starttls_kind kinds[] = {
    {"smtp",
     MANNER_CODES,
     {{SILENCE, "220", NULL},
      {SAY("EHLO chancery.invalid\r\n"), "250", "STARTTLS"},
      {SAY("STARTTLS\r\n"), "220", NULL}}},
    {"lmtp",
     MANNER_CODES,
     {{SILENCE, "220", NULL},
      {SAY("LHLO chancery.invalid\r\n"), "250", "STARTTLS"},
      {SAY("STARTTLS\r\n"), "220", NULL}}},
    {"imap",
     MANNER_TAGS,
     {{SILENCE, "* OK", NULL},
      {SAY("a1 CAPABILITY\r\n"), "a1 OK", "STARTTLS"},
      {SAY("a2 STARTTLS\r\n"), "a2 OK", NULL}}},
    {"pop3", MANNER_POP3, {{SILENCE, "+OK", NULL}, {SAY("STLS\r\n"), "+OK", NULL}}},
    {"ftp", MANNER_CODES, {{SILENCE, "220", NULL}, {SAY("AUTH TLS\r\n"), "234", NULL}}},
    {"sieve", MANNER_SIEVE, {{SILENCE, "OK", "STARTTLS"}, {SAY("STARTTLS\r\n"), "OK", NULL}}},
    {"nntp", MANNER_CODES, {{SILENCE, "20", NULL}, {SAY("STARTTLS\r\n"), "382", NULL}}},
    {"ldap", MANNER_LDAP, {{SAY(LDAP_REQUEST), "", NULL}}},
    {"postgres", MANNER_POSTGRES, {{SAY(POSTGRES_REQUEST), "", NULL}}},
};

const struct starttls_kind *starttls_kind_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

void starttls_init(struct starttls *talk, const struct starttls_kind *kind, struct buf *out)
{
    *talk = (struct starttls){.kind = kind, .line = BUF(STARTTLS_LINE_MAX)};
    buf_add_str(out, kind->turns[0].say);
}

void starttls_fini(struct starttls *talk)
{
    buf_fini(&talk->line);
}

static enum starttls_verdict refused(const struct starttls *talk, struct str line, struct err *err)
{
    AUTO(buf_fini)
    struct buf text = BUF(400);
    text_escape(&text, line, 200);
    err_set(err, ERR_REFUSED, "%s: the server refuses: %s", talk->kind->name, buf_cstr(&text));
    return STARTTLS_FAIL;
}

static enum starttls_verdict nonsense(const struct starttls *talk, struct str line, struct err *err)
{
    AUTO(buf_fini)
    struct buf text = BUF(400);
    text_escape(&text, line, 200);
    err_set(err, ERR_BROKEN, "%s: the server does not speak it: %s", talk->kind->name,
            buf_cstr(&text));
    return STARTTLS_FAIL;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
}

static bool line_has_word(struct str line, struct str word)
{
    for (size_t i = 0; i + word.len <= line.len; i++)
        if (str_eq_nocase(str_mem(line.p + i, word.len), word) &&
            (i == 0 || !is_word_char(line.p[i - 1]) || (i == 4 && line.p[3] == '-')) &&
            (i + word.len == line.len || !is_word_char(line.p[i + word.len])))
            return true;
    return false;
}

static bool starts(struct str line, const char *with)
{
    return line.len >= strlen(with) && str_eq_nocase(str_mem(line.p, strlen(with)), str_of(with));
}

enum sense { SENSE_GOES_ON, SENSE_GOOD, SENSE_BAD, SENSE_NONE };

/* "250-more", "250 last"; between them some FTP servers write free text. */
static enum sense code_sense(struct str line, const char *good, bool is_first)
{
    bool has_code = line.len >= 3 && (line.len == 3 || line.p[3] == ' ' || line.p[3] == '-');
    for (size_t i = 0; has_code && i < 3; i++)
        has_code = line.p[i] >= '0' && line.p[i] <= '9';
    if (!has_code)
        return is_first ? SENSE_NONE : SENSE_GOES_ON;
    if (line.len > 3 && line.p[3] == '-')
        return SENSE_GOES_ON;
    return starts(line, good) ? SENSE_GOOD : SENSE_BAD;
}

static enum sense line_sense(const struct starttls *talk, struct str line)
{
    const char *good = talk->kind->turns[talk->step].good;
    switch (talk->kind->manner) {
    case MANNER_CODES:
        return code_sense(line, good, talk->n_lines == 0);
    case MANNER_TAGS:
        if (starts(line, good))
            return SENSE_GOOD;
        if (starts(line, "* BYE") || starts(line, "* PREAUTH") ||
            (line.len > 0 && line.p[0] == 'a'))
            return SENSE_BAD;
        return starts(line, "* ") && talk->step > 0 ? SENSE_GOES_ON : SENSE_NONE;
    case MANNER_POP3:
        return starts(line, good) ? SENSE_GOOD : starts(line, "-ERR") ? SENSE_BAD : SENSE_NONE;
    case MANNER_SIEVE:
        if (starts(line, good))
            return SENSE_GOOD;
        if (starts(line, "NO") || starts(line, "BYE"))
            return SENSE_BAD;
        return line.len > 0 && line.p[0] == '"' ? SENSE_GOES_ON : SENSE_NONE;
    case MANNER_LDAP:
    case MANNER_POSTGRES:
        break;
    }
    return SENSE_NONE;
}

static enum starttls_verdict turn_end(struct starttls *talk, struct buf *out, struct err *err)
{
    const struct turn *turn = &talk->kind->turns[talk->step];
    if (turn->word != NULL && !talk->has_word) {
        err_set(err, ERR_REFUSED, "%s: the server does not offer %s", talk->kind->name, turn->word);
        return STARTTLS_FAIL;
    }
    turn = &talk->kind->turns[++talk->step];
    talk->n_lines = 0;
    talk->has_word = false;
    if (turn->good == NULL)
        return STARTTLS_GO;
    buf_add_str(out, turn->say);
    return STARTTLS_MORE;
}

static enum starttls_verdict line_heard(struct starttls *talk, struct buf *out, struct err *err)
{
    struct str line = str_trim(buf_str(&talk->line));
    const char *word = talk->kind->turns[talk->step].word;
    if (word != NULL && line_has_word(line, str_of(word)))
        talk->has_word = true;
    switch (line_sense(talk, line)) {
    case SENSE_GOES_ON:
        talk->n_lines++;
        return STARTTLS_MORE;
    case SENSE_GOOD:
        return turn_end(talk, out, err);
    case SENSE_BAD:
        return refused(talk, line, err);
    case SENSE_NONE:
        break;
    }
    return nonsense(talk, line, err);
}

/* LDAPMessage { messageID 1, extendedResp [APPLICATION 24] { resultCode, ... } }; lengths of up to four octets. */
static bool ber_head(struct str *rest, unsigned char tag, size_t *ret_len)
{
    const unsigned char *p = (const unsigned char *)rest->p;
    if (rest->len < 2 || p[0] != tag)
        return false;
    size_t n = p[1] < 0x80 ? 0 : p[1] & 0x7f, len = n == 0 ? p[1] : 0;
    if (n > 4 || p[1] == 0x80 || rest->len < 2 + n)
        return false;
    for (size_t i = 0; i < n; i++)
        len = len << 8 | p[2 + i];
    *rest = str_mem(rest->p + 2 + n, rest->len - 2 - n);
    *ret_len = len;
    return true;
}

static enum starttls_verdict ldap_judge(struct starttls *talk, struct str message, struct err *err)
{
    struct str rest = message;
    size_t len;
    if (!ber_head(&rest, 0x30, &len) || !str_starts(rest, STR("\x02\x01\x01")))
        return nonsense(talk, message, err);
    rest = str_mem(rest.p + 3, rest.len - 3);
    if (!ber_head(&rest, 0x78, &len) || !str_starts(rest, STR("\x0a\x01")) || rest.len < 3)
        return nonsense(talk, message, err);
    if (rest.p[2] == 0)
        return STARTTLS_GO;
    err_set(err, ERR_REFUSED, "ldap: the server refuses: result %d", rest.p[2]);
    return STARTTLS_FAIL;
}

/* One byte, as all manners hear: so the end of the message is found without looking behind it. */
static enum starttls_verdict ldap_byte(struct starttls *talk, struct err *err)
{
    struct str heard = buf_str(&talk->line), rest = heard;
    size_t len;
    if ((unsigned char)heard.p[0] != 0x30)
        return nonsense(talk, heard, err);
    if (!ber_head(&rest, 0x30, &len)) {
        bool unfinished = heard.len < 2 || heard.len < 2 + (size_t)(heard.p[1] & 0x7f);
        return unfinished && heard.len < 6 ? STARTTLS_MORE : nonsense(talk, heard, err);
    }
    if (len > STARTTLS_LINE_MAX)
        return nonsense(talk, heard, err);
    return rest.len < len ? STARTTLS_MORE : ldap_judge(talk, heard, err);
}

static enum starttls_verdict postgres_byte(struct starttls *talk, struct err *err)
{
    struct str heard = buf_str(&talk->line);
    if (heard.p[0] == 'S')
        return STARTTLS_GO;
    return heard.p[0] == 'N' || heard.p[0] == 'E' ? refused(talk, heard, err)
                                                  : nonsense(talk, heard, err);
}

static enum starttls_verdict byte_heard(struct starttls *talk, char byte, struct buf *out,
                                        struct err *err)
{
    buf_add_char(&talk->line, byte);
    if (talk->line.overflow || ++talk->n_total > STARTTLS_TALK_MAX) {
        err_set(err, ERR_BROKEN, "%s: the server says too much before TLS", talk->kind->name);
        return STARTTLS_FAIL;
    }
    if (talk->kind->manner == MANNER_LDAP)
        return ldap_byte(talk, err);
    if (talk->kind->manner == MANNER_POSTGRES)
        return postgres_byte(talk, err);
    if (byte != '\n')
        return STARTTLS_MORE;
    enum starttls_verdict verdict = line_heard(talk, out, err);
    buf_clear(&talk->line);
    return verdict;
}

enum starttls_verdict starttls_hear(struct starttls *talk, struct str bytes, struct buf *out,
                                    struct err *err)
{
    enum starttls_verdict verdict = STARTTLS_MORE;
    size_t i = 0;
    while (i < bytes.len && verdict == STARTTLS_MORE)
        verdict = byte_heard(talk, bytes.p[i++], out, err);
    if (verdict != STARTTLS_GO || i == bytes.len)
        return verdict;
    err_set(err, ERR_BROKEN, "%s: %zu bytes in plain text came behind the go-ahead (injected?)",
            talk->kind->name, bytes.len - i);
    return STARTTLS_FAIL;
}
