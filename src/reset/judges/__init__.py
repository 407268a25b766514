"""Judges: one file a measure. Each takes texts and gives scores; the stages join and write the
rows.
"""
