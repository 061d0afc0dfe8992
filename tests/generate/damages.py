"""damages.py - what networks and taps do to a connection.

Each is a function from steps to steps (talk.py). Those of HARMLESS leave everything readable: the
record must be the same as without. Those of HARMFUL take away what the sensor needs: the record must
say so, and never be clean. Deterministic: what is random comes from a seed.
"""

import random
import zlib
from dataclasses import replace

from packets import ACK, FIN, PSH, RST, SYN
from talk import SEQUENCE_MASK, URGENT, Step

HELLO, CLIENT_HELLO, SERVER_HELLO = 22, 1, 2


def _random(name):
    return random.Random(zlib.crc32(name.encode()))


def spread(steps):
    """The same order with times that do not run backwards."""
    time_us, result = steps[0].time_us, []
    for step in steps:
        time_us = max(time_us + 1, step.time_us)
        result.append(replace(step, time_us=time_us))
    return result


def _pieces(step, borders):
    """The step's segment cut at these offsets of its payload."""
    segment, made = step.segment, []
    borders = [0] + sorted({b for b in borders if 0 < b < step.size}) + [step.size]
    for number, (start, end) in enumerate(zip(borders, borders[1:])):
        is_last = end == step.size
        flags = segment.flags if is_last else segment.flags & ~(FIN | PSH)
        piece = step.later(number).changed(
            identification=segment.identification + number & 0xFFFF,
            sequence=segment.sequence + start & SEQUENCE_MASK,
            payload=segment.payload[start:end],
            flags=flags,
        )
        made.append(piece)
    return made


def _for_data(change):
    """A damage from a function that makes several steps of one with payload."""

    def damage(steps):
        result = []
        for step in steps:
            result += change(step) if step.size else [step]
        return spread(result)

    return damage


def _index(steps, predicate):
    return next(i for i, step in enumerate(steps) if predicate(step))


def _is_hello(step, kind):
    payload = step.segment.payload
    return len(payload) > 5 and payload[0] == HELLO and payload[5] == kind


def _is_client_hello(step):
    return _is_hello(step, CLIENT_HELLO)


def _is_server_hello(step):
    return _is_hello(step, SERVER_HELLO)


def client_hello_index(steps):
    return _index(steps, _is_client_hello)


def _rebased(steps, client, server):
    """The connection with its initial sequence numbers moved by these differences."""
    result = []
    for step in steps:
        mine, theirs = (client, server) if step.from_client else (server, client)
        segment = step.segment
        has_ack = segment.flags & ACK
        result.append(
            step.changed(
                sequence=segment.sequence + mine & SEQUENCE_MASK,
                acknowledgement=segment.acknowledgement + theirs & SEQUENCE_MASK if has_ack else 0,
            )
        )
    return result


# ---- harmless -----------------------------------------------------------------------------------


def every_packet_twice(steps):
    return spread([step for step in steps for _ in range(2)])


def everything_again_later(steps):
    """A tap that hands over each packet again, a little later."""
    result = []
    for index, step in enumerate(steps):
        result.append(step)
        if index >= 3:
            result.append(steps[index - 3])
    return spread(result + steps[-3:])


def shuffled(window, name):
    """Packets change places within a window of so many."""

    def damage(steps):
        generator = _random(name)
        keys = [index + generator.uniform(0, window) for index in range(len(steps))]
        order = sorted(range(len(steps)), key=lambda index: keys[index])
        start = steps[0].time_us
        return [
            replace(steps[index], time_us=start + 100 * place) for place, index in enumerate(order)
        ]

    return damage


@_for_data
def retransmitted_with_other_borders(step):
    """Sent in two, then again in three pieces."""
    return _pieces(step, [step.size // 2]) + _pieces(step, [step.size // 3, step.size * 2 // 3])


@_for_data
def retransmitted_whole_after_pieces(step):
    return _pieces(step, [step.size // 5, step.size // 2]) + [step]


@_for_data
def overlapping(step):
    """Pieces of 100 bytes, each with 30 bytes of the one before."""
    made = []
    for start in range(0, step.size, 100):
        payload = step.segment.payload[max(start - 30, 0) : start + 100]
        sequence = step.segment.sequence + max(start - 30, 0) & SEQUENCE_MASK
        made.append(step.changed(sequence=sequence, payload=payload))
    return made


def overlapping_backwards(steps):
    """The same pieces, the last one first."""
    result = []
    for step in steps:
        result += overlapping([step])[::-1] if step.size else [step]
    return spread(result)


@_for_data
def in_bytes(step):
    return _pieces(step, range(1, step.size))


@_for_data
def in_twelve(step):
    return _pieces(step, [step.size * n // 12 for n in range(1, 12)])


@_for_data
def in_twelve_backwards(step):
    return _pieces(step, [step.size * n // 12 for n in range(1, 12)])[::-1]


@_for_data
def cut_in_record_headers(step):
    """After the 1st, 3rd and 5th byte: inside of the first record header and behind it."""
    return _pieces(step, [1, 3, 5, 6])


DIALOGUE_START = 8  # bytes; fewer may be link padding as well as the beginning of a dialogue


@_for_data
def in_bytes_behind_a_start(step):
    return _pieces(step, range(DIALOGUE_START, step.size))


@_for_data
def in_pieces_behind_a_start(step):
    """At most twelve pieces behind the first eight bytes, the last one first."""
    first, *rest = _pieces(step, range(DIALOGUE_START, step.size, step.size // 12 + 1))
    return [first] + rest[::-1]


@_for_data
def retransmitted_behind_a_start(step):
    """In two pieces, then from the eighth byte on again, then whole."""
    middle = max(step.size // 2, DIALOGUE_START)
    return _pieces(step, [middle]) + _pieces(step, [DIALOGUE_START])[1:] + [step]


def _bogus_payload(filler):
    """Two to six bytes behind acknowledgements (also the SYN-ACK) that hold none; the sequence
    numbers go on as if they were not there."""

    def damage(steps):
        result = []
        for index, step in enumerate(steps):
            if step.size == 0 and step.segment.flags & (ACK | RST | FIN) == ACK:
                step = step.changed(payload=filler(2 + index % 5))
            result.append(step)
        return result

    return damage


def _noise(size):
    return bytes([0x5A, 0x13, 0xC7, 0x01, 0x99, 0x3E])[:size]


def _second_syn_ack(place):
    """A SYN-ACK with another initial sequence number, before or behind the one that counts."""

    def damage(steps):
        index = _index(steps, lambda step: step.segment.flags & (SYN | ACK) == SYN | ACK)
        sequence = steps[index].segment.sequence + 0x01234567 & SEQUENCE_MASK
        other = steps[index].changed(sequence=sequence)
        return spread(steps[:index + place] + [other] + steps[index + place:])

    return damage


def _with_fast_open(steps, is_taken):
    """The ClientHello in the SYN: taken, or ignored and sent again after the SYN-ACK."""
    hello = _index(steps, _is_client_hello)
    data = steps[hello].segment.payload
    result = []
    for index, step in enumerate(steps):
        flags = step.segment.flags
        if flags & SYN and not flags & ACK:
            step = step.changed(payload=data)
        elif flags & SYN and is_taken:
            acknowledgement = step.segment.acknowledgement + len(data) & SEQUENCE_MASK
            step = step.changed(acknowledgement=acknowledgement)
        elif index < hello and is_taken and step.from_client:
            step = step.changed(sequence=steps[hello].segment.sequence + len(data) & SEQUENCE_MASK)
        if index != hello or not is_taken:
            result.append(step)
    return result


def fast_open_ignored(steps):
    return _with_fast_open(steps, False)


def fast_open_taken(steps):
    return _with_fast_open(steps, True)


def fast_open_ignored_with_new_numbers(steps):
    """The data of the first SYN is ignored; the server answers a second SYN with another number."""
    return _second_syn_ack(0)(_with_fast_open(steps, False))


def _wrapping(client_bytes, server_bytes):
    """Sequence numbers pass zero after so many bytes of payload of each side."""

    def damage(steps):
        first = {True: None, False: None}
        for step in steps:
            if step.segment.flags & SYN and first[step.from_client] is None:
                first[step.from_client] = step.segment.sequence
        return _rebased(
            steps, -client_bytes - 1 - first[True], -server_bytes - 1 - first[False]
        )

    return damage


def keep_alives(steps):
    """A probe before and behind every payload: one byte before what is next, of no meaning."""
    result = []
    for step in steps:
        probe = step.changed(
            sequence=step.segment.sequence - 1 & SEQUENCE_MASK, payload=b"\0", flags=ACK
        )
        result += [probe, step, probe] if step.size > 1 else [step]
    return spread(result)


def empty_keep_alives(steps):
    """The same without a byte in them."""
    result = []
    for step in steps:
        probe = step.changed(
            sequence=step.segment.sequence - 1 & SEQUENCE_MASK, payload=b"", flags=ACK
        )
        result += [probe, step] if step.size > 1 else [step]
    return spread(result)


def zero_windows(steps):
    """The window is shut before every payload; probes bring its first byte until it opens."""
    result = []
    for step in steps:
        if step.size > 1:
            probe = step.changed(payload=step.segment.payload[:1], flags=ACK)
            shut = Step(step.time_us, step.segment.answered(ACK)).changed(
                acknowledgement=step.segment.sequence, window=0
            )
            result += [shut, probe, shut, probe, shut]
        result.append(step)
    return spread(result)


def urgent(steps):
    """Every payload is marked urgent up to its third byte; the byte stays in the stream."""
    result = []
    for step in steps:
        if step.size:
            step = replace(step.changed(flags=step.segment.flags | URGENT), urgent_pointer=3)
        result.append(step)
    return result


def without_bare_acknowledgements(steps):
    """The tap lost every packet that held neither data nor SYN, FIN or RST, but the handshake's."""
    hello = _index(steps, _is_client_hello)
    return [
        step
        for index, step in enumerate(steps)
        if index < hello or step.size or step.segment.flags & (SYN | FIN | RST)
    ]


def unknown_tcp_options(steps):
    """Options that nobody knows, as many as fit beside what is there."""
    result = []
    for step in steps:
        room = 40 - len(step.segment.options)
        if room >= 8:
            more = bytes([253, room]) + bytes(range(room - 2))
            step = step.changed(options=step.segment.options + more)
        result.append(step)
    return result


def syn_again(steps):
    """SYN and SYN-ACK each three times."""
    return spread(
        [step for step in steps for _ in range(3 if step.segment.flags & SYN else 1)]
    )


def hop_limits_vary(steps):
    """Packets take two routes."""
    return [
        step.changed(hop_limit=step.segment.hop_limit - index % 2)
        for index, step in enumerate(steps)
    ]


def without_syns(steps):
    """The capture begins with the first payload: nothing of TLS is missing."""
    return steps[_index(steps, _is_client_hello) :]


def port_reused(steps):
    """The connection, then at once another one of the same ports with numbers of its own."""
    length = steps[-1].time_us - steps[0].time_us + 1000
    again = _rebased(steps, 0x13572468, 0x24681357)
    return steps + [step.later(length) for step in again]


def port_reused_without_an_end(steps):
    """The first of the two ends when both sides are encrypted: no FIN, no RST."""
    first = [step for step in steps if not step.segment.flags & (FIN | RST)]
    length = steps[-1].time_us - steps[0].time_us + 1000
    again = _rebased(steps, 0x13572468, 0x24681357)
    return first + [step.later(length) for step in again]


HARMLESS = {
    "every packet twice": every_packet_twice,
    "everything again later": everything_again_later,
    "shuffled within 2": shuffled(2, "2"),
    "shuffled within 4": shuffled(4, "4"),
    "shuffled within 4, another way": shuffled(4, "4b"),
    "retransmitted with other borders": retransmitted_with_other_borders,
    "retransmitted whole after pieces": retransmitted_whole_after_pieces,
    "overlapping": overlapping,
    "overlapping backwards": overlapping_backwards,
    "in single bytes": in_bytes,
    "in twelve segments": in_twelve,
    "in twelve segments backwards": in_twelve_backwards,
    "cut in record headers": cut_in_record_headers,
    "bogus payload of zeros": _bogus_payload(bytes),
    "bogus payload of noise": _bogus_payload(_noise),
    "second SYN-ACK before": _second_syn_ack(0),
    "second SYN-ACK behind": _second_syn_ack(1),
    "fast open ignored": fast_open_ignored,
    "fast open taken": fast_open_taken,
    "fast open ignored, two SYN-ACKs": fast_open_ignored_with_new_numbers,
    "wrap after 1 byte": _wrapping(1, 1),
    "wrap in the hellos": _wrapping(100, 60),
    "wrap behind the hellos": _wrapping(500, 900),
    "wrap with the SYN": _wrapping(0, 0),
    "keep-alive probes": keep_alives,
    "empty keep-alive probes": empty_keep_alives,
    "zero-window probes": zero_windows,
    "urgent data": urgent,
    "without bare acknowledgements": without_bare_acknowledgements,
    "unknown TCP options": unknown_tcp_options,
    "SYN and SYN-ACK again": syn_again,
    "without SYN and SYN-ACK": without_syns,
    "two routes": hop_limits_vary,
}

# What is tried with dialogues before TLS, too.
HARMLESS_TO_DIALOGUES = {
    "every packet twice": every_packet_twice,
    "everything again later": everything_again_later,
    "in single bytes behind a start": in_bytes_behind_a_start,
    "in pieces behind a start, backwards": in_pieces_behind_a_start,
    "retransmitted behind a start": retransmitted_behind_a_start,
    "keep-alive probes": keep_alives,
    "wrap in the dialogue": _wrapping(5, 5),
}

# Two records, each like the one.
TWO_RECORDS = {
    "port reused": port_reused,
    "port reused without an end": port_reused_without_an_end,
}


# ---- harmful ------------------------------------------------------------------------------------


def _without_piece(predicate, start, end):
    """The first payload for which `predicate` holds, without these bytes (a lost segment)."""

    def damage(steps):
        index = _index(steps, predicate)
        pieces = _pieces(steps[index], [start, end])
        lost = [piece for number, piece in enumerate(pieces) if number != 1]
        return spread(steps[:index] + lost + steps[index + 1 :])

    return damage


def _without_step(predicate):
    def damage(steps):
        index = _index(steps, predicate)
        return steps[:index] + steps[index + 1 :]

    return damage


def only_client(steps):
    return [step for step in steps if step.from_client]


def only_server(steps):
    return [step for step in steps if not step.from_client]


def without_start_and_client_hello(steps):
    return steps[_index(steps, _is_client_hello) + 1 :]


def ends_with_client_hello(steps):
    return steps[: _index(steps, _is_client_hello) + 1]


def ends_with_server_hello(steps):
    return steps[: _index(steps, _is_server_hello) + 1]


HARMFUL = {
    "lost: middle of the ClientHello": _without_piece(_is_client_hello, 60, 90),
    "lost: start of the ClientHello": _without_piece(_is_client_hello, 0, 40),
    "lost: end of the ClientHello": _without_piece(_is_client_hello, 150, 100000),
    "lost: the ClientHello": _without_step(_is_client_hello),
    "lost: middle of the ServerHello": _without_piece(_is_server_hello, 20, 40),
    "lost: middle of the server's flight": _without_piece(_is_server_hello, 85, 95),
    "lost: the ServerHello": _without_step(_is_server_hello),
    "only the client": only_client,
    "only the server": only_server,
    "start missing": without_start_and_client_hello,
    "ends with the ClientHello": ends_with_client_hello,
    "ends with the ServerHello": ends_with_server_hello,
}
SNAP_LENGTHS = (96, 128, 200)
