/*
 * test_names.c - versions and their order, the registries' names, and what the suites' traits
 * claim.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tls_names.h"

static const struct {
    uint16_t version;
    const char *name;
    enum tls_rank rank;
} versions[] = {
    {0x0002, "SSLv2", TLS_RANK_SSLV2},          {0x0200, "SSLv2", TLS_RANK_SSLV2},
    {0x0300, "SSLv3", TLS_RANK_SSLV3},          {0x0301, "TLSv1", TLS_RANK_1_0},
    {0x0302, "TLS 1.1", TLS_RANK_1_1},          {0x0303, "TLS 1.2", TLS_RANK_1_2},
    {0x0304, "TLS 1.3", TLS_RANK_1_3},          {0x0305, "0x0305", TLS_RANK_UNKNOWN},
    {0x03ff, "0x03ff", TLS_RANK_UNKNOWN},       {0x7f12, "TLS 1.3 draft-18", TLS_RANK_1_3},
    {0x7f17, "TLS 1.3 draft-23", TLS_RANK_1_3}, {0x7f1c, "TLS 1.3 draft-28", TLS_RANK_1_3},
    {0xfb1a, "0xfb1a", TLS_RANK_1_3},           {0x7e01, "0x7e01", TLS_RANK_1_3},
    {0x0100, "0x0100", TLS_RANK_1_1},           {0xfeff, "DTLS 1.0", TLS_RANK_1_1},
    {0xfefd, "DTLS 1.2", TLS_RANK_1_2},         {0xfefc, "DTLS 1.3", TLS_RANK_1_3},
    {0xfefe, "0xfefe", TLS_RANK_UNKNOWN},       {0x0101, "0x0101", TLS_RANK_UNKNOWN},
    {0x0000, "0x0000", TLS_RANK_UNKNOWN},       {0x0a0a, "0x0a0a", TLS_RANK_UNKNOWN},
    {0x7a7a, "0x7a7a", TLS_RANK_UNKNOWN},       {0xffff, "0xffff", TLS_RANK_UNKNOWN},
};

static void names_versions(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        char buffer[TLS_NAME_SIZE];
        assert_string_equal(tls_version_name(versions[i].version, buffer), versions[i].name);
        assert_int_equal(tls_version_rank(versions[i].version), versions[i].rank);
    }
    assert_true(TLS_RANK_SSLV2 < TLS_RANK_SSLV3 && TLS_RANK_1_2 < TLS_RANK_1_3);
}

static void names_ranks(void **state) {
    (void)state;
    static const char *const names[] = {"unknown", "SSLv2",   "SSLv3",  "TLS 1.0",
                                        "TLS 1.1", "TLS 1.2", "TLS 1.3"};
    assert_int_equal(sizeof(names) / sizeof(names[0]), TLS_RANK_COUNT);
    for (unsigned rank = 0; rank < TLS_RANK_COUNT; rank++)
        assert_string_equal(tls_rank_name((enum tls_rank)rank), names[rank]);
    assert_string_equal(tls_rank_name(TLS_RANK_COUNT), "unknown");
}

static void knows_grease(void **state) {
    (void)state;
    size_t count = 0;
    for (unsigned value = 0; value <= UINT16_MAX; value++) {
        if (!tls_is_grease((uint16_t)value))
            continue;
        char buffer[TLS_NAME_SIZE];
        char wanted[TLS_NAME_SIZE];
        count++;
        assert_int_equal(tls_version_rank((uint16_t)value), TLS_RANK_UNKNOWN);
        assert_int_equal(tls_cipher_suite_traits((uint16_t)value), 0);
        assert_false(tls_group_is_post_quantum((uint16_t)value));
        tls_code_point_format((uint16_t)value, wanted);
        assert_string_equal(tls_cipher_suite_name((uint16_t)value, buffer), wanted);
        assert_string_equal(tls_group_name((uint16_t)value, buffer), wanted);
    }
    assert_int_equal(count, 16);
    assert_false(tls_is_grease(0x0a1a));
    assert_false(tls_is_grease(0x0b0b));
}

enum {
    KNOWN = CIPHER_SUITE_KNOWN,
    TLS13 = CIPHER_SUITE_TLS13,
    AEAD = CIPHER_SUITE_AEAD,
    SHA2 = CIPHER_SUITE_SHA2,
    EXPORT = CIPHER_SUITE_EXPORT,
    NO_CIPHER = CIPHER_SUITE_NULL,
    ANONYMOUS = CIPHER_SUITE_ANONYMOUS,
    STATIC_RSA = CIPHER_SUITE_STATIC_RSA,
    ECDHE = CIPHER_SUITE_ECDHE,
    DHE = CIPHER_SUITE_DHE,
    PSK = CIPHER_SUITE_PSK,
    WEAK = CIPHER_SUITE_WEAK,
    SCSV = CIPHER_SUITE_SCSV,
};

static const struct {
    uint16_t suite;
    const char *name;
    uint32_t traits;
} suites[] = {
    {0x0000, "TLS_NULL_WITH_NULL_NULL", KNOWN | ANONYMOUS | NO_CIPHER},
    {0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5", KNOWN | STATIC_RSA | EXPORT | WEAK},
    {0x0005, "TLS_RSA_WITH_RC4_128_SHA", KNOWN | STATIC_RSA | WEAK},
    {0x000a, "TLS_RSA_WITH_3DES_EDE_CBC_SHA", KNOWN | STATIC_RSA | WEAK},
    {0x0010, "TLS_DH_RSA_WITH_3DES_EDE_CBC_SHA", KNOWN | WEAK},
    {0x0014, "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA", KNOWN | DHE | EXPORT | WEAK},
    {0x0017, "TLS_DH_anon_EXPORT_WITH_RC4_40_MD5", KNOWN | DHE | ANONYMOUS | EXPORT | WEAK},
    {0x001c, "0x001c", 0},
    {0x0021, "TLS_KRB5_WITH_IDEA_CBC_SHA", KNOWN | WEAK},
    {0x002d, "TLS_DHE_PSK_WITH_NULL_SHA", KNOWN | DHE | PSK | NO_CIPHER},
    {0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", KNOWN | STATIC_RSA},
    {0x0031, "TLS_DH_RSA_WITH_AES_128_CBC_SHA", KNOWN},
    {0x003b, "TLS_RSA_WITH_NULL_SHA256", KNOWN | STATIC_RSA | SHA2 | NO_CIPHER},
    {0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", KNOWN | STATIC_RSA | SHA2},
    {0x0047, "0x0047", 0},
    {0x0062, "TLS_RSA_EXPORT1024_WITH_DES_CBC_SHA", KNOWN | STATIC_RSA | EXPORT | WEAK},
    {0x0094, "TLS_RSA_PSK_WITH_AES_128_CBC_SHA", KNOWN | PSK | STATIC_RSA},
    {0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", KNOWN | DHE | AEAD},
    {0x00ae, "TLS_PSK_WITH_AES_128_CBC_SHA256", KNOWN | PSK}, /* any version: RFC 5487 */
    {0x00c6, "TLS_SM4_GCM_SM3", KNOWN | TLS13 | AEAD},
    {0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV", KNOWN | SCSV},
    {0x1301, "TLS_AES_128_GCM_SHA256", KNOWN | TLS13 | AEAD},
    {0x1303, "TLS_CHACHA20_POLY1305_SHA256", KNOWN | TLS13 | AEAD},
    {0x1307, "TLS_AEGIS_128L_SHA256", KNOWN | TLS13 | AEAD},
    {0x1300, "0x1300", 0},
    {0x1308, "0x1308", 0},
    {0x5600, "TLS_FALLBACK_SCSV", KNOWN | SCSV},
    {0x5601, "0x5601", 0},
    {0xc000, "0xc000", 0},
    {0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", KNOWN | ECDHE},
    {0xc00e, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", KNOWN},
    {0xc016, "TLS_ECDH_anon_WITH_RC4_128_SHA", KNOWN | ECDHE | ANONYMOUS | WEAK},
    {0xc01d, "TLS_SRP_SHA_WITH_AES_128_CBC_SHA", KNOWN},
    {0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", KNOWN | ECDHE | SHA2},
    {0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", KNOWN | ECDHE | AEAD},
    {0xc037, "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256", KNOWN | ECDHE | PSK},
    {0xc0aa, "TLS_PSK_DHE_WITH_AES_128_CCM_8", KNOWN | DHE | PSK | AEAD},
    {0xc0b4, "TLS_SHA256_SHA256", KNOWN | TLS13 | NO_CIPHER},
    {0xc0ff, "TLS_ECJPAKE_WITH_AES_128_CCM_8", KNOWN | AEAD},
    {0xc106, "TLS_GOSTR341112_256_WITH_MAGMA_MGM_S", KNOWN | TLS13 | AEAD},
    {0xc107, "0xc107", 0},
    {0xcc13, "0xcc13", KNOWN | ECDHE | AEAD},
    {0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", KNOWN | ECDHE | AEAD},
    {0xccaf, "0xccaf", 0},
    {0xd005, "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256", KNOWN | ECDHE | PSK | AEAD},
    {0xd006, "0xd006", 0},
    {0xfefe, "0xfefe", KNOWN | STATIC_RSA | WEAK},
    {0xfefd, "0xfefd", 0},
    {0xffff, "0xffff", 0},
};

static void names_suites(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        char buffer[TLS_NAME_SIZE];
        assert_string_equal(tls_cipher_suite_name(suites[i].suite, buffer), suites[i].name);
        assert_int_equal(tls_cipher_suite_traits(suites[i].suite), suites[i].traits);
    }
}

/* What a suite's name says must be what its traits say, for every row. */
static void traits_follow_names(void **state) {
    (void)state;
    size_t known = 0;
    for (unsigned suite = 0; suite <= UINT16_MAX; suite++) {
        char buffer[TLS_NAME_SIZE];
        uint32_t traits = tls_cipher_suite_traits((uint16_t)suite);
        const char *name = tls_cipher_suite_name((uint16_t)suite, buffer);
        if (traits == 0)
            assert_ptr_equal(name, buffer);
        if (name == buffer)
            continue;
        known++;
        assert_true(strlen(name) < TLS_NAME_SIZE);
        bool is_tls13 = traits & CIPHER_SUITE_TLS13;
        assert_int_equal(strstr(name, "EXPORT") != NULL, (traits & CIPHER_SUITE_EXPORT) != 0);
        assert_int_equal(strstr(name, "anon") != NULL || suite == 0,
                         (traits & CIPHER_SUITE_ANONYMOUS) != 0);
        assert_int_equal(strstr(name, "PSK") != NULL, (traits & CIPHER_SUITE_PSK) != 0);
        assert_int_equal(strstr(name, "ECDHE") != NULL || strstr(name, "ECDH_anon") != NULL,
                         (traits & CIPHER_SUITE_ECDHE) != 0);
        assert_int_equal(strncmp(name, "TLS_RSA_", 8) == 0,
                         (traits & CIPHER_SUITE_STATIC_RSA) != 0);
        assert_int_equal(strstr(name, "SCSV") != NULL, (traits & CIPHER_SUITE_SCSV) != 0);
        assert_int_equal(strstr(name, "_WITH_") == NULL && strstr(name, "SCSV") == NULL,
                         is_tls13 && !(suite >= 0xc103 && suite <= 0xc106));
        if (strstr(name, "GCM") != NULL || strstr(name, "CCM") != NULL ||
            strstr(name, "POLY1305") != NULL)
            assert_true(traits & CIPHER_SUITE_AEAD);
        if (strstr(name, "RC4") != NULL || strstr(name, "DES") != NULL)
            assert_true(traits & CIPHER_SUITE_WEAK);
    }
    assert_true(known > 360);
}

static void names_groups(void **state) {
    (void)state;
    static const struct {
        uint16_t group;
        const char *name;
        bool is_post_quantum;
    } groups[] = {
        {1, "sect163k1", false},
        {23, "secp256r1", false},
        {29, "x25519", false},
        {30, "x448", false},
        {41, "curveSM2", false},
        {256, "ffdhe2048", false},
        {260, "ffdhe8192", false},
        {261, "0x0105", false},
        {0x0201, "MLKEM768", true},
        {0x11eb, "SecP256r1MLKEM768", true},
        {0x11ec, "X25519MLKEM768", true},
        {0x11ed, "SecP384r1MLKEM1024", true},
        {0x11ee, "curveSM2MLKEM768", true},
        {0x11ef, "0x11ef", false},
        {0x4138, "CECPQ2", true},
        {0x6399, "X25519Kyber768Draft00", true},
        {0x639a, "SecP256r1Kyber768Draft00", true},
        {0xfe30, "X25519Kyber512Draft00", true},
        {0x2f39, "0x2f39", true},
        {0xff02, "arbitrary_explicit_char2_curves", false},
        {0, "0x0000", false},
        {0xffff, "0xffff", false},
    };
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        char buffer[TLS_NAME_SIZE];
        assert_string_equal(tls_group_name(groups[i].group, buffer), groups[i].name);
        assert_int_equal(tls_group_is_post_quantum(groups[i].group), groups[i].is_post_quantum);
    }
}

static void names_alerts_and_extensions(void **state) {
    (void)state;
    char buffer[TLS_NAME_SIZE];
    assert_string_equal(tls_alert_name(0, buffer), "close_notify");
    assert_string_equal(tls_alert_name(40, buffer), "handshake_failure");
    assert_string_equal(tls_alert_name(47, buffer), "illegal_parameter");
    assert_string_equal(tls_alert_name(70, buffer), "protocol_version");
    assert_string_equal(tls_alert_name(86, buffer), "inappropriate_fallback");
    assert_string_equal(tls_alert_name(121, buffer), "ech_required");
    assert_string_equal(tls_alert_name(122, buffer), "122");
    assert_string_equal(tls_alert_name(255, buffer), "255");
    assert_string_equal(tls_extension_name(0, buffer), "server_name");
    assert_string_equal(tls_extension_name(43, buffer), "supported_versions");
    assert_string_equal(tls_extension_name(46, buffer), "46");
    assert_string_equal(tls_extension_name(51, buffer), "key_share");
    assert_string_equal(tls_extension_name(0xfe0d, buffer), "encrypted_client_hello");
    assert_string_equal(tls_extension_name(0xff01, buffer), "renegotiation_info");
    assert_string_equal(tls_extension_name(0xffff, buffer), "65535");
}

/* The tables are searched by halves: every name must be found, so every row must be in order. */
static void finds_every_row(void **state) {
    (void)state;
    size_t groups = 0;
    size_t alerts = 0;
    size_t extensions = 0;
    for (unsigned code = 0; code <= UINT16_MAX; code++) {
        char buffer[TLS_NAME_SIZE];
        groups += tls_group_name((uint16_t)code, buffer) != buffer;
        extensions += tls_extension_name((uint16_t)code, buffer) != buffer;
        if (code <= UINT8_MAX)
            alerts += tls_alert_name((uint8_t)code, buffer) != buffer;
    }
    assert_int_equal(groups, 61);
    assert_int_equal(alerts, 37);
    assert_int_equal(extensions, 72);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_versions),
        cmocka_unit_test(names_ranks),
        cmocka_unit_test(knows_grease),
        cmocka_unit_test(names_suites),
        cmocka_unit_test(traits_follow_names),
        cmocka_unit_test(names_groups),
        cmocka_unit_test(names_alerts_and_extensions),
        cmocka_unit_test(finds_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
