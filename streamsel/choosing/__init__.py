"""choosing: `streamsel choose`, a selection from a table of ready rows, with no video at all.

`table_run` is its way on one page; `chosen` is what it leaves in a folder; `reached` sets what each strategy asked for
beside what came out. Joins rooms, as `run` does; no room imports it.
"""
