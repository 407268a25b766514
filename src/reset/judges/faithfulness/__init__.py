"""Judges of faithfulness to the context."""
