"""Training mixes and the evaluation set, kept apart by decontamination."""
