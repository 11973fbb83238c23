"""Atoms to curves: form factors, weighted pair distributions, X-ray patterns and fluctuation microscopy."""
