"""Public benchmarks of finished models, by lm-evaluation-harness."""
