"""The thirteen data sets of the demo world."""
