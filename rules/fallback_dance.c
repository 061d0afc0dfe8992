/*
 * fallback_dance.c - a try failed, and the same client came back asking for less.
 *
 * Old browsers did this by themselves, and an attacker who can reset or swallow connections makes
 * them (POODLE). No hello is changed, so nothing inside one handshake shows it: it takes two. Every
 * pair (the failed try, the lower later one) is looked at once, when the second of the two records
 * ends, whichever it is: a try that was swallowed ends by time-out, after the lower one is done.
 *
 * What makes two tries a dance and not two strangers:
 *   - same client and name (the judge sees to that), the lower one begun after the failure, within
 *     the window;
 *   - the lower offer looks like the same software: TLS_FALLBACK_SCSV, or no suite that the failed
 *     offer did not have (behind a NAT other devices have others);
 *   - the failure can be about versions: no certificate, name or application trouble, no client
 * that just cancels, and no server that had already answered with a version of its own choice;
 *   - the failed offer held what the lower one offers. A client that first asks for TLS 1.3 only
 *     may honestly be refused, unless the server is known to do it;
 *   - the lower try reached a ServerHello, or says itself that it is a fallback.
 *
 * Scanners go down the versions as well, but do so after tries that worked, or come by with the
 * lower offer whatever happened before; a server that refuses both tries in the same words has
 * a policy.
 */
#include "rules_list.h"

#include <stddef.h>

enum { ALERT_INAPPROPRIATE_FALLBACK = 86, SHORTEST_TIMEOUT_US = 1000000 };
enum { CROWD = 3 }; /* so many different offers of one version within the window */

/* The two tries, and what was known beside them. */
struct dance {
    const struct attempt *failed;
    const struct attempt *lower;
    const struct history *history;
    uint64_t window_us;
    enum tls_rank known_to_do; /* the server, by earlier handshakes or its mark */
};

static bool is_spoiled(const struct attempt *attempt) {
    return attempt->missed != 0 || attempt->outcome == OUTCOME_HALF_SEEN ||
           attempt->outcome == OUTCOME_INCONCLUSIVE;
}

static bool is_failure(const struct attempt *attempt) {
    return attempt->outcome == OUTCOME_FAILED || attempt->outcome == OUTCOME_RESET;
}

/* Nobody said why: a reset, a close without an alert, or silence. */
static bool is_unexplained(const struct attempt *attempt) {
    return attempt->fatal_alert == 0;
}

/* The client hung up of its own accord: at once, as browsers cancel connections all the time, or
 * without a word after it had the server's answer, as probing tools do (its last packet may be
 * missing from the capture: silence after an answer is the same). A client that waits in vain takes
 * longer, and one that is hit by a reset before any answer has not hung up. */
static bool is_cancelled(const struct attempt *attempt) {
    if (attempt->fatal_alert != 0 || attempt->closed_by == SIDE_SERVER)
        return false;
    if (attempt->negotiated != TLS_RANK_UNKNOWN)
        return true;
    return attempt->closed_by == SIDE_CLIENT && attempt->outcome == OUTCOME_FAILED &&
           attempt->ended_us - attempt->started_us < SHORTEST_TIMEOUT_US;
}

/* The lower try was begun after the failure. A client that gives up a silent connection may close
 * it only later, so without a word of the server's the beginning counts. */
static bool is_reaction(const struct dance *dance) {
    const struct attempt *failed = dance->failed;
    const struct attempt *lower = dance->lower;
    if (lower->started_us > failed->ended_us)
        return lower->started_us - failed->ended_us <= dance->window_us;
    return failed->fatal_alert == 0 && failed->closed_by != SIDE_SERVER &&
           failed->negotiated == TLS_RANK_UNKNOWN && lower->started_us > failed->started_us;
}

static bool is_same_software(const struct dance *dance) {
    const struct attempt *failed = dance->failed;
    const struct attempt *lower = dance->lower;
    return lower->has_fallback_scsv ||
           (lower->suites != 0 && (lower->suites & ~failed->suites) == 0);
}

/* The failed offer could have been answered with what the lower one asks for. */
static bool held_the_lower_version(const struct dance *dance) {
    const struct attempt *failed = dance->failed;
    return failed->lowest_offered == TLS_RANK_UNKNOWN ||
           failed->lowest_offered <= dance->lower->highest_offered ||
           dance->known_to_do >= failed->highest_offered;
}

/* The server answered the failed try with an old version by its own choice; asking for that version
 * next is honest. */
static bool was_answered_lower(const struct dance *dance) {
    const struct attempt *failed = dance->failed;
    return failed->negotiated != TLS_RANK_UNKNOWN &&
           failed->negotiated <= dance->lower->highest_offered;
}

static bool has_result(const struct attempt *lower) {
    return lower->negotiated != TLS_RANK_UNKNOWN || lower->has_fallback_scsv;
}

static bool are_refused_alike(const struct dance *dance) {
    return dance->failed->fatal_alert != 0 &&
           dance->failed->fatal_alert == dance->lower->fatal_alert &&
           dance->failed->fatal_sender == dance->lower->fatal_sender;
}

/* The newest attempt that began before `before_us`, other than the dance's own two; NULL when there
 * is none. */
static const struct attempt *find_previous(const struct dance *dance, uint64_t before_us) {
    const struct attempt *best = NULL;
    for (size_t i = 0; i < dance->history->attempt_count; i++) {
        const struct attempt *attempt = history_attempt(dance->history, i);
        if (attempt == dance->failed || attempt == dance->lower || attempt->started_us >= before_us)
            continue;
        if (best == NULL || attempt->started_us > best->started_us)
            best = attempt;
    }
    return best;
}

static bool is_within(const struct dance *dance, const struct attempt *earlier,
                      const struct attempt *later) {
    return earlier->ended_us + dance->window_us >= later->started_us;
}

/*
 * How the client came to the failed try. Counts the failed steps above it; -1 when a higher try had
 * worked just before: nothing drove this client down, it probes.
 */
static int count_steps(const struct dance *dance) {
    int steps = 1;
    const struct attempt *at = dance->failed;
    for (size_t i = 0; i < HISTORY_MAX_ATTEMPTS; i++) {
        const struct attempt *previous = find_previous(dance, at->started_us);
        if (previous == NULL || !is_within(dance, previous, at) ||
            previous->highest_offered < at->highest_offered)
            return steps;
        if (previous->highest_offered > at->highest_offered) {
            if (!is_failure(previous))
                return -1;
            steps++;
        }
        at = previous;
    }
    return steps;
}

/* The client offered as little already before anything failed. The oldest thing remembered proves
 * nothing: what came before it is forgotten. */
static bool is_habit(const struct dance *dance) {
    const struct attempt *at = find_previous(dance, dance->failed->started_us);
    for (size_t i = 0; at != NULL && i < HISTORY_MAX_ATTEMPTS; i++) {
        const struct attempt *previous = find_previous(dance, at->started_us);
        bool is_oldest_of_many =
            previous == NULL && dance->history->attempt_count == HISTORY_MAX_ATTEMPTS;
        bool was_driven = previous != NULL && is_failure(previous) &&
                          previous->highest_offered > at->highest_offered;
        if (at->highest_offered == dance->lower->highest_offered && !was_driven &&
            !is_oldest_of_many)
            return true;
        at = previous;
    }
    return false;
}

/* Several kinds of software, or a tool that varies its suites, speak from this address at the
 * version of `one`: whose second try the lower one was cannot be said. */
static bool is_crowd(const struct dance *dance, const struct attempt *one) {
    uint64_t kinds[CROWD] = {one->suites};
    size_t count = 1;
    for (size_t i = 0; i < dance->history->attempt_count; i++) {
        const struct attempt *attempt = history_attempt(dance->history, i);
        size_t known = 0;
        if (attempt->highest_offered != one->highest_offered ||
            attempt->ended_us + dance->window_us < dance->lower->started_us)
            continue;
        while (known < count && kinds[known] != attempt->suites)
            known++;
        if (known < count)
            continue;
        kinds[count++] = attempt->suites;
        if (count == CROWD)
            return true;
    }
    return false;
}

/* In between the client got through with as much as the failed try offered: what came after has
 * another cause. */
static bool has_recovered(const struct dance *dance) {
    for (size_t i = 0; i < dance->history->attempt_count; i++) {
        const struct attempt *attempt = history_attempt(dance->history, i);
        if (attempt->started_us > dance->failed->started_us &&
            attempt->started_us < dance->lower->started_us &&
            attempt->highest_offered >= dance->failed->highest_offered &&
            attempt->outcome == OUTCOME_COMPLETED)
            return true;
    }
    return false;
}

static enum rule_result judge_pair(const struct dance *dance) {
    const struct attempt *failed = dance->failed;
    const struct attempt *lower = dance->lower;
    if (lower->highest_offered == TLS_RANK_UNKNOWN ||
        failed->highest_offered <= lower->highest_offered || !is_reaction(dance) ||
        !is_same_software(dance) || !has_result(lower))
        return RULE_PASS;
    if (is_spoiled(failed) || (lower->missed & (MISSED_START | MISSED_CLIENT_BYTES)))
        return RULE_UNKNOWN;
    if (!is_failure(failed) || is_cancelled(failed) || history_is_other_trouble(failed) ||
        !held_the_lower_version(dance) || was_answered_lower(dance) || are_refused_alike(dance) ||
        has_recovered(dance) || is_habit(dance) || count_steps(dance) < 0)
        return RULE_PASS;
    bool is_unclear =
        !lower->has_fallback_scsv && (is_crowd(dance, failed) || is_crowd(dance, lower));
    return is_unclear ? RULE_UNKNOWN : RULE_HIT;
}

static const char *describe_failure(const struct attempt *failed, char text[EVIDENCE_TEXT_SIZE]) {
    char name[TLS_NAME_SIZE];
    if (failed->fatal_alert != 0)
        return finding_text(
            text, "%s sent %s (%u)", failed->fatal_sender == SIDE_CLIENT ? "client" : "server",
            tls_alert_name(failed->fatal_alert, name), (unsigned)failed->fatal_alert);
    const char *how = failed->outcome == OUTCOME_RESET ? "reset" : "closed without an alert";
    if (failed->closed_by == SIDE_COUNT)
        return "silence";
    return finding_text(text, "%s from the %s's side", how,
                        failed->closed_by == SIDE_CLIENT ? "client" : "server");
}

static void add_tries(const struct dance *dance, struct finding *finding) {
    const struct attempt *failed = dance->failed;
    const struct attempt *lower = dance->lower;
    char text[EVIDENCE_TEXT_SIZE];
    char reason[EVIDENCE_TEXT_SIZE];
    finding_add(finding, "first try", failed->packet,
                finding_text(text, "succeeds with up to %s",
                             tls_rank_name((enum tls_rank)failed->highest_offered)),
                describe_failure(failed, reason));
    uint64_t later_ms =
        lower->started_us > failed->ended_us ? (lower->started_us - failed->ended_us) / 1000U : 0;
    finding_add(finding, "next try", lower->packet,
                finding_text(text, "offers up to %s again",
                             tls_rank_name((enum tls_rank)failed->highest_offered)),
                finding_text(reason, "%llu ms later, offers up to %s%s",
                             (unsigned long long)later_ms,
                             tls_rank_name((enum tls_rank)lower->highest_offered),
                             lower->has_fallback_scsv ? ", with TLS_FALLBACK_SCSV" : ""));
}

static void weigh(const struct dance *dance, struct finding *finding) {
    const struct attempt *failed = dance->failed;
    const struct attempt *lower = dance->lower;
    char text[EVIDENCE_TEXT_SIZE];
    int signals = 0;
    add_tries(dance, finding);
    bool is_refused =
        lower->fatal_alert == ALERT_INAPPROPRIATE_FALLBACK && lower->fatal_sender == SIDE_SERVER;
    bool can_do_more =
        dance->known_to_do > lower->highest_offered || is_refused ||
        (failed->negotiated != TLS_RANK_UNKNOWN && failed->negotiated > lower->highest_offered);
    if (can_do_more) {
        finding->is_downgrade = true;
        signals++;
        finding_add(finding, "server", lower->packet,
                    tls_rank_name((enum tls_rank)lower->highest_offered),
                    "known or marked to do more");
    }
    int steps = count_steps(dance);
    if (steps > 1) {
        signals++;
        finding_add(finding, "steps down", 0, "none", finding_text(text, "%d failed tries", steps));
    }
    if (lower->outcome == OUTCOME_COMPLETED) {
        signals++;
        finding_add(finding, "lower handshake", lower->packet, "fails too", "went through");
    }
    if (failed->is_suspect) {
        signals++;
        finding_add(finding, "first try", failed->packet, "fails by itself",
                    "an alert of its own was raised about it, in this incident");
    }
    signals += lower->has_fallback_scsv ? 1 : 0;
    signals += is_unexplained(failed) ? 1 : 0;
    finding->confidence = CONFIDENCE_LOW;
    if (signals >= 2)
        finding->confidence = signals >= 4 ? CONFIDENCE_HIGH : CONFIDENCE_MEDIUM;
}

/* Nearly every record is done here: no earlier one near it offered anything else. */
static bool is_worth_a_look(const struct attempt *now, const struct attempt *other,
                            uint64_t window_us) {
    return other->highest_offered != now->highest_offered &&
           other->ended_us + window_us >= now->started_us &&
           now->ended_us + window_us >= other->started_us;
}

static enum rule_result check(const struct handshake *handshake, const struct history *history,
                              const struct rule_settings *settings, struct finding *finding) {
    if (!(handshake->has & HANDSHAKE_HAS_OFFER))
        return RULE_UNKNOWN;
    if (history->attempt_count == 0)
        return RULE_PASS;
    const struct attempt *now = history->now;
    bool is_prepared = false;
    struct dance dance = {
        .history = history,
        .window_us = settings->fallback_window_us,
    };
    enum rule_result result = RULE_PASS;
    for (size_t i = 0; i < history->attempt_count; i++) {
        const struct attempt *other = history_attempt(history, i);
        if (!is_worth_a_look(now, other, settings->fallback_window_us))
            continue;
        if (!is_prepared)
            dance.known_to_do = history_server_ability(history, handshake);
        is_prepared = true;
        bool is_later = other->started_us > now->started_us;
        dance.failed = is_later ? now : other;
        dance.lower = is_later ? other : now;
        enum rule_result pair = judge_pair(&dance);
        if (pair == RULE_HIT) {
            weigh(&dance, finding);
            return RULE_HIT;
        }
        if (pair == RULE_UNKNOWN)
            result = RULE_UNKNOWN;
    }
    return result;
}

static const struct rule_threshold thresholds[] = {
    {"window", THRESHOLD_DURATION, offsetof(struct rule_settings, fallback_window_us), 100000,
     UINT64_C(3600000000),
     "longest time between a failed try and the lower one; inappropriate-fallback goes by it too"},
};

const struct rule rule_fallback_dance = {
    .kind = "fallback-dance",
    .signature_id = 2600004,
    .title = "A failed handshake made the client come back with a lower version",
    .rule_class = RULE_ATTACK,
    .severity = RULE_SEVERITY_HIGH,
    .on_by_default = true,
    .fires_when =
        "A handshake failed by a reset, an alert, a close or silence, and within the window (60 "
        "seconds) the same client came back to the same name with a lower highest version and the "
        "same or fewer cipher suites, or with TLS_FALLBACK_SCSV. It is judged when the later of "
        "the two records ends, so a first try that was swallowed counts too.",
    .stays_silent_when =
        "The failure has another reason (certificate, name, application protocol, a client that "
        "cancels within a second or hangs up without a word after the server's answer), or the "
        "server had answered with an older version itself; the first try did not offer the lower "
        "version and the server is not known to do the higher; the lower try got no ServerHello "
        "and is not marked as a fallback; both tries were refused with the same alert; the lower "
        "offer has suites that the first had not (another device behind the same address); the "
        "client probes: it goes down although higher versions had just worked, or it used the "
        "lower offer before anything failed, or the higher offer worked again in between. Unknown "
        "if the sensor missed part of the failed try or the start of the lower one, or if three or "
        "more different offers of "
        "either version came from the address within the window: then the two tries may belong "
        "to two clients.",
    .confidence =
        "Signals: the server is known or marked to do more (or refuses with alert 86); the failure "
        "came without an alert; an alert of class attack was raised about the failed try itself; "
        "TLS_FALLBACK_SCSV; more than one failed step; the lower handshake went through. One is "
        "low, two or three medium, four and more high.",
    .advice =
        "Look at how the first try died: resets or alerts that did not come from the server (other "
        "hop limit, data of the real server after them) mean somebody injects. If several clients "
        "of one network are affected, capture there. Switch off version fallback in the client, "
        "and old versions at the server, as far as the table per domain allows.",
    .references = "RFC 7507; B. Moeller, T. Duong, K. Kotowicz: This POODLE Bites (2014); "
                  "CVE-2014-3566; ATT&CK T1557, T1562.010",
    .thresholds = thresholds,
    .threshold_count = sizeof thresholds / sizeof thresholds[0],
    .needs = NEED_OFFER | NEED_OTHER_OFFER,
    .check = check,
};
