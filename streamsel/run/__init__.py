"""run: what one run keeps while it goes and leaves when it ends.

`parts` is all that a run is made of; `opener`, `scouting` and `selecting` make some of it for `build`. `frames` gives
the windows of a source, and those of rows again, `clock` the time of live ones. `workspace` is the output folder and
whose it is; `ledger` gathers what blocks changed and commits it, with the `states` of all that remembers; `recall`
brings back what was kept; `facts` are noted of a source; `seen` and `heirs` know who stands for whom; `pooling` lets a
pool count; `comparison`, `picked_objects`, `sequence_numbers`, `notes` and `outcome` write the result. Everything here
joins rooms, as `pipeline` does; no room imports it.
"""
