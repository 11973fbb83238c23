"""Models from compositions: packings, melt-quenched glasses and columns."""
