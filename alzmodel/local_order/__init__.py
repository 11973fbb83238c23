"""From atoms to numbers: pair distribution functions, building units and how they join."""
