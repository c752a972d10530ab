"""run: what one run keeps while it goes and leaves when it ends.

`workspace` is the output folder and whose it is; `ledger` gathers what blocks changed and commits it; `recall` brings
back what was kept; `seen` and `heirs` know who stands for whom; `comparison` and `outcome` write the result.
Everything here joins rooms, as `pipeline` does; no room imports it.
"""
