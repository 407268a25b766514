"""A trained model, or the candidates and winners of a pool, on the hub, with a card."""
