"""Answers of a model to prompts, sampled or greedy."""
