"""How far the input of a map is from what its model was trained on, by the statistics in the model's manifest."""
