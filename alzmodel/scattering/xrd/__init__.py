"""X-ray diffraction: models and crystals to powder patterns, and lines of measured ones."""

from alzmodel.moved import names_of

__getattr__ = names_of(__name__, f"{__name__}.pattern")
