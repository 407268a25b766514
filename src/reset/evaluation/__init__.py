"""What a run's answers are worth, by data set."""
