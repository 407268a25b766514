"""Judges of task performance."""
