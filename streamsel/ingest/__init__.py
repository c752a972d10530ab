"""ingest: `streamsel run` for a topic: a member of a consumer group, which selects in each partition by itself.

`loop` is its main page: poll, open, embed over all partitions at once, decide a lane at a time, commit. What a window
of time chose is owed (`owed`), and sent in transactions of its own (`debts`).
"""
