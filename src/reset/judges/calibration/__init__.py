"""How far the NLI model's verdicts can be trusted."""
