"""The prompts that answers are sampled for."""
