"""Fluctuation electron microscopy: specimens to the variance of their diffraction patterns."""

from alzmodel.moved import names_of

__getattr__ = names_of(__name__, f"{__name__}.variance")
