"""Networks, built of blocks that the observer can look into."""
