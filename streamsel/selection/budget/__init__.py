"""budget: the best n of a table of candidates, one pick at a time: objectives, constraints and the greedy driver."""
