"""Workers, what keeps them running, and what they leave."""
