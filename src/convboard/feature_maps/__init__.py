"""An image of the user's own through a network: prediction, feature maps and strongest units, drawn as one montage."""
