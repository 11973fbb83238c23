"""Atomistic models of Li-La-Zr-O glasses and the scattering experiments they predict.

Lengths are in Å, energies in eV, times in ps, temperatures in K, pressures in GPa and densities in
g cm⁻³. Q is in Å⁻¹ and carries the factor 2π; the FEM wave number k = 1/d is in nm⁻¹ without it.
"""

__version__ = "0.1.0"

from alzmodel.moved import install as _keep_old_paths

_keep_old_paths()
