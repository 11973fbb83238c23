"""EXAFS: what an X-ray absorption edge would see of a model, and what an experimenter would read from it."""
