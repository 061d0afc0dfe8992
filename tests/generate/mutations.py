"""mutations.py - what a bad tap does to a whole capture.

Functions from records (capture_file.py) to records, whatever is in them. What is random comes from a
seed, so that a capture and a seed always give the same.
"""

import random

MILLISECOND_NS = 1_000_000


def every_packet_twice(records):
    return [record for record in records for _ in range(2)]


def with_loss(share, seed):
    """Each record is lost with this probability."""

    def mutate(records):
        generator = random.Random(seed)
        return [record for record in records if generator.random() >= share]

    return mutate


def shuffled(window_ms, seed):
    """Each record comes up to so many milliseconds late; times are those of arrival."""

    def mutate(records):
        generator = random.Random(seed)
        late = [
            record.at(record.time_ns + generator.randrange(window_ms * MILLISECOND_NS))
            for record in records
        ]
        return sorted(late, key=lambda record: record.time_ns)

    return mutate


def repeated(share, window_ms, seed):
    """Each record comes again with this probability, up to so many milliseconds later."""

    def mutate(records):
        generator = random.Random(seed)
        again = [
            record.at(record.time_ns + generator.randrange(window_ms * MILLISECOND_NS))
            for record in records
            if generator.random() < share
        ]
        return sorted(records + again, key=lambda record: record.time_ns)

    return mutate


def cut_to(snap_length):
    return lambda records: [record.cut(snap_length) for record in records]


def one_after_another(*mutations):
    def mutate(records):
        for each in mutations:
            records = each(records)
        return records

    return mutate


MUTATIONS = {
    "each packet twice": every_packet_twice,
    "5 % lost, seed 1": with_loss(0.05, 1),
    "5 % lost, seed 2": with_loss(0.05, 2),
    "5 % lost, seed 3": with_loss(0.05, 3),
    "5 % lost, seed 911": with_loss(0.05, 911),
    "5 % lost, seed 100": with_loss(0.05, 100),
    "shuffled within 10 ms, seed 4": shuffled(10, 4),
    "shuffled within 10 ms, seed 102": shuffled(10, 102),
    "shuffled within 10 ms, seed 105": shuffled(10, 105),
    "shuffled within 10 ms, seed 133": shuffled(10, 133),
    "5 % lost and shuffled": lambda records: shuffled(10, 5)(with_loss(0.05, 6)(records)),
    "start lost": lambda records: records[3:],
    "end lost": lambda records: records[:-3],
    "a third again within 3 ms": repeated(0.33, 3, 5),
    "5 % lost, then shuffled within 10 ms": one_after_another(with_loss(0.05, 6), shuffled(10, 7)),
    "lost, shuffled, repeated, snap length 256": one_after_another(
        with_loss(0.05, 8), shuffled(10, 9), repeated(0.2, 3, 10), cut_to(256)
    ),
    "snap length 600": cut_to(600),
    "snap length 256": cut_to(256),
    "snap length 96": cut_to(96),
}
# Those that take nothing away: the records stay the same.
LOSSLESS = {"each packet twice"}
