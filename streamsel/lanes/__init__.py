"""lanes: the selection of one partition, or one camera, which goes on wherever its state is restored.

A `Lane` is rules, decider, counts, and the place to read next. It knows neither Kafka nor cameras: it takes frames with
their vectors and gives decisions, and tells what of its state changed as small entries, key -> bytes, from which
another process makes the same Lane. Cutting the frames into other batches changes no pick. Its decider (`deciding`)
decides each frame `at_once`, or chooses the best `by_window` of time when that ends.
"""
