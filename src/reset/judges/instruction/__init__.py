"""Judges of instruction following."""
