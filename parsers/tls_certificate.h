/*
 * tls_certificate.h - a name out of a cleartext Certificate message (RFC 5246 section 7.4.2; RFC
 * 5280 sections 4.1.2.6, 4.2.1.6).
 *
 * Only the name is read: nothing is verified, so it serves to label traffic that sent no
 * server_name, never to judge.
 */
#ifndef DOWNGRD_TLS_CERTIFICATE_H
#define DOWNGRD_TLS_CERTIFICATE_H

#include "span.h"

/*
 * `body` is the Certificate message of TLS 1.2 and below without its four header bytes, or the
 * beginning of one: the name stands in the first certificate, so a cut message may do.
 *
 *   PARSE_OK         *name is the first dNSName of subjectAltName, else the subject's (last)
 *                    commonName, as in the certificate: unvalidated bytes. Absent (data NULL) when
 *                    there is neither, or no certificate at all
 *   PARSE_MORE       the bytes end before that is known
 *   PARSE_MALFORMED  not DER where DER must be
 */
enum parse_status certificate_name_parse(struct span body, struct span *name);

#endif
