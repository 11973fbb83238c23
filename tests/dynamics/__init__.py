"""Tests of vibrations and Raman spectra."""
