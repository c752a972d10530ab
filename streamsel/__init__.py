"""streamsel looks at video once, while it streams, and keeps the few frames that add something."""
