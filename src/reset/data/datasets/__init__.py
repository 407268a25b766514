"""The thirteen published data sets and a user's own: one file each, and their registry."""
