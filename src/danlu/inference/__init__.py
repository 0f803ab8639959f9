"""Using a model: nats, generation, masks, classes, token scores. Evaluate, predict and serve all go through here."""
