#include "dialogue.h"

const char *dialogue_protocol_name(enum dialogue_protocol protocol) {
    static const char *const names[DIALOGUE_PROTOCOL_COUNT] = {
        "",    "smtp", "lmtp",       "imap",  "pop3", "ftp",          "nntp",   "sieve",  "xmpp",
        "irc", "ldap", "postgresql", "mysql", "rdp",  "http-connect", "socks4", "socks5", "proxy",
    };
    return names[protocol];
}
