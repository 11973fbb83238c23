"""Studies: a grid of models, their analysis and their comparison, as tasks whose results stay on disk."""
