"""stream: each row decided once, as it comes, for good: strategies, the rate controller and the OnePass driver."""
