/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/attrs.h"
#include "common/public_address.h"

static const struct {
    const char *address;
    bool is_public;
} V4[] = {
    {"0.0.0.0", false},         {"0.255.255.255", false},   {"1.0.0.0", true},
    {"9.255.255.255", true},    {"10.0.0.0", false},        {"10.255.255.255", false},
    {"11.0.0.0", true},         {"100.63.255.255", true},   {"100.64.0.0", false},
    {"100.127.255.255", false}, {"100.128.0.0", true},      {"126.255.255.255", true},
    {"127.0.0.1", false},       {"127.255.255.255", false}, {"128.0.0.0", true},
    {"169.253.255.255", true},  {"169.254.169.254", false}, {"169.255.0.0", true},
    {"172.15.255.255", true},   {"172.16.0.0", false},      {"172.31.255.255", false},
    {"172.32.0.0", true},       {"192.0.0.8", false},       {"192.0.1.0", true},
    {"192.0.2.1", false},       {"192.88.99.1", false},     {"192.167.255.255", true},
    {"192.168.0.1", false},     {"192.169.0.0", true},      {"198.17.255.255", true},
    {"198.18.0.0", false},      {"198.19.255.255", false},  {"198.20.0.0", true},
    {"198.51.100.7", false},    {"203.0.113.7", false},     {"223.255.255.255", true},
    {"224.0.0.1", false},       {"239.255.255.255", false}, {"240.0.0.1", false},
    {"255.255.255.255", false}, {"8.8.8.8", true},
};

static const struct {
    const char *address;
    bool is_public;
} V6[] = {
    {"::", false},
    {"::1", false},
    {"::ffff:8.8.8.8", false},
    {"::8.8.8.8", false},
    {"64:ff9b::808:808", false},
    {"64:ff9b:1::1", false},
    {"100::1", false},
    {"1fff:ffff::1", false},
    {"2000::1", true},
    {"2001::1", false},
    {"2001:1ff::1", false},
    {"2001:200::1", true},
    {"2001:db8::1", false},
    {"2001:db9::1", true},
    {"2001:4860:4860::8888", true},
    {"2002:7f00:1::", false},
    {"2003::1", true},
    {"3fff::1", false},
    {"3fff:fff::1", false},
    {"3fff:1000::1", true},
    {"3ffe::1", true},
    {"4000::1", false},
    {"fc00::1", false},
    {"fdff::1", false},
    {"fe80::1", false},
    {"fec0::1", false},
    {"ff02::1", false},
};

static void test_public_address__each_range_to_its_borders(void **state)
{
    uint8_t bytes[16];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(V4); i++) {
        assert_int_equal(inet_pton(AF_INET, V4[i].address, bytes), 1);
        if (public_address_is_v4(bytes) != V4[i].is_public)
            fail_msg("%s", V4[i].address);
    }
    for (size_t i = 0; i < ARRAY_LEN(V6); i++) {
        assert_int_equal(inet_pton(AF_INET6, V6[i].address, bytes), 1);
        if (public_address_is_v6(bytes) != V6[i].is_public)
            fail_msg("%s", V6[i].address);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_public_address__each_range_to_its_borders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
