"""A trained model on the hub, with its card."""
