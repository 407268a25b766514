"""Measures of text that several wings share."""
