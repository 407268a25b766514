"""What all judges share: generations joined with their prompts, and models that score texts."""
