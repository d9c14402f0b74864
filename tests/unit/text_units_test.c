/* SPDX-License-Identifier: Apache-2.0 */
#include "support/support.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "channel.pb-c.h"
#include "harness.pb-c.h"
#include "plan.pb-c.h"
#include "site.pb-c.h"
#include "text/field.h"
#include "text/text.h"
#include "text/units.h"

/* Every message that is ever read or written as text hangs below one of these. */
static const ProtobufCMessageDescriptor *const roots[] = {
    &crib__task__descriptor,   &crib__result__descriptor, &crib__event__descriptor,
    &crib__host__descriptor,   &crib__plan__descriptor,   &crib__order__descriptor,
    &crib__report__descriptor, &crib__frame__descriptor,  &crib__site__descriptor,
    &crib__suite__descriptor,
};

/* Calls @visit for every field below @type. Fails on a schema nested deeper than the codec goes. */
static void walk(const ProtobufCMessageDescriptor *type, unsigned depth,
                 void (*visit)(const ProtobufCMessageDescriptor *type,
                               const ProtobufCFieldDescriptor *field, void *user),
                 void *user)
{
    assert_true(depth < TEXT_MAX_DEPTH);
    for (unsigned i = 0; i < type->n_fields; i++) {
        visit(type, &type->fields[i], user);
        if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
            walk(type->fields[i].descriptor, depth + 1, visit, user);
    }
}

struct looking {
    const struct unit_row *row;
    const ProtobufCFieldDescriptor *found;
};

static void look(const ProtobufCMessageDescriptor *type, const ProtobufCFieldDescriptor *field,
                 void *user)
{
    struct looking *looking = user;

    if (strcmp(type->name, looking->row->message) == 0 &&
        strcmp(field->name, looking->row->field) == 0)
        looking->found = field;
}

static void test_units_def_names_real_fields(void **state)
{
    const struct unit_row *row = NULL;
    size_t rows = 0;

    (void)state;
    while ((row = unit_next(row))) {
        struct looking looking = {.row = row};

        for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
            walk(roots[i], 0, look, &looking);
        if (!looking.found)
            fail_msg("units.def: %s has no field %s", row->message, row->field);
        assert_true(field_kind(looking.found) == FIELD_UINT32 ||
                    field_kind(looking.found) == FIELD_UINT64);
        /* one row a field, and unlimited only where 2^64-1 can be held */
        assert_ptr_equal(unit_find(row->message, row->field), row);
        assert_false(row->unlimited && field_kind(looking.found) != FIELD_UINT64);
        rows++;
    }
    assert_true(rows > 10);
}

static void check_supported(const ProtobufCMessageDescriptor *type,
                            const ProtobufCFieldDescriptor *field, void *user)
{
    (void)user;
    if (field_kind(field) == FIELD_FLOAT || field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ||
        field->default_value)
        fail_msg("%s.%s: the codec knows no floating point, oneof or default", type->name,
                 field->name);
}

static void test_schemas_use_only_what_the_codec_knows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
        walk(roots[i], 0, check_supported, NULL);
}

static const struct unit_row bytes = {"", "", UNIT_BYTES, false};
static const struct unit_row limit = {"", "", UNIT_BYTES, true};
static const struct unit_row times = {"", "", UNIT_MILLISECONDS, false};
static const struct unit_row octal = {"", "", UNIT_OCTAL, false};
static const struct unit_row parts = {"", "", UNIT_THOUSANDTHS, false};
static const struct unit_row cpus = {"", "", UNIT_THOUSANDTHS, true};
static const struct unit_row count = {"", "", UNIT_COUNT, true};

/* What is written one way and read in several. */
static void test_units_read_and_write_back(void **state)
{
    static const struct {
        const struct unit_row *row;
        const char *text;
        uint64_t value;
        const char *written;
    } rows[] = {
        {&bytes, "0", 0, "0"},
        {&bytes, "0K", 0, "0"},
        {&bytes, "1023", 1023, "1023"},
        {&bytes, "1024", 1024, "1K"},
        {&bytes, "1536K", 1536 << 10, "1536K"},
        {&bytes, "0x400K", 1 << 20, "1M"},
        {&bytes, "64M", 64 << 20, "64M"},
        {&bytes, "4096M", 4ull << 30, "4G"},
        {&bytes, "16777215T", 16777215ull << 40, "16777215T"},
        {&bytes, "18446744073709551615", UINT64_MAX, "18446744073709551615"},
        {&limit, "unlimited", UINT64_MAX, "unlimited"},
        {&limit, "18446744073709551615", UINT64_MAX, "unlimited"},
        {&times, "0s", 0, "0s"},
        {&times, "0ms", 0, "0s"},
        {&times, "999ms", 999, "999ms"},
        {&times, "1000ms", 1000, "1s"},
        {&times, "90s", 90000, "90s"},
        {&times, "120s", 120000, "2m"},
        {&times, "24h", 86400000, "24h"},
        {&octal, "0755", 0755, "0755"},
        {&octal, "00", 0, "0000"},
        {&octal, "01777", 01777, "01777"},
        {&parts, "0", 0, "0"},
        {&parts, "0.000", 0, "0"},
        {&parts, "0.001", 1, "0.001"},
        {&parts, "0.010", 10, "0.01"},
        {&parts, "0.5", 500, "0.5"},
        {&parts, "1", 1000, "1"},
        {&parts, "1.0", 1000, "1"},
        {&parts, "1.5", 1500, "1.5"},
        {&parts, "1.05", 1050, "1.05"},
        {&parts, "2.999", 2999, "2.999"},
        {&parts, "10", 10000, "10"},
        {&parts, "100.100", 100100, "100.1"},
        {&parts, "18446744073709551.615", UINT64_MAX, "18446744073709551.615"},
        {&cpus, "18446744073709551.615", UINT64_MAX, "unlimited"},
        {&cpus, "unlimited", UINT64_MAX, "unlimited"},
        {&count, "unlimited", UINT64_MAX, "unlimited"},
        {&count, "64", 64, "64"},
        {NULL, "0xff", 255, "255"},
        {NULL, "18446744073709551615", UINT64_MAX, "18446744073709551615"},
        {NULL, "0xffffffffffffffff", UINT64_MAX, "18446744073709551615"},
    };
    char why[UNIT_WHY] = "", text[UNIT_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t value = 1;

        if (unit_read(rows[i].row, rows[i].text, &value, why) < 0)
            fail_msg("%s", why);
        assert_true(value == rows[i].value);
        assert_string_equal(unit_write(rows[i].row, value, text), rows[i].written);
    }
}

/* Exact or refused: nothing is rounded to what can be held. */
static void test_thousandths_refused(void **state)
{
    static const char *const rows[][2] = {
        {"", "'' is not a number such as 2 or 1.5"},
        {".", "'.' is not a number such as 2 or 1.5"},
        {".5", "'.5' is not a number such as 2 or 1.5"},
        {"1.", "'1.' is not a number such as 2 or 1.5"},
        {"1.5.5", "'1.5.5' is not a number such as 2 or 1.5"},
        {"1,5", "'1,5' is not a number such as 2 or 1.5"},
        {"1.5K", "'1.5K' is not a number such as 2 or 1.5"},
        {"1e3", "'1e3' is not a number such as 2 or 1.5"},
        {"0x2", "'0x2' is not a number such as 2 or 1.5"},
        {"+1", "'+1' is not a number such as 2 or 1.5"},
        {"1.-5", "'1.-5' is not a number such as 2 or 1.5"},
        {"-1", "'-1' must not be negative"},
        {"-0.5", "'-0.5' must not be negative"},
        {"01", "'01' must not begin with 0"},
        {"00.5", "'00.5' must not begin with 0"},
        {"0.0001", "'0.0001' has more than three decimals"},
        {"1.5000", "'1.5000' has more than three decimals"},
        {"1.99999999999999999999999", "'1.99999999999999999999999' has more than three decimals"},
        {"unlimited", "'unlimited' is not a number such as 2 or 1.5"},
        {"18446744073709551.616", "'18446744073709551.616' is too large"},
        {"18446744073709551616", "'18446744073709551616' is too large"},
        {"99999999999999999999999.1", "'99999999999999999999999.1' is too large"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[UNIT_WHY] = "";
        uint64_t value = 7;

        assert_int_equal(unit_read(&parts, rows[i][0], &value, why), -EINVAL);
        assert_string_equal(why, rows[i][1]);
        assert_int_equal(value, 7);
    }
}

/* All of three digits behind the point, around every whole number that matters. */
static void test_thousandths_go_there_and_back(void **state)
{
    char text[UNIT_TEXT], why[UNIT_WHY];

    (void)state;
    for (uint64_t i = 0; i < 12000; i++) {
        uint64_t value = i < 6000 ? i : UINT64_MAX - i, back;

        if (unit_read(&parts, unit_write(&parts, value, text), &back, why) < 0)
            fail_msg("%s", why);
        assert_true(back == value);
        assert_false(strchr(text, '.') && text[strlen(text) - 1] == '0');
    }
}

static void test_units_read_signed_at_the_ends(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
        const char *why; /* NULL: good */
    } rows[] = {
        {"0", 0, NULL},
        {"-0", 0, NULL},
        {"-1", -1, NULL},
        {"9223372036854775807", INT64_MAX, NULL},
        {"-9223372036854775808", INT64_MIN, NULL},
        {"9223372036854775808", 0, "'9223372036854775808' is too large"},
        {"-9223372036854775809", 0, "'-9223372036854775809' is too small"},
        {"99999999999999999999999", 0, "'99999999999999999999999' is too large"},
        {"-", 0, "'-' is not a whole number"},
        {"--1", 0, "'--1' is not a whole number"},
        {"1 ", 0, "'1 ' is not a whole number"},
        {"0x10", 0, "'0x10' is not a whole number"},
        {"-01", 0, "'-01' must not begin with 0"},
        {"", 0, "'' is not a whole number"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char why[UNIT_WHY] = "";
        int64_t value = 0;

        assert_int_equal(unit_read_signed(rows[i].text, &value, why), rows[i].why ? -EINVAL : 0);
        assert_string_equal(why, rows[i].why ? rows[i].why : "");
        assert_true(value == rows[i].value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_def_names_real_fields),
        cmocka_unit_test(test_schemas_use_only_what_the_codec_knows),
        cmocka_unit_test(test_units_read_and_write_back),
        cmocka_unit_test(test_thousandths_refused),
        cmocka_unit_test(test_thousandths_go_there_and_back),
        cmocka_unit_test(test_units_read_signed_at_the_ends),
    };

    return test_run(tests);
}
