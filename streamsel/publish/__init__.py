"""publish: `streamsel publish`: the frames of a clip to a topic, as a camera would send them."""
