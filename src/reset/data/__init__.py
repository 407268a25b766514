"""From published rows to training mixes and evaluation rows."""
