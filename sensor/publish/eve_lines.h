/*
 * eve_lines.h - one event as one JSON line in Suricata's shape; eve.c writes them out.
 *
 * Every line follows Suricata's EVE schema (etc/schema.json of its source, version 8 for ja4 and
 * the ALPN names) but for two objects: `downgrade`, ours, and `ndpi` {app, category}, which has the
 * name of the nDPI plugin's object. eve_facts.h has the members that not every line has. All lines
 * of one connection share `flow_id`; `src_ip` is always the client. `timestamp` and `pcap_cnt` are
 * those of the packet that settled the version: the ServerHello's, else the ClientHello's, else the
 * first of the flow.
 *
 * In `downgrade`, null means "not known from the wire": no ClientHello, no ServerHello, no group.
 */
#ifndef DOWNGRD_EVE_LINES_H
#define DOWNGRD_EVE_LINES_H

#include "json.h"
#include "utc.h"
#include "verdict.h"

struct digest;
struct fingerprinter;

/* Kept from line to line. */
struct eve_writer {
    struct json json;
    struct utc_date date;
    struct fingerprinter *fingerprinter; /* NULL: lines without JA3, JA3S and JA4 */
    struct digest *sha1;                 /* NULL: lines without community_id */
};

/* Each gives the line without newline, NUL-terminated, until the next call; NULL when memory ran
 * out. */
const char *eve_write_tls(struct eve_writer *writer, const struct verdict *verdict, size_t *size);
const char *eve_write_alert(struct eve_writer *writer, const struct alert *alert, size_t *size);
const char *eve_write_stats(struct eve_writer *writer, const struct source *source,
                            const struct run_stats *stats, size_t *size);

#endif
