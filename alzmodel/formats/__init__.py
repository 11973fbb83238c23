"""Files of structures whose own words ASE does not take: CIF, LAMMPS, cut trajectories, packed files."""
