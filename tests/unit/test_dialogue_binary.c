/*
 * test_dialogue_binary.c - dialogues of protocols that count bytes, of proxies, and one inside of
 * the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dialogue_play.h"

#define TLS C(TLS_OFFER_BYTES), S(TLS_CHOICE_BYTES)

/* ---- LDAP ---- */

#define START_TLS                                                                                  \
    "\x30\x1d\x02\x01\x01\x77\x18\x80\x16"                                                         \
    "1.3.6.1.4.1.1466.20037"
#define EXTENDED_RESPONSE(code) "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01" code "\x04\x00\x04\x00"

static const struct script ldap[] = {
    {"LDAP",
     false,
     {C(START_TLS), S(EXTENDED_RESPONSE("\x00")), TLS},
     "ldap greeted:1 asked:1 granted:2 [resultCode 0] tls-c:3 tls-s:4"},
    {"LDAP, lengths in their long form",
     false,
     {C("\x30\x84\x00\x00\x00\x1d\x02\x01\x01\x77\x18\x80\x16"
        "1.3.6.1.4.1.1466.20037"),
      S("\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00"),
      TLS},
     "ldap greeted:1 asked:1 granted:2 [resultCode 0] tls-c:3 tls-s:4"},
    {"LDAP, refused",
     false,
     {C(START_TLS), S(EXTENDED_RESPONSE("\x34"))},
     "ldap greeted:1 asked:1 refused:2 [resultCode 52]"},
    {"LDAP, the answer to another request",
     false,
     {C(START_TLS), S("\x30\x0c\x02\x01\x02\x78\x07\x0a\x01\x00\x04\x00\x04\x00")},
     "ldap greeted:1 asked:1"},
    {"LDAP, a search of the root first, no SYN",
     true,
     {C("\x30\x25\x02\x01\x01\x63\x20\x04\x00\x0a\x01\x00\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01"
        "\x01\x00\x87\x0b"
        "objectClass\x30\x00"),
      S("\x30\x09\x02\x01\x01\x64\x04\x04\x00\x30\x00\x30\x0c\x02\x01\x01\x65\x07\x0a\x01\x00\x04"
        "\x00\x04\x00"),
      C(START_TLS), S(EXTENDED_RESPONSE("\x00")), TLS},
     "ldap greeted:1 asked:3 granted:4 [resultCode 0] tls-c:5 tls-s:6"},
    {"LDAP, from the middle",
     true,
     {S("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"), C(START_TLS),
      S(EXTENDED_RESPONSE("\x00")), TLS},
     "ldap greeted:1 asked:2 granted:3 [resultCode 0] tls-c:4 tls-s:5"},
    {"LDAP, password in clear",
     false,
     {C("\x30\x10\x02\x01\x01\x60\x0b\x02\x01\x03\x04\x02"
        "me\x80\x02"
        "pw"),
      S("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00")},
     "ldap greeted:1 login:1 ended:2"},
    {"LDAP, an anonymous bind",
     false,
     {C("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"),
      S("\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"), C(START_TLS)},
     "ldap greeted:1 asked:3"},
    {"LDAP, SASL PLAIN in clear",
     false,
     {C("\x30\x19\x02\x01\x01\x60\x14\x02\x01\x03\x04\x00\xa3\x0d\x04\x05"
        "PLAIN\x04\x04"
        "\0m\0p")},
     "ldap greeted:1 login:1"},
    {"LDAP, SASL GSSAPI shows no password",
     false,
     {C("\x30\x18\x02\x01\x01\x60\x13\x02\x01\x03\x04\x00\xa3\x0c\x04\x06"
        "GSSAPI\x04\x02"
        "xy")},
     "ldap greeted:1"},
    {"LDAP, a change in clear",
     false,
     {C("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"),
      C("\x30\x07\x02\x01\x02\x66\x02\x04\x00")},
     "ldap greeted:1 ended:2"},
    {"LDAP, a response is injected behind the answer",
     false,
     {C(START_TLS),
      S(EXTENDED_RESPONSE("\x00") "\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00"), TLS},
     "ldap greeted:1 asked:1 granted:2 early:2 [resultCode 0] tls-c:3 tls-s:4"},
    {"SNMP is no LDAP", false, {C("\x30\x26\x02\x01\x01\x04\x06public")}, "unknown foreign:1"},
};

/* ---- PostgreSQL ---- */

#define SSL_REQUEST "\x00\x00\x00\x08\x04\xd2\x16\x2f"
#define GSS_REQUEST "\x00\x00\x00\x08\x04\xd2\x16\x30"
#define STARTUP     "\x00\x00\x00\x11\x00\x03\x00\x00user\x00me\x00\x00"

static const struct script postgresql[] = {
    {"PostgreSQL",
     false,
     {C(SSL_REQUEST), S("S"), TLS},
     "postgresql greeted:1 asked:1 granted:2 [S] tls-c:3 tls-s:4"},
    {"PostgreSQL, GSS first",
     false,
     {C(GSS_REQUEST), S("N"), C(SSL_REQUEST), S("S"), TLS},
     "postgresql greeted:1 asked:3 granted:4 [S] tls-c:5 tls-s:6"},
    {"PostgreSQL, GSS granted", false, {C(GSS_REQUEST), S("G")}, "postgresql greeted:1 ended:2"},
    {"PostgreSQL, refused, password in clear",
     false,
     {C(SSL_REQUEST), S("N"), C(STARTUP), S("R\x00\x00\x00\x08\x00\x00\x00\x03"),
      C("p\x00\x00\x00\x07"
        "pw\x00"),
      S("R\x00\x00\x00\x08\x00\x00\x00\x00")},
     "postgresql greeted:1 asked:1 refused:2 login:5 [N] ended:6"},
    {"PostgreSQL, not asked, a hashed password",
     false,
     {C(STARTUP), S("R\x00\x00\x00\x0c\x00\x00\x00\x05salt"), C("p\x00\x00\x00\x08md5\x00"),
      S("R\x00\x00\x00\x08\x00\x00\x00\x00S\x00\x00\x00\x04")},
     "postgresql greeted:1 ended:4"},
    {"PostgreSQL, an error for an answer",
     false,
     {C(SSL_REQUEST), S("E\x00\x00\x00\x09SFATAL")},
     "postgresql greeted:1 asked:1 refused:2 [E???\?SFATA] ended:2"},
    {"PostgreSQL, a message is injected behind the answer",
     false,
     {C(SSL_REQUEST), S("SR\x00\x00\x00\x08\x00\x00\x00\x05"), TLS},
     "postgresql greeted:1 asked:1 granted:2 early:2 [S] tls-c:3 tls-s:4"},
    {"PostgreSQL, the client's start-up is injected behind the request",
     false,
     {C(SSL_REQUEST STARTUP), S("S"), TLS},
     "postgresql greeted:1 asked:1 granted:2 early:1 [S] tls-c:3 tls-s:4"},
    {"PostgreSQL, a request to cancel",
     false,
     {C(SSL_REQUEST), S("N"),
      C("\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01\x00\x00\x00\x02")},
     "postgresql greeted:1 asked:1 refused:2 [N] ended:3"},
};

/* ---- MySQL ---- */

#define MYSQL_GREETING(capabilities)                                                               \
    "\x2b\x00\x00\x00\x0a"                                                                         \
    "8.0.36\x00"                                                                                   \
    "\x01\x02\x03\x04"                                                                             \
    "saltsalt\x00" capabilities "\xff\x02\x00\xff\xdf\x15"                                         \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"                                                     \
    "\x00\x00\x00\x00"
#define MYSQL_ZEROES      "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define MYSQL_SSL_REQUEST "\x20\x00\x00\x01\x05\xae\xff\x01\x00\x00\x00\x01\xff" MYSQL_ZEROES
#define MYSQL_LOGIN       "\x23\x00\x00\x01\x05\xa6\xff\x01\x00\x00\x00\x01\xff" MYSQL_ZEROES "me\x00"

static const struct script mysql[] = {
    {"MySQL",
     false,
     {S(MYSQL_GREETING("\xff\xff")), C(MYSQL_SSL_REQUEST), TLS},
     "mysql greeted:1 advertised:1 asked:2 tls-c:3 tls-s:4"},
    {"MySQL, no SYN, the hello in the request's packet",
     true,
     {S(MYSQL_GREETING("\xff\xff")), C(MYSQL_SSL_REQUEST TLS_OFFER_BYTES), S(TLS_CHOICE_BYTES)},
     "mysql greeted:1 advertised:1 asked:2 tls-c:2 tls-s:3"},
    {"MySQL, not asked",
     false,
     {S(MYSQL_GREETING("\xff\xff")), C(MYSQL_LOGIN)},
     "mysql greeted:1 advertised:1 login:2 ended:2"},
    {"MySQL, not offered",
     false,
     {S(MYSQL_GREETING("\xff\xf7")), C(MYSQL_LOGIN)},
     "mysql greeted:1 not-advertised:1 login:2 ended:2"},
    {"MySQL, the old request",
     false,
     {S(MYSQL_GREETING("\xff\xff")), C("\x05\x00\x00\x01\x05\x0c\xff\xff\xff"), TLS},
     "mysql greeted:1 advertised:1 asked:2 tls-c:3 tls-s:4"},
};

/* ---- RDP ---- */

#define RDP_REQUEST(protocols)                                                                     \
    "\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00" protocols "\x00\x00\x00"
#define RDP_CONFIRM(type, number)                                                                  \
    "\x03\x00\x00\x13\x0e\xd0\x00\x00\x12\x34\x00" type "\x00\x08\x00" number "\x00\x00\x00"

static const struct script rdp[] = {
    {"RDP",
     false,
     {C(RDP_REQUEST("\x03")), S(RDP_CONFIRM("\x02", "\x01")), TLS},
     "rdp greeted:1 asked:1 granted:2 [selectedProtocol 1] tls-c:3 tls-s:4"},
    {"RDP, with a cookie",
     false,
     {C("\x03\x00\x00\x2b\x26\xe0\x00\x00\x00\x00\x00"
        "Cookie: mstshash=me 12\r\n"
        "\x01\x00\x08\x00\x01\x00\x00\x00"),
      S(RDP_CONFIRM("\x02", "\x01")), TLS},
     "rdp greeted:1 asked:1 granted:2 [selectedProtocol 1] tls-c:3 tls-s:4"},
    {"RDP, its own security is chosen",
     false,
     {C(RDP_REQUEST("\x01")), S(RDP_CONFIRM("\x02", "\x00"))},
     "rdp greeted:1 asked:1 refused:2 [selectedProtocol 0] ended:2"},
    {"RDP, refused",
     false,
     {C(RDP_REQUEST("\x01")), S(RDP_CONFIRM("\x03", "\x02"))},
     "rdp greeted:1 asked:1 refused:2 [failureCode 2] ended:2"},
    {"RDP, a server that does not negotiate",
     false,
     {C(RDP_REQUEST("\x01")), S("\x03\x00\x00\x0b\x06\xd0\x00\x00\x12\x34\x00")},
     "rdp greeted:1 asked:1 refused:2 [no negotiation] ended:2"},
    {"RDP, not asked",
     false,
     {C("\x03\x00\x00\x0b\x06\xe0\x00\x00\x00\x00\x00"),
      S("\x03\x00\x00\x0b\x06\xd0\x00\x00\x12\x34\x00")},
     "rdp greeted:1 ended:2"},
    {"another protocol over TPKT",
     false,
     {C("\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc1\x02\x01\x00\xc2\x02\x01\x02\xc0\x01"
        "\x0a")},
     "rdp foreign:1"},
};

/* ---- proxies ---- */

#define PROXY_V1 "PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n"
#define PROXY_V2                                                                                   \
    "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc6\x33\x64\x01\x9c\x40\x01\xbb"
#define SOCKS5_REQUEST "\x05\x01\x00\x01\xc0\x00\x02\x01\x01\xbb"
#define SOCKS5_REPLY   "\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define CONNECT        "CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n"

static const struct script proxies[] = {
    {"CONNECT",
     false,
     {C(CONNECT), S("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"), TLS},
     "http-connect via:http-connect tls-c:3 tls-s:4"},
    {"CONNECT, asked for a password",
     false,
     {C(CONNECT), S("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 5\r\n\r\nsorry"),
      C(CONNECT), S("HTTP/1.1 200 OK\r\n\r\n"), TLS},
     "http-connect via:http-connect tls-c:5 tls-s:6"},
    {"CONNECT, refused",
     false,
     {C(CONNECT), S("HTTP/1.1 403 Forbidden\r\n\r\n<html>")},
     "http-connect foreign:2"},
    {"CONNECT, an interim answer",
     false,
     {C(CONNECT), S("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), TLS},
     "http-connect via:http-connect tls-c:3 tls-s:4"},
    {"CONNECT to another proxy",
     false,
     {C(CONNECT), S("HTTP/1.1 200 OK\r\n\r\n"), C(CONNECT), S("HTTP/1.1 200 OK\r\n\r\n"), TLS},
     "http-connect via:http-connect tls-c:5 tls-s:6"},
    {"CONNECT, the hello does not wait",
     false,
     {C(CONNECT TLS_OFFER_BYTES), S("HTTP/1.1 200 OK\r\n\r\n" TLS_CHOICE_BYTES)},
     "http-connect via:http-connect tls-c:1 tls-s:2"},
    {"CONNECT, mail behind it",
     false,
     {C(CONNECT), S("HTTP/1.1 200 OK\r\n\r\n"), S("220 mx ESMTP\r\n"), C("EHLO me\r\n"),
      S("250-mx\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("220 go\r\n"), TLS},
     "smtp via:http-connect greeted:3 advertised:5 asked:6 granted:7 [220 go] tls-c:8 tls-s:9"},
    {"another CONNECT", false, {C("CONNECT {\"verbose\":false}\r\n")}, "http-connect foreign:1"},
    {"SOCKS5",
     false,
     {C("\x05\x01\x00"), S("\x05\x00"), C(SOCKS5_REQUEST), S(SOCKS5_REPLY), TLS},
     "socks5 via:socks5 greeted:1 tls-c:5 tls-s:6"},
    {"SOCKS5, no SYN, by name, with a password",
     true,
     {C("\x05\x02\x00\x02"), S("\x05\x02"), C("\x01\x02me\x02pw"), S("\x01\x00"),
      C("\x05\x01\x00\x03\x0bwww.example\x01\xbb"), S("\x05\x00\x00\x03\x01x\x00\x00"), TLS},
     "socks5 via:socks5 greeted:1 tls-c:7 tls-s:8"},
    {"SOCKS5, IPv6",
     false,
     {C("\x05\x01\x00"), S("\x05\x00"),
      C("\x05\x01\x00\x04"
        "0123456789abcdef\x01\xbb"),
      S("\x05\x00\x00\x04"
        "0123456789abcdef\x00\x00"),
      TLS},
     "socks5 via:socks5 greeted:1 tls-c:5 tls-s:6"},
    {"SOCKS5, no method", false, {C("\x05\x01\x00"), S("\x05\xff")}, "socks5 greeted:1 ended:2"},
    {"SOCKS5, refused",
     false,
     {C("\x05\x01\x00"), S("\x05\x00"), C(SOCKS5_REQUEST),
      S("\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00")},
     "socks5 greeted:1 ended:4"},
    {"SOCKS5, a mailbox behind it",
     false,
     {C("\x05\x01\x00"), S("\x05\x00"), C(SOCKS5_REQUEST), S(SOCKS5_REPLY),
      S("* OK [CAPABILITY STARTTLS] ready\r\n"), C("a STARTTLS\r\n"), S("a OK go\r\n"), TLS},
     "imap via:socks5 greeted:1 advertised:5 asked:6 granted:7 [a OK go] tls-c:8 tls-s:9"},
    {"DCE/RPC is no SOCKS5",
     false,
     {C("\x05\x00\x0b\x03\x10\x00\x00\x00\x48\x00\x00\x00")},
     "unknown foreign:1"},
    {"SOCKS4",
     false,
     {C("\x04\x01\x01\xbb\xc0\x00\x02\x01me\x00"), S("\x00\x5a\x00\x00\x00\x00\x00\x00"), TLS},
     "socks4 via:socks4 greeted:1 tls-c:3 tls-s:4"},
    {"SOCKS4A",
     false,
     {C("\x04\x01\x01\xbb\x00\x00\x00\x01\x00www.example\x00"),
      S("\x00\x5a\x00\x00\x00\x00\x00\x00"), TLS},
     "socks4 via:socks4 greeted:1 tls-c:3 tls-s:4"},
    {"SOCKS4, refused",
     false,
     {C("\x04\x01\x01\xbb\xc0\x00\x02\x01\x00"), S("\x00\x5b\x00\x00\x00\x00\x00\x00")},
     "socks4 greeted:1 ended:2"},
    {"PROXY v1",
     false,
     {C(PROXY_V1 TLS_OFFER_BYTES), S(TLS_CHOICE_BYTES)},
     "proxy via:proxy tls-c:1 tls-s:2"},
    {"PROXY v2, no SYN", true, {C(PROXY_V2), TLS}, "proxy via:proxy tls-c:2 tls-s:3"},
    {"PROXY v2, longer than what is kept",
     false,
     {C("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x02\x10"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        "0123456789abcdef" TLS_OFFER_BYTES)},
     "proxy via:proxy tls-c:1"},
    {"PROXY v2, then mail",
     false,
     {C(PROXY_V2), S("220 mx ESMTP\r\n"), C("EHLO me\r\n"), S("250-mx\r\n250 STARTTLS\r\n"),
      C("STARTTLS\r\n"), S("220 go\r\n"), TLS},
     "smtp via:proxy greeted:2 advertised:4 asked:5 granted:6 [220 go] tls-c:7 tls-s:8"},
    {"PROXY v2, captured after the greeting",
     false,
     {S("220 mx ESMTP\r\n"), C(PROXY_V2 "EHLO me\r\n"), S("250-mx\r\n250 STARTTLS\r\n"),
      C("STARTTLS\r\n"), S("220 go\r\n"), TLS},
     "smtp via:proxy greeted:1 advertised:3 asked:4 granted:5 [220 go] tls-c:6 tls-s:7"},
    {"PROXY v1, then the web",
     false,
     {C(PROXY_V1 "GET / HTTP/1.1\r\n")},
     "proxy via:proxy foreign:1"},
    {"PROXY, SOCKS5, CONNECT, then a database",
     false,
     {C(PROXY_V1), C("\x05\x01\x00"), S("\x05\x00"), C(SOCKS5_REQUEST), S(SOCKS5_REPLY), C(CONNECT),
      S("HTTP/1.1 200 OK\r\n\r\n"), C(SSL_REQUEST), S("S"), TLS},
     "postgresql via:http-connect via:socks5 via:proxy greeted:2 asked:8 granted:9 [S] tls-c:10 "
     "tls-s:11"},
    {"a line that never ends",
     false,
     {C("PROXY 0123456789012345678901234567890123456789012345678901234567890123456789"
        "0123456789012345678901234567890123456789012345678901234567890123456789")},
     "proxy foreign:1"},
};

static void test_ldap(void **state) {
    (void)state;
    demand_scripts(ldap, sizeof ldap / sizeof *ldap);
}

static void test_postgresql(void **state) {
    (void)state;
    demand_scripts(postgresql, sizeof postgresql / sizeof *postgresql);
}

static void test_mysql(void **state) {
    (void)state;
    demand_scripts(mysql, sizeof mysql / sizeof *mysql);
}

static void test_rdp(void **state) {
    (void)state;
    demand_scripts(rdp, sizeof rdp / sizeof *rdp);
}

static void test_proxies(void **state) {
    (void)state;
    demand_scripts(proxies, sizeof proxies / sizeof *proxies);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ldap),    cmocka_unit_test(test_postgresql),
        cmocka_unit_test(test_mysql),   cmocka_unit_test(test_rdp),
        cmocka_unit_test(test_proxies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
