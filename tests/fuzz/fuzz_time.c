/* SEES: base */
/*
 * What parses as a time lies in the years 1 to 9999 and is the same instant after being written and
 * parsed again; what parses as a duration is not negative and shows as a text.
 */
#include "base/clock.h"

static void instant_round_trip(int64_t at_ms)
{
    char text[TIME_TEXT_MAX];
    int64_t again;
    time_format(at_ms, true, text);
    CHECK(strlen(text) == strlen("2026-11-21T22:01:23Z") ||
          strlen(text) == strlen("2026-11-21T22:01:23.250Z"));
    CHECK(time_parse(str_of(text), &again));
    CHECK(again == at_ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_mem(data, size);
    int64_t at_ms = -1, length_ms = -1;
    char shown[TIME_TEXT_MAX];
    if (time_parse(text, &at_ms))
        instant_round_trip(at_ms);
    if (time_parse_http(text, &at_ms)) {
        CHECK(at_ms % MS_SECOND == 0);
        instant_round_trip(at_ms);
    }
    if (duration_parse(text, &length_ms)) {
        CHECK(length_ms >= 0);
        duration_format(length_ms, shown);
        CHECK(strlen(shown) < TIME_TEXT_MAX);
    }
    return 0;
}
