"""Model values against measured ones, and hypotheses against models."""
