"""choosing: `streamsel choose`, a selection from a table of ready rows with no video at all, and `streamsel check`.

`table_run` says what is to be chosen from what, `table_columns` reads it, `choosing` is the way of a choice on one
page, `included` sees to what must be picked, `chosen` is what it leaves in a folder (`comparison`: how good it is), and
`remembering` in a pool.

`checking` tells before a run what it can reach, in findings (`finding`): of the config alone (`checked_config`), of
files that it reads (`checked_files`), of each strategy (`checked_goals`) and each constraint (`checked_constraints`),
by bounds that stand alone (`reach`). Joins rooms, as `run` does; no room imports it.
"""
