"""The three models of the demo world."""
