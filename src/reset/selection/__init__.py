"""The best sample of each prompt."""
