"""service: what runs for weeks: the ingest consumer, its lanes, its metrics.

A Lane is one partition's selection: rules, decider, counts, and the offset to read next. It knows nothing of Kafka: it
takes frames with their vectors and gives decisions, and tells what of its state changed as entries, key -> bytes, from
which another process makes the same Lane. Cutting a partition's frames into other batches changes no pick. Its decider
(`deciding`) decides each frame `at_once`, or chooses the best `by_window` of time when that ends.

`ingest` is the loop, on one page: poll, decode, embed over all partitions at once, decide a lane at a time, commit.
"""
