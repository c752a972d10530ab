"""process: what a process that runs for weeks owes its machine: cores, memory, and signs of life."""
