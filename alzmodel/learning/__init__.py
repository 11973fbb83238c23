"""Learning a fast potential from a slow calculator: samples, labels, descriptors, fit, and the loop around them."""
