"""Pair potentials as data, their tables, and LAMMPS in a child process."""
