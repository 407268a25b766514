"""The small language of the demo world."""
