"""Records as prompts and targets."""
