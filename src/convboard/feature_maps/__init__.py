"""A picture of the user's own through a network: prediction, feature maps, strongest units, drawn as one sheet."""
