"""The demo world: a small language about invented people, its thirteen data sets and its three
models.
"""
